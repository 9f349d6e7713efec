"""Rules and calls as `connector.mapping.lints.guards` evaluates them, without an event."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from connector.mapping.document import Loc
from connector.mapping.expression import EvaluationError, Expression, Text, Value
from connector.mapping.lints.missing import Missing
from connector.mapping.lints.unknown import found_in
from connector.mapping.lints.unknown_code import UnknownScope
from connector.mapping.meter import TooMuchWork


class GuardedCall(NamedTuple):
    """A writing call.

    `when` and `each` are its own and those of the block's use; `musts` are conditions of `require`
    entries before it; `values` are parameters of the block and values of `let` entries. `subject`
    and `content` have what reads the part; `reads` is true if anything does. Ids in `suspect` are
    those of earlier reads that were made with the part.
    """

    loc: Loc
    values: dict[str, Value]
    musts: tuple[Expression, ...]
    when: tuple[Expression, ...]
    each: tuple[Expression, ...]
    subject: tuple[Value, ...]
    content: tuple[Value, ...]
    reads: bool
    suspect: frozenset[str]

    def sent(self, scope: UnknownScope) -> bool:
        """True if the call is sent. The scope's trail then has the uses that decide about it.

        A `when` that only tests a field for null, and does not hold, is a guard of the call. So is
        a `require` before it, whatever it asks.

        Raises:
            EvaluationError: the event is invalid.
        """
        if not all(must.evaluate(scope) for must in self.musts):
            scope.trail.uses = {}
            return False
        if not all(when.evaluate(scope) for when in self.when):
            scope.trail.uses = {use: None for use in scope.trail.uses if not use.tested}
            return False
        for each in self.each:
            _send(each.evaluate(scope))
        _need(self.subject, scope)
        for value in self.content:
            if isinstance(value, Text):
                _send_text(value, scope)
            else:
                _send(value.evaluate(scope))
        return True


class GuardedRule(NamedTuple):
    """A rule: its `when`, those of its conditions that matter, and its writing calls.

    `needed` are texts that read the part, of calls that are ready before the first call is made:
    if one of them has no value, the event is invalid and nothing is sent.
    """

    when: Expression | None
    ignore: tuple[Expression, ...]
    require: tuple[Expression, ...]
    needed: tuple[Value, ...]
    calls: tuple[GuardedCall, ...]

    def chosen(self, scope: UnknownScope) -> bool:
        """True if its `when` holds."""
        return self.when is None or bool(self.when.evaluate(scope))

    def passes(self, scope: UnknownScope) -> bool:
        """True if neither an `ignore` nor a `require` ends the event.

        Raises:
            EvaluationError: the event is invalid.
        """
        if any(condition.evaluate(scope) for condition in self.ignore):
            return False
        if not all(condition.evaluate(scope) for condition in self.require):
            return False
        uses = dict(scope.trail.uses)
        _need(self.needed, scope)
        scope.trail.uses = uses
        return True


def _need(values: Iterable[Value], scope: UnknownScope) -> None:
    """Evaluate texts and subjects.

    Raises:
        EvaluationError: one has no value, so the event is invalid.
    """
    for value in values:
        if isinstance(value, Text):
            _send_text(value, scope)
        elif isinstance(value.evaluate(scope), Missing | None):
            raise EvaluationError("a subject without a value")


def _send(found: Any) -> None:
    """Note the missing values in what a call sends.

    Raises:
        EvaluationError: it is too large, so the event is invalid.
    """
    try:
        for lost in found_in(found, Missing):
            lost.used()
    except TooMuchWork as error:
        raise EvaluationError(str(error)) from None


def _send_text(value: Text, scope: UnknownScope) -> None:
    """Evaluate a text of a call.

    Raises:
        EvaluationError: it needs the missing value, so the event is invalid.
    """
    for expression in value.expressions:
        if isinstance(expression.evaluate(scope), Missing | None):
            raise EvaluationError("a text without a value")
