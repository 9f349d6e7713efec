"""Base classes and types of the entries of a mapping file.

The types compile expressions while pydantic validates the file, so every entry that was read can
be evaluated.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Map
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import CoreSchema, core_schema

from connector.call import Call
from connector.mapping.document import Loc
from connector.mapping.expression import (
    Constant,
    Expression,
    Scope,
    Source,
    Text,
    Tree,
    Value,
    compile_condition,
    compile_value,
    expressions,
)


def _condition(raw: object) -> Expression:
    if isinstance(raw, bool | int):
        raw = str(raw).lower()
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be an expression")
    return compile_condition(raw)


def _text(raw: object) -> Value:
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return compile_value(raw)


class Compiled:
    """Has pydantic compile a value of the file, and leave the compiled result as it is."""

    def __init__(self, compiler: Callable[[Any], Value], json_schema: dict[str, Any]) -> None:
        self.compiler = compiler
        self.json_schema = json_schema

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.compiler)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return self.json_schema


TEXT: dict[str, Any] = {"type": "string"}
Condition = Annotated[Expression, Compiled(_condition, {"type": ["string", "boolean"]})]
AnyText = Annotated[Value, Compiled(_text, TEXT)]
AnyValue = Annotated[Value, Compiled(compile_value, {})]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Entry(BaseModel):
    """The base of all entries: unknown keys are refused, fields cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def used(entry: object, loc: Loc = ()) -> Iterator[tuple[Loc, Expression]]:
    """Yield every expression below an entry of the file, with its path in the file."""
    if isinstance(entry, Entry):
        for name, info in type(entry).model_fields.items():
            yield from used(getattr(entry, name), (*loc, info.alias or name))
    elif isinstance(entry, Tree):
        keys: Iterable[str | int] = entry.keys or range(len(entry.items))
        for key, item in zip(keys, entry.items, strict=True):
            yield from used(item, (*loc, key))
    elif isinstance(entry, Value):
        for found in expressions(entry):
            yield loc, found
    elif isinstance(entry, Map):
        for key, item in entry.items():
            yield from used(item, (*loc, key))
    elif isinstance(entry, tuple | list):
        for index, item in enumerate(entry):
            yield from used(item, (*loc, index))


class CallEntry(Entry):
    """One request to the external system; each protocol adds its own keys."""

    protocol: ClassVar[str]
    reply_fields: ClassVar[tuple[str, ...]]

    id: Name | None = Field(None, description="Name under which later calls read its reply.")
    when: Condition | None = Field(None, description="Send it only if this holds.")
    each: Condition | None = Field(None, description="Send it for each `item` of this list.")
    subject: AnyText | None = Field(
        None, description="Whom the call is about; the rule's subject if not given."
    )
    releases: bool = Field(
        False,
        description="Takes the subject away from the account: left out if the ledger knows that "
        "the subject belongs to another account by now.",
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
        """Whether it may be sent again when the end of an attempt is unknown."""

    @property
    def undeclared(self) -> bool:
        """True if neither `idempotent:` nor the protocol says whether repeating is safe."""
        return False

    @abstractmethod
    def render(self, scope: Scope) -> Call:
        """The call with all its expressions computed.

        Raises:
            ValueError: the event's data does not allow it; an `EvaluationError` says why.
        """

    @cached_property
    def names_read(self) -> frozenset[str]:
        """The names that its expressions read."""
        return frozenset(name for _, found in used(self) for name in found.names)

    def with_sources(self, unknown: frozenset[str]) -> Self:
        """A copy in which each value that reads an `unknown` name is its own text in the file.

        `connector.trace` renders it to show a call that waits for an earlier reply.
        """
        fields = type(self).model_fields
        copy = self.model_copy(
            update={name: _with_sources(getattr(self, name), unknown) for name in fields}
        )
        for name in copy.__dict__.keys() - fields.keys():
            del copy.__dict__[name]  # computed from the fields before
        return copy


def _with_sources(value: Any, unknown: frozenset[str]) -> Any:
    if isinstance(value, Tree):
        return value._replace(items=tuple(_with_sources(item, unknown) for item in value.items))
    if isinstance(value, Expression | Text):
        reads = any(found.names & unknown for found in expressions(value))
        return Constant(Source(value.source)) if reads else value
    if isinstance(value, dict):
        return {name: _with_sources(item, unknown) for name, item in value.items()}
    return value


def outline(address: Value) -> str:
    """An address for the log: `{}` stands for its data, e.g. `/subscribers/{}`."""
    if isinstance(address, Text):
        return address.outline
    return "{}" if expressions(address) else str(address.evaluate(Scope()))
