"""The rules of a mapping as `connector.mapping.guards` evaluates them, without an event."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import leaves
from connector.mapping.expression import EvaluationError, Expression, Text, Value
from connector.mapping.meter import TooMuchWork
from connector.mapping.missing import Missing
from connector.mapping.reads import Fields, overlap
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.mapping.unknown import found_in
from connector.mapping.unknown_code import UnknownScope, condition_without_event, without_event


class GuardedCall(NamedTuple):
    """A writing call.

    `reads` is true if it reads the part; `content` is what of it does. Ids in `suspect` are those
    of earlier reads that were made with the part. `subject` is empty if it does not read the part.
    """

    loc: Loc
    when: Expression | None
    each: Expression | None
    subject: tuple[Value, ...]
    content: tuple[Value, ...]
    reads: bool
    suspect: frozenset[str]

    def sent(self, scope: UnknownScope) -> bool:
        """True if the call is sent. The scope's trail then has the uses that decide about it.

        A `when` that only tests a field for null, and does not hold, is a guard of the call.

        Raises:
            EvaluationError: the event is invalid.
        """
        if self.when and not self.when.evaluate(scope):
            scope.trail.uses = {use: None for use in scope.trail.uses if not use.tested}
            return False
        if self.each is not None:
            _send(self.each.evaluate(scope))
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


def guarded(mapping: MappingFile, part: str, fields: Fields) -> Iterator[GuardedRule]:
    """Yield the rules, to be evaluated with the part missing.

    Conditions are left out that read neither the part nor a field that stands beside it: they may
    hold or not. A `when` is never left out: it decides about the rules that follow.
    """
    beside = fields.beside(mapping, part)

    def mattering(conditions: Iterable[Expression]) -> tuple[Expression, ...]:
        return tuple(
            condition_without_event(found)
            for found in conditions
            if any(overlap(a, b) for a in fields.of(found) for b in beside)
        )

    for index, rule in enumerate(mapping.rules):
        yield GuardedRule(
            when=condition_without_event(rule.when) if rule.when else None,
            ignore=mattering(entry.if_ for entry in rule.ignore),
            require=mattering(entry.that for entry in rule.require),
            needed=tuple(_needed(rule, part, fields)),
            calls=tuple(_calls(rule, ("rules", index, "calls"), part, fields)),
        )


def _calls(rule: Rule, loc: Loc, part: str, fields: Fields) -> Iterator[GuardedCall]:
    names = {part}
    for index, call in enumerate(rule.calls):
        reads = fields.reads((call, rule.subject), names)
        if call.only_reads:
            names |= {call.id} if call.id and reads else set()
            continue
        yield GuardedCall(
            loc=(*loc, index),
            when=condition_without_event(call.when) if call.when else None,
            each=condition_without_event(call.each) if call.each else None,
            subject=tuple(
                without_event(value)
                for value in (call.subject or rule.subject,)
                if value is not None and fields.reads(value, names)
            ),
            content=tuple(
                without_event(value) for value in _content(call) if fields.reads(value, names)
            ),
            reads=reads,
            suspect=frozenset(names - {part}),
        )


def _needed(rule: Rule, part: str, fields: Fields) -> Iterator[Value]:
    """Yield the texts and subjects that every event of the rule needs."""
    ids: set[str] = set()
    for call in rule.calls:
        if call.when is None and call.each is None:
            values = [call.subject or rule.subject]
            if call.names_read.isdisjoint(ids):
                values += [value for value in _content(call) if isinstance(value, Text)]
            for value in values:
                if value is not None and fields.reads(value, {part}):
                    yield without_event(value)
        ids.add(call.id or "")


def _content(call: CallEntry) -> Iterator[Value]:
    """Yield what a call sends."""
    for (key, *_), value in leaves(call):
        if key not in ("when", "each", "subject", "replies", "expect"):
            yield value


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
