"""The scope of an event that notes which values of the mapping were computed, for tools."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.expression import Value
from connector.plan.scope import EventScope


class NotingScope(EventScope):
    """An event scope that notes in `computed` each value of the mapping that something read.

    The function never uses it. Scopes that are made from it note in the same set.
    """

    def __init__(self, names: Mapping[str, Any], values: Mapping[str, Value]) -> None:
        super().__init__(names, values)
        self.computed: set[str] = set()

    @classmethod
    def of(cls, scope: EventScope) -> "NotingScope":
        """A copy of the scope of an event, before anything was computed."""
        found = cls(scope, scope._values)
        found.meter = scope.meter
        return found

    def __missing__(self, name: str) -> Any:
        self.computed.add(name)
        return super().__missing__(name)

    def with_values(self, values: Mapping[str, Any]) -> "NotingScope":
        """See `EventScope`."""
        return self._noting(super().with_values(values))

    def with_names(self, names: Mapping[str, Any]) -> "NotingScope":
        """See `EventScope`."""
        return self._noting(super().with_names(names))

    def _noting(self, scope: EventScope) -> "NotingScope":
        found = NotingScope.of(scope)
        found._root, found.computed = scope._root, self.computed
        return found
