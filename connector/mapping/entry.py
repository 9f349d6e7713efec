"""The base class of the entries of a mapping file, and types of their values.

The types compile expressions while pydantic validates the file, so every entry that was read can
be evaluated.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import CoreSchema, core_schema

from connector.mapping.document import Loc
from connector.mapping.expression import (
    Expression,
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
