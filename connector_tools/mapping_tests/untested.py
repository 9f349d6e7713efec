"""Lints for what no test of a mapping file reaches."""

from collections.abc import Iterator, Sequence

from connector.mapping.call_entry import CallEntry
from connector.mapping.chain import ITEM, Chain
from connector.mapping.document import Lint, Loc
from connector.mapping.entry import Entry, leaves
from connector.mapping.expression import Expression, Text
from connector.mapping.reply_rule import Expectation, ReplyRule
from connector.mapping.rule import Ignore, Require, Rule
from connector.mapping.schema import MappingFile
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


def untested(mapping: MappingFile, results: Sequence[CaseResult]) -> list[Lint]:
    """The lints of what the tests with these results do not reach, in the order of their lines."""
    notes = frozenset(note for result in results for note in result.notes)
    checks = (_unreached, _undecided, _uncompared, _unseen)
    found = [lint for check in checks for lint in check(mapping, notes)]
    return sorted(dict.fromkeys(found), key=lambda lint: (lint.place, lint.reason))


def _unreached(mapping: MappingFile, notes: frozenset[Note]) -> Iterator[Lint]:
    """Yield a lint `untested` for each entry that decides no test."""
    for loc, entry in entries(mapping):
        for at, note, reason in _wanted(loc, entry):
            if (mapping.document.place(at), note) not in notes:
                yield mapping.document.lint("untested", at, reason, "add one under `tests`")


def _wanted(loc: Loc, entry: Entry) -> Iterator[tuple[Loc, str, str]]:
    """Yield what tests must reach in an entry: a place, the note of it, and the lint's reason."""
    match entry:
        case Ignore():
            yield (*loc, "if"), HOLDS, "no test reaches this `ignore`"
        case Require():
            yield (*loc, "that"), FAILS, "no test reaches this `require`"
        case Expectation():
            yield (*loc, "that"), FAILS, "no test has a reply that this `expect` refuses"
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
                yield loc, f"accepts {value}", reason
    if isinstance(entry, Rule | CallEntry) and entry.when:
        yield (*loc, "when"), HOLDS, "no test in which this `when` holds"
        yield (*loc, "when"), FAILS, "no test in which this `when` does not hold"
    if isinstance(entry, CallEntry) and entry.each:
        yield (*loc, "each"), HOLDS, "no test in which this `each` has items"
        yield (*loc, "each"), FAILS, "no test in which this `each` has no item"


def _undecided(mapping: MappingFile, notes: frozenset[Note]) -> Iterator[Lint]:
    """Yield a lint `untested` for each condition inside an expression that never decides."""
    for loc, value in leaves(mapping):
        if not isinstance(value, Expression):
            continue
        place, source = mapping.document.place(loc), value.source.removeprefix("=").strip()
        found = conditions(loc, value)
        for number in range(1, found.count + 1 if found else 1):
            for holds, verb in ((True, "holds"), (False, "does not hold")):
                if (place, condition_note(number, holds=holds)) not in notes:
                    reason = f"no test in which condition {number} of `{source}` {verb}"
                    yield mapping.document.lint("untested", loc, reason, "add one under `tests`")


def _uncompared(mapping: MappingFile, notes: frozenset[Note]) -> Iterator[Lint]:
    """Yield a lint `uncompared` for each part of a call or answer that no test compares."""
    wanted = {(place, note[4:]) for place, note in notes if note.startswith("has ")}
    missing = {item for item in wanted if (item[0], f"compares {item[1]}") not in notes}
    for loc, _ in entries(mapping):
        here = mapping.document.place(loc)
        for part in sorted(part for place, part in missing if place == here):
            what = "a test that it decides" if part == "because" else "an expected call"
            reason, mend = f"no test compares its `{part}`", f"write `{part}` in {what}"
            yield mapping.document.lint("uncompared", loc, reason, mend)


def _unseen(mapping: MappingFile, notes: frozenset[Note]) -> Iterator[Lint]:
    """Yield a lint `unseen-reply-field` for each field that no reply of the tests has."""
    names = reply_names(mapping)
    for loc, value in leaves(mapping):
        place = mapping.document.place(loc)
        parts = value.expressions if isinstance(value, Text) else (value,)
        for number, part in enumerate(parts):
            chains = reply_chains(part, names) if isinstance(part, Expression) else []
            missing = [one for one in chains if (place, read_note(number, one)) not in notes]
            for chain in missing:
                if not any(chain[: len(one)] == one != chain for one in missing):
                    reason = f"no reply of the tests has `{_shown(chain)}`"
                    mend = "correct the name, or add it to a reply that reaches this expression"
                    yield mapping.document.lint("unseen-reply-field", loc, reason, mend)


def _shown(chain: Chain) -> str:
    return "".join("[0]" if step == ITEM else f".{step}" for step in chain)[1:]
