"""What the tests of a mapping reach: notes about places of the file.

`recording` makes a copy of a mapping whose expressions note each evaluation. So the notes come from
the same interpreter that serves events. A note belongs to a place of the file, not to a path,
because rules can share an entry by an alias.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from connector.mapping.call_entry import CallEntry
from connector.mapping.chain import ITEM, Chain
from connector.mapping.document import Loc, Place
from connector.mapping.entry import Entry
from connector.mapping.expression import Each, Expression, Scope, Text, Tree, expressions
from connector.mapping.reply_rule import Expectation, ReplyRule
from connector.mapping.resource import Listing
from connector.mapping.rule import Ignore, Require
from connector.mapping.schema import MappingFile
from connector_tools.mapping_tests.conditions import Conditions

Note = tuple[Place, str]
HOLDS, FAILS = "0 holds", "0 fails"
"""The notes of an expression that was evaluated, by the truth of its value."""
_BY_OUTCOME = frozenset({"system", "ignore", "require", "replies", "expect"})
"""Keys of entries that decide the outcome, which every test compares."""
_BOOLEAN = ("absent", "exists", "gone", "if", "that", "when")
"""Keys of conditions: only whether they hold matters."""
Change = Callable[[Loc, int, Expression], Expression]


class Seen:
    """Notes about the places of a mapping file.

    What decides the calls of an event counts only if the test compares all calls and their bodies.
    """

    def __init__(self, mapping: MappingFile) -> None:
        self.notes: set[Note] = set()
        self._decisions: set[Note] = set()  # of the current event
        self._document = mapping.document
        self._reasons = list(_reasons(mapping))
        held = mapping.resources.items()
        self._preconditions = {("resources", name) for name, one in held if one.want is None}

    def note(self, loc: Loc, what: str) -> None:
        """Note something about the entry at `loc` of the mapping file."""
        self.notes.add((self._document.place(loc), what))

    def decision(self, loc: Loc, what: str) -> None:
        """Note the value of an expression for the current event."""
        self._decisions.add((self._document.place(loc), what))
        if not _BY_OUTCOME.isdisjoint(loc) or loc[:2] in self._preconditions:
            self.note(loc, what)

    def end(self, *, whole: bool, because: bool) -> None:
        """End an event. The test has compared all calls with their bodies, and the `because`."""
        for loc, key, decides in self._reasons:
            if (self._document.place((*loc, key)), decides) in self._decisions:
                self.note(loc, "has because")
                if because:
                    self.note(loc, "compares because")
        if whole:
            self.notes |= self._decisions
        self._decisions = set()


def _reasons(mapping: MappingFile) -> Iterator[tuple[Loc, str, str]]:
    """Yield the path of each entry with a `because`, the key of its condition, what decides."""
    for loc, entry in entries(mapping):
        if isinstance(entry, Ignore | ReplyRule) and entry.because:
            yield loc, "if", HOLDS
        if isinstance(entry, Expectation | Require):
            yield loc, "that", FAILS


def recording(mapping: MappingFile, seen: Seen) -> MappingFile:
    """A copy of the mapping that notes in `seen` what its expressions evaluate to."""
    names = reply_names(mapping)

    def change(loc: Loc, number: int, expression: Expression) -> Expression:
        chains = reply_chains(expression, names)
        inside = conditions(loc, expression)

        def note(number: int, holds: bool) -> None:
            seen.decision(loc, condition_note(number, holds=holds))

        def code(scope: Scope) -> Any:
            for chain in chains:
                if _exists(scope.get(chain[0]), chain[1:]):
                    seen.note(loc, read_note(number, chain))
            if inside:
                inside.note(scope, note)
            value = expression.code(scope)
            seen.decision(loc, f"{number} {'holds' if value else 'fails'}")
            return value

        return expression._replace(code=code)

    copy: MappingFile = _changed(mapping, change, ())
    return copy.of(mapping.document)


def reply_names(mapping: MappingFile) -> frozenset[str]:
    """The names by which expressions read replies."""
    calls = (entry for _, entry in entries(mapping) if isinstance(entry, CallEntry))
    held = ("found", *mapping.resources) if mapping.resources else ()
    return frozenset({"reply", *held, *(call.id for call in calls if call.id)})


def reply_chains(expression: Expression, names: frozenset[str]) -> list[Chain]:
    """The fields of replies that an expression reads; `names` are those of replies."""
    return sorted(chain for chain in expression.chains if chain[0] in names and len(chain) > 1)


def conditions(loc: Loc, expression: Expression) -> Conditions | None:
    """The conditions inside an expression; None if it is a part of a text."""
    if "{{" in expression.source:
        return None
    return Conditions(expression, boolean=loc[-1] in _BOOLEAN)


def condition_note(number: int, *, holds: bool) -> str:
    """The note about the condition of this number inside an expression."""
    return f"condition {number} {'holds' if holds else 'fails'}"


def read_note(number: int, chain: Chain) -> str:
    """The note that a reply has a field, of the expression of this number at a place."""
    return f"{number} reads {'.'.join(chain)}"


def entries(value: object, loc: Loc = ()) -> Iterator[tuple[Loc, Entry]]:
    """Yield each entry of a mapping file with its path, also those inside of others.

    Without `list` of a resource: no event reads it, so no test reaches it.
    """
    if isinstance(value, Listing):
        return
    if isinstance(value, Entry):
        yield loc, value
        for name, info in type(value).model_fields.items():
            yield from entries(getattr(value, name), (*loc, info.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from entries(item, (*loc, key))
    elif isinstance(value, tuple) and type(value) is tuple:
        for index, item in enumerate(value):
            yield from entries(item, (*loc, index))


def _exists(value: Any, rest: Chain) -> bool:
    """Whether a reply has the field that `rest` leads to."""
    if not rest:
        return True
    if rest[0] == ITEM:
        return isinstance(value, list | tuple) and any(_exists(item, rest[1:]) for item in value)
    if isinstance(value, Mapping):
        return rest[0] in value and _exists(value[rest[0]], rest[1:])
    return False


def _changed(value: Any, change: Change, loc: Loc) -> Any:
    """A copy of an entry, or of a value in it, with all its expressions changed."""
    match value:
        case Entry():
            found: Any = _changed_entry(value, change, loc)
        case Expression():
            found = change(loc, 0, value)
        case Text():
            found = value._replace(parts=tuple(_parts(value, change, loc)))
        case Each():
            found = _changed_list(value, change, loc)
        case Tree():
            keys: Any = value.keys or range(len(value.items))
            pairs = zip(keys, value.items, strict=True)
            items = (_changed(item, change, (*loc, key)) for key, item in pairs)
            found = value._replace(items=tuple(items))
        case dict():
            found = {key: _changed(item, change, (*loc, key)) for key, item in value.items()}
        case tuple() if type(value) is tuple:
            found = tuple(_changed(item, change, (*loc, at)) for at, item in enumerate(value))
        case _:
            found = value
    return found


def _changed_list(each: Each, change: Change, loc: Loc) -> Each:
    def inside(loc: Loc, number: int, expression: Expression) -> Expression:
        (seen,) = expressions(each.outside(expression, filtered=False))
        return change(loc, number, expression._replace(chains=seen.chains))

    return each._replace(
        items=_changed(each.items, change, (*loc, "each")),
        when=_changed(each.when, inside, (*loc, "when")),
        give=_changed(each.give, inside, (*loc, "give")),
    )


def _changed_entry(entry: Entry, change: Change, loc: Loc) -> Entry:
    fields = type(entry).model_fields
    update = {
        name: _changed(getattr(entry, name), change, (*loc, info.alias or name))
        for name, info in fields.items()
    }
    copy = entry.model_copy(update=update)
    for name in copy.__dict__.keys() - fields.keys():
        del copy.__dict__[name]  # a cached property, computed from the original fields
    if isinstance(copy, CallEntry):
        render = copy.render  # its calls say where their entry is
        copy.__dict__["render"] = lambda scope: replace(render(scope), loc=loc)
    return copy


def _parts(text: Text, change: Change, loc: Loc) -> Iterator[str | Expression]:
    number = 0
    for part in text.parts:
        if isinstance(part, str):
            yield part
        else:
            yield change(loc, number, part)
            number += 1
