"""The names that the expressions of a mapping read of an event."""

from collections.abc import Mapping
from typing import Any

from connector.event import SECTIONS, Event, absent
from connector.mapping.expression import Scope, Value
from connector.mapping.schema import MappingFile
from connector.mapping.session import SESSION, UNKNOWN_SESSION
from connector.outcome import Outcome, Refusal
from connector.unreadable import Unreadable


class EventScope(Scope):
    """The names that expressions read; a mapping's `values` are computed on their first use."""

    def __init__(self, names: Mapping[str, Any], values: Mapping[str, Value]) -> None:
        super().__init__(names)
        self._values = values
        self._root: EventScope | None = None  # not itself: a cycle is freed by the collector only

    def __missing__(self, name: str) -> Any:
        """Compute a value of the mapping.

        Raises:
            Refusal: invalid; `name` is a part that the event does not have, or cannot be read.
        """
        if name in self._values:
            root = self._root
            value = self._values[name].evaluate(self) if root is None else root[name]
            self[name] = value
            return value
        if name == SESSION:
            return UNKNOWN_SESSION
        found = getattr(self["event"], name)
        raise _unread(found) if isinstance(found, Unreadable) else absent(name)

    def defines(self, name: str) -> bool:
        """See `Scope`."""
        return name in self or name in self._values

    def with_values(self, values: Mapping[str, Any]) -> "EventScope":
        """A copy with more values that are computed on their first use, with the same meter."""
        scope = EventScope(self, {**self._values, **values})
        scope.meter = self.meter
        return scope

    def with_names(self, names: Mapping[str, Any]) -> "EventScope":
        """See `Scope`."""
        scope = EventScope({**self, **names}, self._values)
        scope.meter = self.meter
        scope._root = (
            self if self._root is None else self._root
        )  # values read the event only: each is computed once
        return scope


def event_scope(event: Event, mapping: MappingFile, settings: Mapping[str, Any]) -> EventScope:
    """The names that a mapping's expressions read of an event.

    A part that is absent or cannot be read has no name here: reading it refuses the event.
    """
    names: dict[str, Any] = {"event": event, "settings": settings}
    if mapping.tables:
        names["tables"] = mapping.look_ups
    sent: Any = event.parts
    parts = () if isinstance(sent, Unreadable) else sent
    for name, part in SECTIONS.items():
        if part in parts:
            names[name] = getattr(event, name)
    names["variables"] = event.variables
    if event.unreadable:
        names = {name: item for name, item in names.items() if not isinstance(item, Unreadable)}
    return EventScope(names, mapping.values)


def _unread(found: Unreadable) -> Refusal:
    return Refusal(Outcome.INVALID, details=(found.detail,))
