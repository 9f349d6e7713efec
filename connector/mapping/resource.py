"""The entries `resources`: what the external system shall hold, and the calls that make it so.

`connector.plan.target` reads a resource and compares it; docs/resources.md shows how to write one.
"""

from collections.abc import Mapping
from functools import cached_property
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from connector.mapping.call_entry import CallEntry
from connector.mapping.entry import AnyValue, Condition, Entry, Name, used
from connector.mapping.expression import Constant, Expression, Value, compile_condition
from connector.mapping.protocol import AnyCall
from connector.mapping.reply_rule import Expectation

_FOR_HOLD = frozenset({"require", "want", "create", "makes", "exists"})
_UNREAD = {
    "hold": frozenset({"list", "released"}),
    "release": _FOR_HOLD | {"list"},
    "remove": _FOR_HOLD | {"list", "released", "change", "set"},
}  # the keys of a resource that a verb does not need


class OwnedField(Entry):
    """How a field of a resource is compared."""

    compare: Literal["exact", "text", "number", "set", "never"] = Field(
        "exact",
        description="`exact`: equal JSON. `text`: equal as text, so 7 equals '7'. `number`: equal "
        "as numbers. `set`: lists in any order. `never`: used, but never a difference.",
    )
    default: Any = Field(
        None, description="What the field counts as if the system does not show it."
    )
    off: Any = Field(
        None,
        description="The value that takes service away. A field that gets it is written first. "
        "None and empty values always count as off.",
    )
    unique: bool = Field(
        False,
        description="No two SIMs may have the same value, as of a phone number; of a list, none of "
        "its items. `connector audit` looks for doubles.",
    )


class Listing(Entry):
    """How `connector audit` lists all that the system holds of a resource."""

    read: AnyCall = Field(description="The call that lists it. It must change nothing.")
    items: AnyValue = Field(description="The list in the reply.")
    if_: Condition | None = Field(
        None, alias="if", description="Only each `item` for which this holds counts."
    )
    of: Annotated[dict[Name, AnyValue], Field(min_length=1)] = Field(
        description="The parameters of the resource, taken from an `item`. The first one is that "
        "of the subject, as in the rules."
    )


def _listed(raw: object) -> object:
    return [raw] if isinstance(raw, dict) else raw


Calls = Annotated[
    tuple[AnyCall, ...],
    BeforeValidator(_listed, json_schema_input_type=AnyCall | list[AnyCall]),
    Field(min_length=1),
]


class Resource(Entry):
    """Something that the external system holds for a SIM or a subscriber."""

    of: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Its parameters, such as `imsi`; the rules give their values."
    )
    read: AnyCall = Field(description="The call that reads it. It must change nothing.")
    absent: Condition | None = Field(
        None, description="The reply to `read` says that the system does not hold it."
    )
    found: AnyValue | None = Field(
        None, description="Its fields, taken from the reply to `read`; none means absent."
    )
    list_: Listing | None = Field(
        None,
        alias="list",
        description="How all of them are listed, for `connector audit`; no event needs it.",
    )
    require: tuple[Expectation, ...] = Field(
        (), description="Conditions on what was found, before anything is written for a `hold`."
    )
    want: AnyValue | None = Field(
        None, description="The owned fields with the values that they shall have; none: absent."
    )
    released: AnyValue | None = Field(
        None, description="As `want`, once the SIM is taken away from the account."
    )
    fields: dict[str, OwnedField] = {}
    create: Calls | None = Field(None, description="The calls that create it.")
    makes: AnyValue | None = Field(
        None, description="Its fields after `create`, if these are not those of `want`."
    )
    exists: Condition | None = Field(
        None, description="The reply to `create` says that the system holds it already."
    )
    change: Calls | None = Field(None, description="The calls that change all that differs.")
    set_: dict[str, AnyCall] = Field(
        {}, alias="set", description="The call that changes one field, by the field's name."
    )
    remove: Calls | None = Field(None, description="The calls that remove it.")
    gone: Condition | None = Field(
        None,
        description="The reply to `change`, `set` or `remove` says that the system does not hold "
        "it any more.",
    )

    @field_validator("want", "released", "makes")
    @classmethod
    def _object(cls, value: Value | None) -> Value | None:
        if isinstance(value, Constant) and not isinstance(value.value, dict):
            raise ValueError("must be an object or an expression; write =none for absent")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> "Resource":
        if not isinstance(self.read, CallEntry):
            return self  # the file names no protocol, which is an error of its own
        if self.change and self.set_:
            raise ValueError("has both `change` and `set`: use one of them")
        if self.want is None and (self.create or self.change or self.set_ or self.released):
            raise ValueError("needs `want`: the owned fields with their values")
        if self.want is None and not self.require:
            raise ValueError("needs `want`, or `require` if it only must be there")
        if self.absent is None and not self.read.convention.absent and self.found is None:
            raise ValueError("needs `absent`: how a reply to `read` says that there is none")
        for call in self.reads:
            if call.method in call.convention.writing:
                raise ValueError(f"`read` must change nothing, but it has `{call.method}`")
        if self.list_ and self.list_.of.keys() != set(self.of):
            raise ValueError(f"`list.of` must give the parameters {', '.join(self.of)}")
        for call in self.calls:
            _check_call(call)
        return self

    @cached_property
    def calls(self) -> tuple[CallEntry, ...]:
        """All its calls: those that read, and those that write."""
        return (*self.reads, *self.writes)

    @cached_property
    def reads(self) -> tuple[CallEntry, ...]:
        """The calls that read: that of `read`, and that of `list`."""
        return (self.read, self.list_.read) if self.list_ else (self.read,)

    @cached_property
    def writes(self) -> tuple[CallEntry, ...]:
        """The calls that write."""
        groups = (self.create, self.change, self.set_.values(), self.remove)
        return tuple(call for group in groups for call in group or ())

    def writes_of(self, verb: str) -> tuple[CallEntry, ...]:
        """The calls that write and that `hold`, `release` or `remove` can send."""
        calls = {"create": self.create, "change": self.change, "set": self.set_.values()}
        sent = [each or () for key, each in calls.items() if key not in _UNREAD[verb]]
        return (*chain.from_iterable(sent), *(self.remove or ()))

    @cached_property
    def is_absent(self) -> Expression | None:
        """`absent`, or what the protocol usually means by it."""
        return self.absent or _condition(self.read.convention.absent)

    @cached_property
    def is_there(self) -> Expression | None:
        """`exists`, or what the protocol usually means by it."""
        return self.exists or _condition(self.read.convention.exists)

    @cached_property
    def is_gone(self) -> Expression | None:
        """`gone`, or what the protocol usually means by it."""
        return self.gone or _condition(self.read.convention.absent)

    @cached_property
    def shown(self) -> Value:
        """`found`, or the part of a reply in which the protocol usually has the fields."""
        return self.found or compile_condition(self.read.convention.found)

    @cached_property
    def names_read(self) -> Mapping[str, frozenset[str]]:
        """The names that its expressions read, by verb; only a `hold` creates."""
        found = [(loc[0], names.names) for loc, names in used(self)]
        return {
            verb: frozenset(name for key, names in found if key not in unread for name in names)
            for verb, unread in _UNREAD.items()
        }

    @cached_property
    def names_of_read(self) -> frozenset[str]:
        """The names that the expressions of `read` read."""
        return frozenset(name for _, found in used(self.read) for name in found.names)


def _condition(source: str) -> Expression | None:
    return compile_condition(source) if source else None


def _check_call(call: CallEntry) -> None:
    for key in ("id", "each", "subject"):
        if getattr(call, key) is not None:
            raise ValueError(f"a call of a resource has no `{key}`")
    if call.releases:
        raise ValueError("a call of a resource has no `releases`: the rule says `release`")
