"""The events of tests and stories: a file, with the changes that the test names."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from connector.event import Envelope
from connector.mapping.case import Case, Step
from connector.mapping.schema import MappingFile, directory
from connector.mapping.spelling import near
from connector.portabilling import AccountInfo, Part, parts_in

_DERIVED = (AccountInfo, "msisdn")  # the connector computes it, so an event cannot set it


def event_of(mapping: MappingFile, case: Case) -> bytes:
    """The body with the event of a test, with the test's changes.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, or a path of the test does not fit the event.
    """
    event = read(mapping, case.event)
    apply(case, event)
    return json.dumps(event).encode()


def read(mapping: MappingFile, name: str) -> dict[str, Any]:
    """The event in a file that is named relative to the mapping; raises as `event_of`."""
    event = json.loads((directory(mapping) / name).read_text(encoding="utf-8"))
    if not isinstance(event, dict):
        raise ValueError(f"`{name}` is no object")
    return event


def apply(case: Case | Step, event: dict[str, Any]) -> None:
    """Change the event as a test says.

    Raises:
        ValueError: a path does not fit the event.
    """
    for dotted, value in case.change.items():
        _check_known(event, dotted)
        parent, key = _parent(event, dotted)
        parent[key] = copy.deepcopy(value)
    for dotted, value in case.add.items():
        parent, key = _parent(event, dotted)
        if key in parent:
            raise ValueError(f"`{dotted}` is in the event already: write it under `change`")
        parent[key] = copy.deepcopy(value)
    for dotted in case.remove:
        parent, key = _parent(event, dotted)
        if key not in parent:
            raise ValueError(f"`{dotted}` is not in the event, so it cannot be removed")
        del parent[key]


def _parent(event: Any, dotted: str) -> tuple[Any, str]:
    *way, key = dotted.split(".")
    for step in way:
        event = event.setdefault(step, {})
        if not isinstance(event, dict):
            raise ValueError(f"`{dotted}`: `{step}` is no object")
    return event, key


def _check_known(event: Any, dotted: str) -> None:
    """Refuse a path with a key that neither the event has nor NSPS documents.

    Raises:
        ValueError: the key is probably misspelt.
    """
    model: type[Part] | None = Envelope
    for step in dotted.split("."):
        if not isinstance(event, dict | None):
            return  # `_parent` says that it is no object
        known = {*(event or ()), *_fields(model)}
        if step not in known:
            mend = near(step, sorted(known), "write it under `add` if NSPS sends it")
            raise ValueError(f"`{dotted}`: NSPS documents no `{step}` here; {mend}")
        event = event.get(step) if event else None
        field = model.model_fields.get(step) if model else None
        model = next(parts_in(field.annotation), None) if field else None


def _fields(model: type[Part] | None) -> Iterator[str]:
    names = model.model_fields if model else ()
    return (name for name in names if (model, name) != _DERIVED)
