"""What tests must see of a resource: notes for `untested`, and what it misses among them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from connector.mapping.chain import parsed
from connector.mapping.document import Loc
from connector.mapping.entry import used
from connector.mapping.expression import Constant, Expression, Tree, Value, expressions
from connector.mapping.json_value import json_value
from connector.mapping.resource import OwnedField, Resource
from connector.plan.changes import Verb
from connector.plan.difference import difference, is_off
from connector.plan.target import State

REFUSERS = {"read": "absent", "create": "exists", "change": "gone", "set": "gone", "remove": "gone"}
"""The condition that a reply to a call of this key is judged by, if the call is not a success."""
_EMPTY: tuple[Any, ...] = (None, "", [], {})
Gap = tuple[Loc, str]


def notes_of(entry: Resource, verb: Verb, state: State) -> Iterator[str]:
    """Yield the notes about a resource that was compared."""
    differs, wanted, found = state.differs or (), state.wanted or {}, state.found or {}
    yield f"{verb} {'changes' if differs else 'finds'}"
    for name, value in wanted.items():
        yield f"{verb} wants {name}"
        if verb == "hold":
            yield f"value {name} {json.dumps(json_value(value), sort_keys=True)}"
        if _turned_off(entry, name, value):
            if differs == ("created",):
                yield f"creates off {name}"
            elif verb == "hold" and name in differs and _is_taken(entry, wanted, differs):
                yield f"off {name}"
    for name in differs:
        yield f"{verb} differs {name}"
    if state.found is not None and state.wanted is not None:
        lenient = difference(found, wanted, entry.fields)
        for name in difference(found, wanted, {}).keys() - lenient:
            yield f"{'equal' if found.get(name) is not None else 'default'} {name}"
        if found.keys() - wanted.keys():
            yield "found more"


def _turned_off(entry: Resource, name: str, value: Any) -> bool:
    return value not in _EMPTY and is_off(name, value, entry.fields)


def _is_taken(entry: Resource, wanted: Mapping[str, Any], differs: tuple[str, ...]) -> bool:
    """Whether the change is one that takes something away."""
    changed = [name for name in differs if name in wanted]
    return bool(entry.set_) or all(is_off(name, wanted[name], entry.fields) for name in changed)


def gaps_of(entry: Resource, notes: set[str]) -> Iterator[Gap]:
    """Yield what the notes about a resource lack: a path below the resource, and a reason."""
    if entry.want and "hold finds" not in notes:
        yield (), "no test finds this resource as it is wanted"
    if entry.released and "release changes" not in notes:
        yield ("released",), "no test changes a released resource"
    for key in sorted({*REFUSERS.values()}):
        if getattr(entry, key) and f"{key} refuses" not in notes:
            yield (key,), f"no test has a failed reply for which `{key}` does not hold"
    for name in _named(notes, "hold wants "):
        yield from _field(entry, name, entry.fields.get(name, OwnedField()), notes)
    for name in _named(notes, "release wants "):
        compared = entry.fields.get(name, OwnedField()).compare != "never"
        if compared and f"release differs {name}" not in notes:
            yield ("released",), f"no test finds another `{name}` in a released resource"
    if _sends_found(entry) and "found more" not in notes:
        yield (), "a call sends what was found, and no test finds a field that `want` does not own"


def _field(entry: Resource, name: str, owned: OwnedField, notes: set[str]) -> Iterator[Gap]:
    """Yield what the notes lack about a field of `want`."""
    here: Loc = ("fields", name)
    if owned.compare != "never" and f"hold differs {name}" not in notes:
        yield (), f"no test finds another `{name}` than is wanted"
    if len(_named(notes, f"value {name} ")) == 1 and not _is_constant(entry.want, name):
        yield ("want",), f"`{name}` is the same in all tests: a constant would do"
    if owned.compare != "exact" and f"equal {name}" not in notes:
        yield here, f"no test finds another `{name}` that `compare: {owned.compare}` calls equal"
    if owned.default is not None and f"default {name}" not in notes:
        yield here, f"no test in which `{name}` is not shown and its `default` is wanted"
    if owned.off is not None and f"off {name}" not in notes:
        yield here, f"no test in which `{name}` becomes off, and nothing is given"
    if owned.off is not None and entry.create and f"creates off {name}" not in notes:
        yield here, f"no test creates this resource with `{name}` off"


def _named(notes: set[str], start: str) -> list[str]:
    return sorted(note.removeprefix(start) for note in notes if note.startswith(start))


def _is_constant(want: Value | None, name: str) -> bool:
    """Whether `want` gives a field the same value for every event."""
    if isinstance(want, Constant):
        return True
    if isinstance(want, Tree):
        fields = dict(zip(want.keys or (), want.items, strict=False))
        return name in fields and not expressions(fields[name])
    return isinstance(want, Expression) and _is_written(parsed(want.source), name)


def _is_written(tree: nodes.Expr, name: str) -> bool:
    """Whether an object in an expression has a constant under a key."""
    whole = [tree] if isinstance(tree, nodes.Dict) else []
    pairs = (pair for one in (*whole, *tree.find_all(nodes.Dict)) for pair in one.items)
    return any(
        isinstance(pair.key, nodes.Const)
        and pair.key.value == name
        and isinstance(pair.value, nodes.Const)
        for pair in pairs
    )


def _sends_found(entry: Resource) -> bool:
    """Whether a call sends all that was found, and not only fields of it."""
    calls = (*(entry.change or ()), *entry.set_.values())
    return any(("found",) in one.paths for call in calls for _, one in used(call))
