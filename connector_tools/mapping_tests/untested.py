"""Lints for what no test of a mapping file reaches."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connector.mapping.between import Must
from connector.mapping.call_entry import CallEntry
from connector.mapping.chain import ITEM, Chain
from connector.mapping.document import Lint, Loc
from connector.mapping.entry import Entry, leaves
from connector.mapping.expression import Expression, Text, Tree
from connector.mapping.reply_rule import Expectation, ReplyRule
from connector.mapping.resource import Resource
from connector.mapping.rule import Ignore, Require, Rule
from connector.mapping.schema import MappingFile
from connector_tools.mapping_tests.held import gaps_of
from connector_tools.mapping_tests.run import CaseResult
from connector_tools.mapping_tests.seen import (
    FAILS,
    HOLDS,
    Note,
    condition_note,
    conditions,
    entries,
    read_note,
    reply_chains,
    reply_names,
)

_ADD = "add one under `tests`"
_USER = ("rules", 0)  # the path of a rule, block or resource: its section, and its index or name
_MOST_USERS = 3  # that are named


class _Gap(NamedTuple):
    """Something that no test reaches, at a path of the mapping file."""

    loc: Loc
    lint: Lint


class _Reached(NamedTuple):
    """A mapping, and what its tests reach."""

    mapping: MappingFile
    notes: frozenset[Note]

    def has(self, loc: Loc, note: str) -> bool:
        """Whether there is this note about the place of `loc`."""
        return (self.mapping.document.place(loc), note) in self.notes

    def gap(self, name: str, loc: Loc, reason: str, mend: str = _ADD) -> _Gap:
        users = self._users(loc)
        if len(users) > 1:  # the place is that of the anchor, which may be in another rule
            named = ", ".join(f"`{user}`" for user in users[:_MOST_USERS])
            more = ", ..." if len(users) > _MOST_USERS else ""
            reason += f", here or where an alias repeats it (in {named}{more})"
        return _Gap(loc, self.mapping.document.lint(name, loc, reason, mend))

    def _users(self, loc: Loc) -> list[str]:
        """The rules, blocks and resources that have what stands at the place of `loc`."""
        place = self.mapping.document.place(loc)
        found = [other[:2] for other, at in self.mapping.document.places.items() if at == place]
        return [self._named(*user) for user in dict.fromkeys(found) if len(user) == len(_USER)]

    def _named(self, section: str | int, key: str | int) -> str:
        return self.mapping.rules[int(key)].name if section == "rules" else str(key)


def untested(mapping: MappingFile, results: Sequence[CaseResult]) -> list[Lint]:
    """The lints of what the tests with these results do not reach, in the order of their lines.

    Of a call that no test sends there is one lint; what is in it is not named.
    """
    notes = frozenset(note for result in results for note in result.notes)
    reached = _Reached(mapping, notes)
    checks = (_unreached, _undecided, _uncompared, _unseen)
    gaps = [gap for check in checks for gap in check(reached) if not _is_listing(gap.loc)]
    calls = [loc for loc, entry in entries(mapping) if isinstance(entry, CallEntry)]
    unsent = [loc for loc in calls if not reached.has(loc, "sent")]
    found = [
        gap.lint for gap in gaps if not any(gap.loc != loc == gap.loc[: len(loc)] for loc in unsent)
    ]
    return sorted(dict.fromkeys(found), key=lambda lint: (lint.place, lint.reason))


def _is_listing(loc: Loc) -> bool:
    """True for a place in `list` of a resource: no event reads it."""
    return loc[0] == "resources" and loc[2:3] == ("list",)


def _unreached(reached: _Reached) -> Iterator[_Gap]:
    """Yield a lint `untested` for each entry that decides no test."""
    for loc, entry in entries(reached.mapping):
        for at, note, reason in _wanted(loc, entry):
            if not reached.has(at, note):
                yield reached.gap("untested", at, reason)
        if isinstance(entry, Resource):
            yield from _unheld(reached, loc, entry)


def _wanted(loc: Loc, entry: Entry) -> Iterator[tuple[Loc, str, str]]:
    """Yield what tests must reach in an entry: a place, the note of it, and the lint's reason."""
    match entry:
        case Ignore():
            yield (*loc, "if"), HOLDS, "no test reaches this `ignore`"
        case Require():
            yield (*loc, "that"), FAILS, "no test reaches this `require`"
        case Expectation() | Must():
            yield (*loc, "that"), FAILS, "no test has a reply that this condition refuses"
        case ReplyRule():
            yield (*loc, "if"), HOLDS, "no test has a reply that this entry decides"
        case Rule():
            for name in entry.on:
                reason = f"no test sends a call of `{entry.name}` for {name}"
                yield (*loc, "on"), name.lower(), reason
        case CallEntry():
            yield loc, "sent", "no test sends this call"
            for value in getattr(entry, "accept", ()):
                reason = f"no test has a reply that `accept: {value}` makes a success"
                yield (*loc, "accept"), f"accepts {value}", reason
    for (key, note), verb in _WAYS.items():
        if isinstance(getattr(entry, key, None), Expression):
            yield (*loc, key), note, f"no test in which this `{key}` {verb}"


_WAYS = {
    ("when", HOLDS): "holds",
    ("when", FAILS): "does not hold",
    ("each", HOLDS): "has items",
    ("each", FAILS): "has no item",
}


def _unheld(reached: _Reached, loc: Loc, entry: Resource) -> Iterator[_Gap]:
    """Yield a lint `untested` for each result of comparing a resource that no test has."""
    for key, note in (("absent", HOLDS), ("absent", FAILS), ("exists", HOLDS), ("gone", HOLDS)):
        if getattr(entry, key) and not reached.has((*loc, key), note):
            verb = "holds" if note == HOLDS else "does not hold"
            yield reached.gap("untested", (*loc, key), f"no test in which `{key}` {verb}")
    place = reached.mapping.document.place(loc)
    notes = {note for at, note in reached.notes if at == place}
    for at, reason in gaps_of(entry, notes):
        yield reached.gap("untested", (*loc, *at), reason)


def _undecided(reached: _Reached) -> Iterator[_Gap]:
    """Yield a lint `untested` for each condition inside an expression that never decides."""
    for loc, value in leaves(reached.mapping):
        found = conditions(loc, value) if isinstance(value, Expression) else None
        for number in range(1, found.count + 1 if found else 1):
            ways = [reached.has(loc, condition_note(number, holds=way)) for way in (True, False)]
            if not all(ways):
                verb = "does not hold" if ways[0] else "holds" if ways[1] else "decides"
                source = getattr(value, "source", "").removeprefix("=").strip()
                reason = f"no test in which condition {number} of `{source}` {verb}"
                yield reached.gap("untested", loc, reason)


def _uncompared(reached: _Reached) -> Iterator[_Gap]:
    """Yield a lint `uncompared` for each part of a call or answer that no test compares."""
    wanted = {(place, note[4:]) for place, note in reached.notes if note.startswith("has ")}
    missing = {item for item in wanted if (item[0], f"compares {item[1]}") not in reached.notes}
    for loc, _ in entries(reached.mapping):
        here = reached.mapping.document.place(loc)
        for part in sorted(part for place, part in missing if place == here):
            what = "a test that it decides" if part == "because" else "an expected call"
            reason, mend = f"no test compares its `{part}`", f"write `{part}` in {what}"
            yield reached.gap("uncompared", loc, reason, mend)


def _unseen(reached: _Reached) -> Iterator[_Gap]:
    """Yield a lint `unseen-reply-field` for each field that no reply of the tests has."""
    names = reply_names(reached.mapping)
    for loc, value in leaves(reached.mapping):
        parts = value.expressions if isinstance(value, Text | Tree) else (value,)
        for number, part in enumerate(parts):
            chains = reply_chains(part, names) if isinstance(part, Expression) else []
            missing = [one for one in chains if not reached.has(loc, read_note(number, one))]
            for chain in missing:
                if not any(chain[: len(one)] == one != chain for one in missing):
                    reason = f"no reply of the tests has `{_shown(chain)}`"
                    mend = "correct the name, or add it to a reply that reaches this expression"
                    yield reached.gap("unseen-reply-field", loc, reason, mend)


def _shown(chain: Chain) -> str:
    return "".join("[0]" if step == ITEM else f".{step}" for step in chain)[1:]
