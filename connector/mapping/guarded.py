"""The rules of a mapping as `connector.mapping.guards` evaluates them, without an event."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from connector.mapping.between import BlockUse, LetEntry, RequireEntry, names_of
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import Entry, leaves
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


def guarded(mapping: MappingFile, part: str, fields: Fields) -> Iterator[GuardedRule]:
    """Yield the rules, to be evaluated with the part missing.

    Conditions are left out that read neither the part nor a field that is read beside it: they may
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
            calls=tuple(_calls(mapping, ("rules", index, "calls"), part, fields)),
        )


class _Around(NamedTuple):
    """What holds around a call: conditions before it, and the use of the block that it is in."""

    loc: Loc
    values: dict[str, Value]
    musts: tuple[Expression, ...] = ()
    use: BlockUse | None = None
    subject: Value | None = None


def _sequence(
    mapping: MappingFile, entries: Iterable[Entry], around: _Around
) -> Iterator[tuple[CallEntry, _Around]]:
    """Yield each call, those of blocks included, and what holds around it."""
    for index, entry in enumerate(entries):
        here = around if around.use else around._replace(loc=(*around.loc, index))
        if isinstance(entry, CallEntry):
            yield entry, here
        elif isinstance(entry, LetEntry):
            around = around._replace(values={**around.values, **entry.let})
        elif isinstance(entry, RequireEntry):
            around = around._replace(musts=(*around.musts, *(must.that for must in entry.require)))
        elif isinstance(entry, BlockUse) and entry.block in mapping.blocks:
            block = mapping.blocks[entry.block]
            inside = here._replace(
                values={**here.values, **entry.with_}, use=entry, subject=block.subject
            )
            yield from _sequence(mapping, block.calls, inside)


def _calls(mapping: MappingFile, loc: Loc, part: str, fields: Fields) -> Iterator[GuardedCall]:
    names, rule = {part}, mapping.rules[int(loc[1])]
    for call, around in _sequence(mapping, rule.calls, _Around(loc, {}, subject=rule.subject)):
        known = fields.with_values(around.values)
        use, subject = around.use, call.subject or around.subject
        when = [found for found in (use.when if use else None, call.when) if found is not None]
        each = [found for found in (use.each if use else None, call.each) if found is not None]
        reads = known.reads((call, subject, when, each), names)
        if call.only_reads:
            names |= {call.id} if call.id and reads else set()
            continue
        yield GuardedCall(
            loc=around.loc,
            values={name: without_event(value) for name, value in around.values.items()},
            musts=tuple(
                condition_without_event(must) for must in around.musts if known.reads(must, names)
            ),
            when=tuple(map(condition_without_event, when)),
            each=tuple(map(condition_without_event, each)),
            subject=_reading(known, names, [subject] if subject is not None else []),
            content=_reading(known, names, _content(call)),
            reads=reads,
            suspect=frozenset(names - {part}),
        )


def _reading(fields: Fields, names: set[str], values: Iterable[Value]) -> tuple[Value, ...]:
    """The values that read one of the names, to be evaluated without an event."""
    return tuple(without_event(value) for value in values if fields.reads(value, names))


def _needed(rule: Rule, part: str, fields: Fields) -> Iterator[Value]:
    """Yield the texts and subjects that every event of the rule needs."""
    late: set[str] = set()
    for call in rule.calls:
        if isinstance(call, CallEntry) and call.when is None and call.each is None:
            subject = call.subject or rule.subject
            values = [subject] if subject is not None else []
            if call.names_read.isdisjoint(late):
                values += [value for value in _content(call) if isinstance(value, Text)]
            yield from _reading(fields, {part}, values)
        late |= set(names_of([call]))


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
