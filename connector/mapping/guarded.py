"""The rules of a mapping as `connector.mapping.guards` evaluates them, without an event."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from connector.mapping.document import Loc
from connector.mapping.entry import CallEntry, leaves, used
from connector.mapping.expression import EvaluationError, Expression, Text, Value
from connector.mapping.meter import TooMuchWork
from connector.mapping.missing import Missing
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.mapping.unknown import found_in
from connector.mapping.unknown_code import UnknownScope, condition_without_event, without_event

Path = tuple[str, ...]


class Fields:
    """The fields that entries of a mapping read, directly or through values of the mapping."""

    def __init__(self, mapping: MappingFile) -> None:
        self._of: dict[str, set[Path]] = {}
        for name, value in mapping.values.items():
            self._of[name] = self.of(value)

    def of(self, entry: object) -> set[Path]:
        """The fields that an entry reads: `("account", "bill_status")`."""
        paths = {path for _, found in used(entry) for path in found.paths}
        return paths.union(*(self._of.get(path[0], ()) for path in paths))

    def reads(self, entry: object, names: Iterable[str]) -> bool:
        """True if an entry reads one of these names."""
        return not {path[0] for path in self.of(entry)}.isdisjoint(names)

    def beside(self, mapping: MappingFile, part: str) -> set[Path]:
        """The fields that stand in one expression with the part, and the part's own."""
        found = [self.of(expression) for _, expression in used(mapping.rules)]
        return set().union(*(paths for paths in found if any(p[0] == part for p in paths)))


class GuardedCall(NamedTuple):
    """A writing call.

    `reads` is true if it reads the part; `content` is what of it does. Ids in `suspect` are those
    of earlier reads that were made with the part.
    """

    loc: Loc
    when: Expression | None
    each: Expression | None
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
        for value in self.content:
            if isinstance(value, Text):
                _send_text(value, scope)
            else:
                _send(value.evaluate(scope))
        return True


class GuardedRule(NamedTuple):
    """A rule: its `when`, those of its conditions that matter, and its writing calls."""

    when: Expression | None
    ignore: tuple[Expression, ...]
    require: tuple[Expression, ...]
    calls: tuple[GuardedCall, ...]

    def chosen(self, scope: UnknownScope) -> bool:
        """True if its `when` holds."""
        return self.when is None or bool(self.when.evaluate(scope))

    def passes(self, scope: UnknownScope) -> bool:
        """True if neither an `ignore` nor a `require` ends the event."""
        if any(condition.evaluate(scope) for condition in self.ignore):
            return False
        return all(condition.evaluate(scope) for condition in self.require)


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
            if any(_overlap(a, b) for a in fields.of(found) for b in beside)
        )

    for index, rule in enumerate(mapping.rules):
        yield GuardedRule(
            when=condition_without_event(rule.when) if rule.when else None,
            ignore=mattering(entry.if_ for entry in rule.ignore),
            require=mattering(entry.that for entry in rule.require),
            calls=tuple(_calls(rule, ("rules", index, "calls"), part, fields)),
        )


def _overlap(one: Path, other: Path) -> bool:
    return one[: len(other)] == other[: len(one)]


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
            content=tuple(
                without_event(value) for value in _content(call, rule) if fields.reads(value, names)
            ),
            reads=reads,
            suspect=frozenset(names - {part}),
        )


def _content(call: CallEntry, rule: Rule) -> Iterator[Value]:
    """Yield what a call sends, and its subject."""
    if rule.subject and not call.subject:
        yield rule.subject
    for (key, *_), value in leaves(call):
        if key not in ("when", "each"):
            yield value


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
