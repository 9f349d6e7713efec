"""The branches of a mapping file, and which of them its tests reach.

A branch is a way that an event or a reply can take:

- a rule, for each event type that it is `on`;
- each condition (`when`, `if`, `that`, `each`, `absent`, `exists`, `gone`), once holding and once
  not; of a condition or a value with `and`, `or` or `if` inside, each part counts, both ways;
- each call that is sent, and each reply that its `accept` makes a success.

`connector_tools.mapping_tests.untested` says what a test must reach. A branch that no event can
take shows that a condition is not needed.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc, Place
from connector.mapping.entry import Entry, leaves
from connector.mapping.expression import Expression
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector_tools.mapping_tests.run import CaseResult
from connector_tools.mapping_tests.seen import (
    FAILS,
    HOLDS,
    condition_note,
    conditions,
    entries,
)

_CONDITIONS = ("when", "if", "that", "each", "absent", "exists", "gone")


class Branch(NamedTuple):
    """A way through the mapping file: its place, and what happens there, such as `if holds`."""

    place: Place
    what: str
    note: str


class Coverage(NamedTuple):
    """The branches of a mapping file, and those that no test reaches."""

    branches: tuple[Branch, ...]
    missing: tuple[Branch, ...]

    @property
    def reached(self) -> int:
        """How many branches a test reaches."""
        return len(self.branches) - len(self.missing)

    @property
    def percent(self) -> float:
        """The share of the branches that a test reaches, rounded down to a tenth."""
        if not self.branches:
            return 100.0
        return (1000 * self.reached // len(self.branches)) / 10


def coverage(mapping: MappingFile, results: Iterable[CaseResult]) -> Coverage:
    """Which branches the tests with these results reach."""
    notes = {note for result in results for note in result.notes}
    found: dict[tuple[Place, str], Branch] = {}
    for loc, note, what in (*_of_entries(mapping), *_of_parts(mapping)):
        if loc[0] != "resources" or loc[2:3] != ("list",):  # no event reads a `list`
            place = mapping.document.place(loc)
            found.setdefault((place, note), Branch(place, what, note))
    branches = tuple(sorted(found.values()))
    missing = tuple(one for one in branches if (one.place, one.note) not in notes)
    return Coverage(branches, missing)


Way = tuple[Loc, str, str]


def _of_entries(mapping: MappingFile) -> Iterator[Way]:
    """Yield the branches of whole entries: the path, the note of `Seen`, and the sentence."""
    for loc, entry in entries(mapping):
        if isinstance(entry, Rule):
            for name in entry.on:
                yield (*loc, "on"), name.lower(), f"rule `{entry.name}` for {name}"
        if isinstance(entry, CallEntry):
            yield loc, "sent", "the call is sent"
            for value in getattr(entry, "accept", ()):
                yield (*loc, "accept"), f"accepts {value}", f"a reply that is {value}"
        yield from _ways(loc, entry)


def _ways(loc: Loc, entry: Entry) -> Iterator[Way]:
    """Yield both ways of each condition of an entry, except one that nothing can change."""
    for key in _CONDITIONS:
        value = getattr(entry, f"{key}_" if key == "if" else key, None)
        if isinstance(value, Expression) and value.names:
            yield (*loc, key), HOLDS, f"`{key}` holds"
            yield (*loc, key), FAILS, f"`{key}` does not hold"


def _of_parts(mapping: MappingFile) -> Iterator[Way]:
    """Yield both ways of each condition inside an expression."""
    for loc, value in leaves(mapping):
        found = conditions(loc, value) if isinstance(value, Expression) else None
        for number, text in enumerate(found.texts if found else (), 1):
            for holds, verb in ((True, "holds"), (False, "does not hold")):
                yield loc, condition_note(number, holds=holds), f"`{text}` {verb}"
