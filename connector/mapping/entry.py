"""Base classes and types of the entries of a mapping file.

The types compile expressions while pydantic validates the file, so every entry that was read can
be evaluated.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    SourceText,
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


def text_value(raw: object) -> Value:
    """Compile text, which can have `{{ }}` in it, or an `=expression`.

    Raises:
        ValueError: `raw` is not text, or an expression cannot be compiled.
    """
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return compile_value(raw)


class Compiled:
    """Makes pydantic compile a value of the file and keep the compiled result unchanged.

    `accepts` raises ValueError for a computed value that cannot be used at this place. The start
    calls it with the settings of the deployment; `connector.mapping.constants` calls it earlier,
    with everything that the file alone decides.
    """

    def __init__(
        self,
        compiler: Callable[[Any], Value],
        json_schema: dict[str, Any],
        accepts: Callable[[Any], object] | None = None,
    ) -> None:
        self.compiler = compiler
        self.json_schema = json_schema
        self.accepts = accepts

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.compiler)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return self.json_schema


TEXT: dict[str, Any] = {"type": "string"}
Condition = Annotated[Expression, Compiled(_condition, {"type": ["string", "boolean"]})]
AnyText = Annotated[Value, Compiled(text_value, TEXT)]
AnyValue = Annotated[Value, Compiled(compile_value, {})]
NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]


class Entry(BaseModel):
    """The base class of all entries. It refuses unknown keys; its fields cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def prepare(self) -> None:
        """Compute all cached properties at the start, so that the first event does not wait."""
        for kind in type(self).__mro__:
            for name, member in vars(kind).items():
                if isinstance(member, cached_property):
                    getattr(self, name)


def used(entry: object, loc: Loc = ()) -> Iterator[tuple[Loc, Expression]]:
    """Yield every expression below an entry of the file, with its path in the file."""
    for place, value in leaves(entry, loc):
        for found in expressions(value):
            yield place, found


def leaves(entry: object, loc: Loc = ()) -> Iterator[tuple[Loc, Value]]:
    """Yield every expression, text and constant below an entry, with its path in the file."""
    if isinstance(entry, Entry):
        for name, info in type(entry).model_fields.items():
            yield from leaves(getattr(entry, name), (*loc, info.alias or name))
    elif isinstance(entry, Tree):
        keys: Iterable[str | int] = entry.keys or range(len(entry.items))
        for key, item in zip(keys, entry.items, strict=True):
            yield from leaves(item, (*loc, key))
    elif isinstance(entry, Value):
        yield loc, entry
    elif isinstance(entry, Mapping):
        for key, item in entry.items():
            yield from leaves(item, (*loc, key))
    elif isinstance(entry, tuple | list):
        for index, item in enumerate(entry):
            yield from leaves(item, (*loc, index))


class CallEntry(Entry):
    """One request to the external system; each protocol adds its own keys."""

    protocol: ClassVar[str]
    reply_fields: ClassVar[tuple[str, ...]]

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
    def only_reads(self) -> bool:
        """True if the call changes nothing at the external system."""
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

        `connector.trace` renders the copy to show a call that waits for an earlier reply.
        """

        def change(value: Value) -> Value:
            if isinstance(value, Constant | Tree):
                return value
            reads = any(found.names & unknown for found in expressions(value))
            return Constant(SourceText(value.source)) if reads else value

        return self.with_values(change)

    def with_values(self, change: Callable[[Value], Value]) -> Self:
        """A copy in which `change` has replaced each expression, text and constant."""
        fields = type(self).model_fields
        copy = self.model_copy(
            update={name: _with_values(getattr(self, name), change) for name in fields}
        )
        for name in copy.__dict__.keys() - fields.keys():
            del copy.__dict__[name]  # a cached property, computed from the original fields
        return copy


def _with_values(value: Any, change: Callable[[Value], Value]) -> Any:
    if isinstance(value, Tree):
        return value._replace(items=tuple(_with_values(item, change) for item in value.items))
    if isinstance(value, Value):
        return change(value)
    if isinstance(value, dict):
        return {name: _with_values(item, change) for name, item in value.items()}
    return value
