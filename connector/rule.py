"""The rules of a mapping file: for these events, under this condition, these calls.

The types here compile what stands in the file while pydantic validates it: a rule that was read
is a rule that can be evaluated.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Map
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import CoreSchema, core_schema

from connector.document import Loc
from connector.expression import (
    Expression,
    Tree,
    Value,
    compile_condition,
    compile_value,
    expressions,
    in_header,
    in_path,
    in_xml,
)

METHODS = ("get", "post", "put", "patch", "delete")
BODIES = ("json", "form", "text", "xml")


def _condition(raw: object) -> Expression:
    if isinstance(raw, bool | int):
        raw = str(raw).lower()
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be an expression")
    return compile_condition(raw)


def _path(raw: object) -> Value:
    if not isinstance(raw, str) or not raw.startswith("/"):
        raise ValueError("must be a path that starts with /")
    return compile_value(raw, in_path)


def _text(raw: object) -> Value:
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return compile_value(raw)


def _xml(raw: object) -> Value:
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return compile_value(raw, in_xml)


def _list(raw: object) -> object:
    return [raw] if isinstance(raw, str) else raw


class _Compiled:
    """Tells pydantic to compile what stands in the file, and to look no further into the result."""

    def __init__(self, compiler: Callable[[Any], Value], json_schema: dict[str, Any]) -> None:
        self.compiler = compiler
        self.json_schema = json_schema

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.compiler)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return self.json_schema


_TEXT: dict[str, Any] = {"type": "string"}
Condition = Annotated[Expression, _Compiled(_condition, {"type": ["string", "boolean"]})]
PathText = Annotated[Value, _Compiled(_path, _TEXT)]
AnyText = Annotated[Value, _Compiled(_text, _TEXT)]
XmlText = Annotated[Value, _Compiled(_xml, _TEXT)]
HeaderText = Annotated[Value, _Compiled(lambda raw: compile_value(raw, in_header), _TEXT)]
AnyValue = Annotated[Value, _Compiled(compile_value, {})]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Entry(BaseModel):
    """What all entries share: no unknown keys, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def used(entry: object, loc: Loc = ()) -> Iterator[tuple[Loc, Expression]]:
    """Every expression below an entry of the file, with its path in the file."""
    if isinstance(entry, Entry):
        for name, info in type(entry).model_fields.items():
            yield from used(getattr(entry, name), (*loc, info.alias or name))
    elif isinstance(entry, Map):
        for key, item in entry.items():
            yield from used(item, (*loc, key))
    elif isinstance(entry, tuple | list):
        for index, item in enumerate(entry):
            yield from used(item, (*loc, index))
    elif isinstance(entry, Tree):
        keys: Iterable[str | int] = entry.keys or range(len(entry.items))
        for key, item in zip(keys, entry.items, strict=True):
            yield from used(item, (*loc, key))
    elif isinstance(entry, Value):
        for found in expressions(entry):
            yield loc, found


class Ignore(Entry):
    """Nothing to do for an event like this: 202 with the reason."""

    if_: Condition = Field(alias="if")
    because: AnyText


class Require(Entry):
    """What must hold, or the event is invalid: 422 with the reason."""

    that: Condition
    because: AnyText


class CallEntry(Entry):
    """One request to the external system: one of the methods with its path, one of the bodies."""

    id: Name | None = Field(None, description="Name under which later calls read its reply.")
    when: Condition | None = Field(None, description="Send it only if this holds.")
    each: Condition | None = Field(None, description="Send it for each `item` of this list.")
    subject: AnyText | None = Field(None, description="Whom it is about; else the rule's subject.")
    releases: bool = Field(
        False,
        description="Takes the subject away from the account: left out if the ledger knows that "
        "the subject belongs to another account by now.",
    )
    get: PathText | None = None
    post: PathText | None = None
    put: PathText | None = None
    patch: PathText | None = None
    delete: PathText | None = None
    query: dict[str, AnyValue] = {}
    headers: dict[str, HeaderText] = {}
    json_: AnyValue | None = Field(None, alias="json")
    form: dict[str, AnyValue] | None = None
    text: AnyText | None = None
    xml: XmlText | None = None
    accept: tuple[Annotated[int, Field(ge=200, le=599)], ...] = Field(
        (), description="Statuses that count as success beside 2xx."
    )
    idempotent: bool | None = Field(
        None, description="Whether sending it twice does no more than once; GET, PUT, DELETE are."
    )

    @model_validator(mode="after")
    def _one_method_one_body(self) -> "CallEntry":
        if sum(getattr(self, method) is not None for method in METHODS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(METHODS)}")
        if sum(body is not None for body in self.bodies.values()) > 1:
            raise ValueError(f"has more than one of {', '.join(BODIES)}")
        return self

    @property
    def method(self) -> str:
        """`get`, `post`..."""
        return next(method for method in METHODS if getattr(self, method) is not None)

    @property
    def path(self) -> Value:
        """The path, encoded for a URL when evaluated."""
        path: Value = getattr(self, self.method)
        return path

    @property
    def bodies(self) -> dict[str, Any]:
        """The body under its kind; the other kinds are None."""
        return {"json": self.json_, "form": self.form, "text": self.text, "xml": self.xml}

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that its expressions read."""
        return frozenset(name for _, found in used(self) for name in found.names)

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again after an unknown end (RFC 9110, 9.2.2)."""
        if self.idempotent is None:
            return self.method in ("get", "put", "delete")
        return self.idempotent


class Rule(Entry):
    """For these events, under this condition, these calls."""

    name: str
    on: Annotated[
        tuple[str, ...],
        BeforeValidator(_list, json_schema_input_type=str | list[str]),
        Field(min_length=1),
    ]
    when: Condition | None = None
    ignore: tuple[Ignore, ...] = ()
    require: tuple[Require, ...] = ()
    subject: AnyText | None = None
    replay: Literal["apply", "never"] = Field(
        "apply",
        description="Whether a replay with a newer snapshot is applied again: `apply` for state, "
        "`never` for what must happen once.",
    )
    calls: Annotated[tuple[CallEntry, ...], Field(min_length=1)]

    def handles(self, event_type: str) -> bool:
        """Whether the rule is for such events; compared without case (contract 2.3)."""
        return event_type.lower() in {name.lower() for name in self.on}
