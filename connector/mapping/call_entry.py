"""The entry of a call; the base of each protocol's own entry."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from pydantic import Field

from connector.call import Call
from connector.mapping.entry import AnyText, Condition, Entry, Name, changed, used, with_one_item
from connector.mapping.expression import (
    Constant,
    Each,
    Scope,
    SourceText,
    Text,
    Tree,
    Value,
    expressions,
)
from connector.mapping.reply_rule import Expectation, ReplyRule, meaning, objection

CallOf = TypeVar("CallOf", bound=Call)


class Convention(NamedTuple):
    """What replies of a protocol usually mean for a resource, as conditions on `reply`.

    `found` is an expression: the part of a reply that has the fields. A condition is empty if the
    protocol has no usual form. `writing` are the methods that can never read.
    """

    found: str
    absent: str = ""
    exists: str = ""
    writing: tuple[str, ...] = ()


class CallEntry(Entry):
    """One request to the external system; each protocol adds its own keys."""

    protocol: ClassVar[str]
    reply_fields: ClassVar[tuple[str, ...]]
    reply_numbers: ClassVar[tuple[str, ...]] = ()
    """Those of its fields that are numbers."""
    convention: ClassVar[Convention]

    id: Name | None = Field(None, description="Name under which later calls read its reply.")
    when: Condition | None = Field(None, description="Send it only if this holds.")
    each: Condition | None = Field(None, description="Send it once for each `item` of this list.")
    subject: AnyText | None = Field(
        None, description="Subject of the call; by default that of the rule."
    )
    releases: bool = Field(
        False,
        description="The call takes the subject away from the account. It is not sent if the "
        "ledger knows that the subject now belongs to another account.",
    )
    confirm: Name | None = Field(
        None,
        description="Id of an earlier call that only reads. It is made again if the end of this "
        "call is unknown; if `when` then no longer holds, this call was carried out.",
    )
    replies: tuple[ReplyRule, ...] = Field(
        (), description="What replies to this call mean; read before those of the system."
    )
    expect: tuple[Expectation, ...] = Field(
        (), description="What a reply that counts as success must be, else the call has failed."
    )

    @property
    @abstractmethod
    def method(self) -> str:
        """The key that makes the call, such as `post` or `ctrl_set`."""

    @property
    @abstractmethod
    def address(self) -> Value:
        """The target of the call: a path, a variable. Evaluating it encodes its data."""

    @property
    @abstractmethod
    def repeatable(self) -> bool:
        """True if the call may be sent again although an earlier attempt may have been applied."""

    @property
    @abstractmethod
    def reads(self) -> bool:
        """True if the call changes nothing at the system."""

    @property
    def replayable(self) -> bool:
        """True if an operator's replay may send the call again; by default if `repeatable`."""
        return self.repeatable

    @property
    def at_most_once(self) -> bool:
        """True if the call must not be made twice: an unknown end counts as carried out."""
        return False

    @property
    def undeclared(self) -> bool:
        """True if neither `idempotent:` nor the protocol says whether repeating is safe."""
        return False

    @abstractmethod
    def render(self, scope: Scope) -> Call:
        """The call with all its expressions computed. The planner calls it.

        Raises:
            EvaluationError: an expression fails for the event's data; the text says why.
            ValueError: the event's data cannot be encoded for the request.
        """

    def judged(self, call: CallOf, scope: Scope) -> CallOf:
        """The rendered call with its own `replies` and `expect`; `scope` is that of its values."""
        if not self.replies and not self.expect:
            return call

        def with_reply(seen: Mapping[str, Any]) -> Scope:
            return scope.with_names({"reply": seen})

        return replace(
            call,
            meaning=lambda seen: meaning(self.replies, with_reply(seen)),
            objection=lambda seen: objection(self.expect, with_reply(seen)),
        )

    @cached_property
    def names_read(self) -> frozenset[str]:
        """The names that the call's expressions read."""
        return frozenset(name for _, found in used(self) for name in found.names)

    @cached_property
    def target(self) -> str:
        """The address for the log, with `{}` in place of data, e.g. `/subscribers/{}`."""
        address = self.address
        if isinstance(address, Text):
            return address.outline
        return "{}" if expressions(address) else str(address.evaluate(Scope()))

    def with_sources(self, unknown: frozenset[str]) -> Self:
        """A copy that has source text in place of each value that reads an `unknown` name.

        `connector.plan.trace` renders the copy to show a call that waits for an earlier reply.
        """
        return self.with_values(partial(_with_source, unknown))

    def with_values(self, change: Callable[[Value], Value]) -> Self:
        """A copy in which `change` has replaced each expression, text and constant."""
        fields = type(self).model_fields
        copy = self.model_copy(
            update={name: _changed(getattr(self, name), change) for name in fields}
        )
        for name in copy.__dict__.keys() - fields.keys():
            del copy.__dict__[name]  # a cached property, computed from the original fields
        return copy


def _changed(value: Any, change: Callable[[Value], Value]) -> Any:
    if isinstance(value, Value):
        return changed(value, change)
    if isinstance(value, dict):
        return {name: _changed(item, change) for name, item in value.items()}
    return value


def _with_source(unknown: frozenset[str], value: Value) -> Value:
    """The source text of a value that reads an `unknown` name; any other value as it is."""
    if isinstance(value, Constant | Tree) or not _reads(value, unknown):
        return value
    if not isinstance(value, Each):
        return Constant(SourceText(value.source))
    if _reads(value.items, unknown) or (value.when and _reads(value.when, unknown)):
        return with_one_item(value, partial(_with_source, unknown | {"item"}))
    return value._replace(give=changed(value.give, partial(_with_source, unknown)))


def _reads(value: Value, names: frozenset[str]) -> bool:
    return any(found.names & names for found in expressions(value))
