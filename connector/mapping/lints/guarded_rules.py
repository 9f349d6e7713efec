"""Makes `GuardedRule`s of the rules of a mapping; blocks and resources are looked into."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from connector.mapping.between import BlockUse, LetEntry, RequireEntry, names_of
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import Entry, leaves
from connector.mapping.expression import Expression, Text, Value
from connector.mapping.lints.guarded import GuardedCall, GuardedRule
from connector.mapping.lints.reads import Fields, overlap
from connector.mapping.lints.unknown_code import condition_without_event, without_event
from connector.mapping.resource import Resource
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile


def guarded_rules(mapping: MappingFile, part: str, fields: Fields) -> Iterator[GuardedRule]:
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
            calls=(
                *_held(mapping, ("rules", index), part, fields),
                *_calls(mapping, ("rules", index, "calls"), part, fields),
            ),
        )


def _held(mapping: MappingFile, loc: Loc, part: str, fields: Fields) -> Iterator[GuardedCall]:
    """Yield a call for each resource that the rule holds, releases or removes."""
    rule = mapping.rules[int(loc[1])]
    for verb, holdings in (
        ("release", rule.release),
        ("remove", rule.remove),
        ("hold", rule.hold),
    ):
        for index, given in enumerate(holdings):
            known = fields.with_values(given)
            for _, entry in mapping.held(given):
                content = list(_deciding(entry, verb))
                reads = known.reads((given, content), {part})
                yield GuardedCall(
                    loc=(*loc, verb, index),
                    values={name: without_event(value) for name, value in given.items()},
                    musts=(),
                    when=(),
                    each=(),
                    subject=_reading(known, {part}, given.values()),
                    content=_reading(known, {part}, content),
                    reads=reads,
                    suspect=frozenset(),
                )


def _deciding(entry: Resource, verb: str) -> Iterator[Value]:
    """Yield what decides which calls are made for a resource, and what these send."""
    wanted = {"hold": entry.want, "release": entry.released}.get(verb)
    made = entry.makes if verb == "hold" else None
    calls = (entry.read, *entry.writes_of(verb))
    replies = (entry.absent, entry.found, entry.exists, entry.gone)
    for value in (wanted, made, *replies, *(call.when for call in calls)):
        if value is not None:
            yield value
    for call in calls:
        yield from _content(call)


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
        if call.reads:
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
        if key not in ("when", "each", "subject", "replies", "expect", "pages"):
            yield value
