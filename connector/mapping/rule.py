"""The rules of a mapping file: for these events, under this condition, make these calls."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from connector.mapping.entry import AnyText, AnyValue, Condition, Entry, Name
from connector.mapping.protocol import AnyRuleEntry

EVENT_TYPE = r"^[^\s,;|*\\]([^,;|*\\]*[^\s,;|*\\])?$"  # a list in one text never fits an event


def _list(raw: object) -> object:
    return [raw] if isinstance(raw, str) else raw


def _held(raw: object) -> object:
    return [raw] if isinstance(raw, dict) else raw


Parameters = Annotated[dict[Name, AnyValue], Field(min_length=1)]
Holdings = Annotated[
    tuple[Parameters, ...],
    BeforeValidator(_held, json_schema_input_type=Parameters | list[Parameters]),
]


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
    release: Holdings = Field(
        (), description="Parameters of the SIM that is taken away from the account."
    )
    remove: Holdings = Field((), description="Parameters of what the system shall not hold.")
    hold: Holdings = Field(
        (), description="Parameters of what the system shall hold, as `resources` say."
    )
    calls: tuple[AnyRuleEntry, ...] = Field((), description="Calls, after those of the resources.")

    @model_validator(mode="after")
    def _does_something(self) -> "Rule":
        held = self.release or self.remove or self.hold
        if not held and not self.calls:
            raise ValueError("needs `calls`, `hold`, `release` or `remove`")
        if held and self.subject is not None and not self.calls:
            raise ValueError("has a `subject` but no `calls`: resources have their own subjects")
        return self

    def handles(self, event_type: str) -> bool:
        """Whether the rule is for events of this type; upper and lower case are equal.

        Contract 2.3 requires that.
        """
        return event_type.lower() in self._types

    @cached_property
    def has_resources(self) -> bool:
        """True if it holds, releases or removes resources."""
        return bool(self.release or self.remove or self.hold)

    @cached_property
    def has_once(self) -> bool:
        """True if it has a call that must not be made twice."""
        return any(getattr(call, "at_most_once", False) for call in self.calls)

    @cached_property
    def _types(self) -> frozenset[str]:
        return frozenset(name.lower() for name in self.on)
