"""Where the entries of `calls` are planned: those of a rule, or those of one use of a block."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from connector.mapping.between import names_of
from connector.mapping.entry import Entry
from connector.mapping.expression import Scope, Value, expressions
from connector.plan.scope import EventScope
from connector.plan.step import PlannedCall, Replies


class Bound(NamedTuple):
    """A parameter of a block: a value that is computed in the scope of the block's use."""

    value: Value
    scope: EventScope

    def evaluate(self, _: Scope) -> Any:
        """The value."""
        return self.value.evaluate(self.scope)


@dataclass
class Frame:
    """The names that entries of `calls` read, and what they all share.

    `scope` has the names that are known before the first call; `later` adds what replies decide,
    and `late` are the names of that. `use` distinguishes the replies of one use of a block from
    all others. `condition` says after the earlier replies whether the calls are made; None if that
    is known already. `calls` are the calls that were planned, by their ids.
    """

    scope: EventScope
    subject: Value | None
    releases: bool = False
    use: str = ""
    late: set[str] = field(default_factory=set)
    calls: dict[str, PlannedCall] = field(default_factory=dict)
    condition: Callable[[Replies], bool] | None = None
    later: Callable[[Replies], EventScope] | None = None
    _ids: set[str] = field(default_factory=set)

    def with_item(self, item: Any) -> "Frame":
        """The frame of a call that is made for each item of a list."""
        names = {"item": item}
        later = self.after  # the names of `self`, which goes on learning
        return replace(
            self,
            scope=self.scope.with_names(names),
            later=lambda replies: later(replies).with_names(names),
        )

    def within(
        self,
        use: str,
        parameters: Mapping[str, Value],
        bind: Callable[[EventScope], EventScope],
    ) -> "Frame":
        """The frame of a use of a block; `bind` makes its scope from the scope of the use."""
        return Frame(
            scope=bind(self.scope),
            subject=None,
            use=use,
            late={name for name, value in parameters.items() if self.waits(value)},
            later=lambda replies: bind(self.after(replies)),
        )

    def waits(self, value: Value) -> bool:
        """True if only replies decide a value."""
        return any(not found.names.isdisjoint(self.late) for found in expressions(value))

    def learn(self, entry: Entry) -> None:
        """Note the names that an entry gives to what it learns: later entries read them."""
        names = tuple(names_of([entry]))
        self._ids.update(names)
        self.late.update(names)

    def key(self, name: str | None) -> str:
        """The name of what an entry learns, among all replies of the event."""
        return self.use + (name or "")

    def after(self, replies: Replies) -> EventScope:
        """The scope after the earlier replies."""
        scope = self.later(replies) if self.later else self.scope
        return scope.with_names({name: replies.get(self.key(name)) for name in self._ids})
