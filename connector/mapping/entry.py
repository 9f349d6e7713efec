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
    Each,
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
    calls it with the settings of the deployment; `connector.mapping.lints.constants` calls it
    earlier, with everything that the file alone decides.
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

    @property
    def prefixes(self) -> frozenset[str]:
        """The prefixes of namespaces that its own XML uses and does not declare."""
        return frozenset()

    def prepare(self) -> None:
        """Compute all cached properties at the start, so that the first event does not wait."""
        for kind in type(self).__mro__:
            for name, member in vars(kind).items():
                if isinstance(member, cached_property):
                    getattr(self, name)


def entries(entry: object, loc: Loc = ()) -> Iterator[tuple[Loc, Entry]]:
    """Yield every entry below an entry, itself included, with its path in the file."""
    if isinstance(entry, Value):
        return
    if isinstance(entry, Entry):
        yield loc, entry
    for key, item in _inside(entry):
        yield from entries(item, (*loc, key))


def used(entry: object, loc: Loc = ()) -> Iterator[tuple[Loc, Expression]]:
    """Yield every expression below an entry of the file, with its path in the file."""
    for place, value in leaves(entry, loc):
        for found in expressions(value):
            yield place, found


def leaves(
    entry: object, loc: Loc = (), *, inside_lists: bool = True
) -> Iterator[tuple[Loc, Value]]:
    """Yield every expression, text and constant below an entry, with its path in the file.

    Those inside an `Each` are yielded as they are seen from outside, see `Each.outside`; without
    `inside_lists` the `Each` itself is yielded.
    """
    if isinstance(entry, Each) and inside_lists:
        yield from leaves(entry.items, (*loc, "each"))
        for inner in ("when", "give"):
            for place, value in leaves(getattr(entry, inner), (*loc, inner)):
                yield place, entry.outside(value, filtered=inner == "give")
    elif isinstance(entry, Value) and not isinstance(entry, Tree):
        yield loc, entry
    else:
        for key, item in _inside(entry):
            yield from leaves(item, (*loc, key), inside_lists=inside_lists)


def _inside(entry: object) -> Iterable[tuple[str | int, object]]:
    """The entries and values directly below an entry, each with its key or index."""
    if isinstance(entry, Entry):
        fields = type(entry).model_fields.items()
        return [(info.alias or name, getattr(entry, name)) for name, info in fields]
    if isinstance(entry, Tree):
        return zip(entry.keys or range(len(entry.items)), entry.items, strict=True)
    if isinstance(entry, Mapping):
        return entry.items()
    return enumerate(entry) if isinstance(entry, tuple | list) else ()


def changed(value: Value, change: Callable[[Value], Value]) -> Value:
    """A copy in which `change` has replaced each expression, text, constant and `Each`."""
    if isinstance(value, Tree):
        return value._replace(items=tuple(changed(item, change) for item in value.items))
    return change(value)


def with_one_item(each: Each, change: Callable[[Value], Value]) -> Tree:
    """What an `Each` makes of one item, changed by `change`, in place of a list nobody knows."""
    return Tree((changed(each.give, change),), None)
