"""The differences of a request from what a test expects, one for each field."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from connector.mapping.script import Different


class _Absent:
    """Stands for a field that is not there."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()


class FieldDifference(NamedTuple):
    """A field whose value is another than a test expects; `ABSENT` if it is not there.

    `field` has the part of the call in front: `json.msisdn`. `step` is that of a story, from 1; 0
    in a test. `call` is counted from 1, in the order in which they are sent.
    """

    call: int
    field: str
    expected: Any
    found: Any
    step: int = 0

    def __str__(self) -> str:
        """One sentence; it names the types if these differ."""
        expected, found = _shown(self.expected), _shown(self.found)
        kinds = _kind(self.expected), _kind(self.found)
        if kinds[0] != kinds[1] and not {"absent", "null"} & {*kinds}:
            expected, found = f"{expected} ({kinds[0]})", f"{found} ({kinds[1]})"
        return f"call {self.call}: {self.field}: expected {expected}, found {found}"

    @property
    def document(self) -> dict[str, Any]:
        """The difference for programs; an absent field has no value, and the type `absent`."""
        found = {"step": self.step, "call": self.call, "field": self.field}
        if not self.step:
            del found["step"]
        for name in ("expected", "found"):
            value = getattr(self, name)
            found[f"{name}_type"] = _kind(value)
            if value is not ABSENT:
                found[name] = value
        return found


def by_field(call: int, different: Different) -> Iterator[FieldDifference]:
    """Yield the differences of a part of a call, one for each field; the part if there is none."""
    whole = (different.part, different.expected, different.found)
    for field, expected, found in [*_inside(*whole)] or [whole]:
        yield FieldDifference(call, field, expected, found)


def _inside(field: str, expected: Any, found: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in dict.fromkeys([*expected, *found]):
            pair = expected.get(name, ABSENT), found.get(name, ABSENT)
            yield from _inside(f"{field}.{name}", *pair)
    elif _lists_of_one_length(expected, found):
        for index, pair in enumerate(zip(expected, found, strict=True)):
            yield from _inside(f"{field}[{index}]", *pair)
    elif _kind(expected) != _kind(found) or expected != found:
        yield field, expected, found


def _lists_of_one_length(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and len(left) == len(right)


def _kind(value: Any) -> str:
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return type(value).__name__


_KINDS: tuple[tuple[Any, str], ...] = (
    (_Absent, "absent"),
    (type(None), "null"),
    (bool, "true or false"),
    (int | float, "number"),
    (str, "text"),
    (list | tuple, "list"),
    (dict, "object"),
)


def _shown(value: Any) -> str:
    if value is ABSENT:
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)
