"""The rules of a mapping file: for these events, under this condition, make these calls."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from connector.mapping.entry import AnyText, Condition, Entry
from connector.mapping.protocol import AnyRuleEntry

EVENT_TYPE = r"^[^\s,;|*\\]([^,;|*\\]*[^\s,;|*\\])?$"  # a list in one text never fits an event


def _list(raw: object) -> object:
    return [raw] if isinstance(raw, str) else raw


class Ignore(Entry):
    """An event for which there is nothing to do: 202 with the reason."""

    if_: Condition = Field(alias="if")
    because: AnyText


class Require(Entry):
    """A condition without which the event is invalid: 422 with the reason."""

    that: Condition
    because: AnyText


class Rule(Entry):
    """For these events, under this condition, make these calls."""

    name: str
    on: Annotated[
        tuple[Annotated[str, Field(pattern=EVENT_TYPE)], ...],
        BeforeValidator(_list, json_schema_input_type=str | list[str]),
        Field(min_length=1),
    ]
    when: Condition | None = None
    ignore: tuple[Ignore, ...] = ()
    require: tuple[Require, ...] = ()
    subject: AnyText | None = None
    replay: Literal["apply", "never"] = Field(
        "apply",
        description="Whether a replay with a newer snapshot is applied again: `apply` if the calls "
        "set a state, `never` if they must happen once.",
    )
    calls: Annotated[tuple[AnyRuleEntry, ...], Field(min_length=1)]

    def handles(self, event_type: str) -> bool:
        """Whether the rule is for events of this type; upper and lower case are equal.

        Contract 2.3 requires that.
        """
        return event_type.lower() in self._types

    @cached_property
    def _types(self) -> frozenset[str]:
        return frozenset(name.lower() for name in self.on)
