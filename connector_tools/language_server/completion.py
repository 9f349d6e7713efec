"""What can be written at the cursor: keys, the values of a key, names in an expression."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, NamedTuple, get_args, get_origin

from connector.mapping.between import OTHERS
from connector.mapping.entry import Entry
from connector.mapping.keys import entry_at, keys_of
from connector.mapping.schema import MappingFile
from connector_tools.language_server.cursor import Cursor
from connector_tools.language_server.names import CHAIN, Name, fields, functions, names

_TAIL = re.compile(r"((?:[A-Za-z_]\w*(?:\[\d+\])?\.)*)([A-Za-z_]\w*)?$")
_FILTER = re.compile(r"(?<!\|)\|\s*\w*$")
_TEST = re.compile(r"\bis\s+(?:not\s+)?\w*$")
_TEXTS = re.compile(r"'[^']*'|\"[^\"]*\"")


class Suggestion(NamedTuple):
    """A text that can be written at the cursor in place of the word there, and what it means."""

    text: str
    kind: Literal["key", "value", "name"]
    detail: str
    about: str


def suggestions(cursor: Cursor, mapping: MappingFile | None) -> Iterator[Suggestion]:
    """Yield what can be written at the cursor; `mapping` is the last version that could be read."""
    inside = cursor.expression
    if inside is not None:
        for name in _names(inside, cursor, mapping):
            yield Suggestion(name.name, "name", name.kind, name.about)
        return
    entry = entry_at(cursor.data, cursor.loc)
    if entry:
        yield from _keys(entry, cursor)
    elif not cursor.is_key:
        yield from _values(cursor)


def _keys(entry: type[Entry], cursor: Cursor) -> Iterator[Suggestion]:
    """Yield the keys that the entry at the cursor can still have."""
    there = _value_at(cursor.data, cursor.loc)
    written = {*there} - {cursor.text} if isinstance(there, dict) else set()
    for key in keys_of(entry):
        if key not in written:
            yield Suggestion(f"{key}: ", "key", "", key_about(entry, key))
    if not written and cursor.loc[-2:-1] == ("calls",):
        for key, kind in OTHERS.items():
            yield Suggestion(f"{key}: ", "key", "", _doc(kind))


def key_about(entry: type[Entry], key: str) -> str:
    """What a key of an entry means; empty if its model does not say it."""
    for name, info in entry.model_fields.items():
        if key == (info.alias or name):
            return info.description or _of_annotation(info.annotation)
    return ""


def _of_annotation(annotation: Any) -> str:
    """The docstring of the entry that a key has."""
    for kind in (annotation, *_inner(annotation)):
        if isinstance(kind, type) and issubclass(kind, Entry):
            return _doc(kind)
    return ""


def _doc(kind: type) -> str:
    return " ".join((kind.__doc__ or "").partition("\n\n")[0].split())


def _values(cursor: Cursor) -> Iterator[Suggestion]:
    """Yield the values that a key can have, if they are few."""
    *above, key = cursor.loc or ("",)
    entry = entry_at(cursor.data, tuple(above))
    for name, info in entry.model_fields.items() if entry else ():
        if key == (info.alias or name):
            for choice in dict.fromkeys(_choices(info.annotation)):
                yield Suggestion(choice, "value", "", "")


def _choices(annotation: Any) -> Iterator[str]:
    for kind in (annotation, *_inner(annotation)):
        if kind is bool:
            yield from ("true", "false")
        elif get_origin(kind) is Literal:
            yield from (one.value if isinstance(one, Enum) else str(one) for one in get_args(kind))
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (str(one.value) for one in kind)


def _inner(annotation: Any) -> Iterator[Any]:
    """Yield the types inside a type, at any depth."""
    if get_origin(annotation) is Literal:
        return
    for inner in get_args(annotation):
        yield inner
        yield from _inner(inner)


def _names(inside: str, cursor: Cursor, mapping: MappingFile | None) -> Iterator[Name]:
    bare = _TEXTS.sub("''", inside)
    if bare.count("'") % 2 or bare.count('"') % 2:
        return  # inside a text
    if _FILTER.search(bare):
        yield from functions(tests=False)
    elif _TEST.search(bare):
        yield from functions(tests=True)
    elif tail := _TAIL.search(inside):
        chain = chain_of(tail[1].removesuffix("."))
        if chain:
            yield from fields(mapping, cursor.data, cursor.loc, chain)
        else:
            yield from names(mapping, cursor.data, cursor.loc)


def chain_of(text: str) -> tuple[str, ...]:
    """The steps of `account.assigned_addons[0].name`; `[]` stands for an item."""
    if not CHAIN.fullmatch(text):
        return ()
    return tuple(step for step in re.sub(r"\[\d+\]", ".[]", text).split(".") if step)


def _value_at(data: Any, loc: tuple[str | int, ...]) -> Any:
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
