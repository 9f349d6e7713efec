"""What an expression can read at a place of a mapping file, and what each name means."""

import re
from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from connector.event import EVENT_FIELDS, PARTS
from connector.mapping.document import Loc
from connector.mapping.filters import FILTERS, TESTS
from connector.mapping.lints.checks import SECTIONS, names_at
from connector.mapping.lints.fields import end_of, has_fields, resolved
from connector.mapping.schema import MappingFile
from connector.portabilling import Part
from connector_tools.documents.openapi_event import schemas

Chain = tuple[str, ...]
CHAIN = re.compile(r"[A-Za-z_]\w*(?:\[\d+\]|\.[A-Za-z_]\w*)*")
_TYPES = {str: "text", int: "a number", float: "a number", bool: "true or false", NoneType: ""}


class Name(NamedTuple):
    """A name with its type or kind, and a sentence about it; both can be empty."""

    name: str
    kind: str = ""
    about: str = ""


def names(mapping: MappingFile | None, data: Any, loc: Loc) -> Iterator[Name]:
    """Yield the names that an expression at `loc` can read.

    `mapping` is the last version of the file that could be read, `data` the current one.
    """
    known = _known(mapping, loc) | {*_keys(data, "values")} - {str(loc[-1])}
    for name in sorted(known):
        yield about(mapping, data, loc, (name,)) or Name(name)


def _known(mapping: MappingFile | None, loc: Loc) -> set[str]:
    try:
        return names_at(mapping, loc) if mapping else {*SECTIONS, "settings"}
    except (KeyError, IndexError, ValueError, AttributeError):  # the place is new
        return {*SECTIONS, "settings"}


def fields(mapping: MappingFile | None, data: Any, loc: Loc, chain: Chain) -> Iterator[Name]:
    """Yield the fields of what a chain leads to."""
    first = chain[0]
    if len(chain) == 1 and first in ("settings", "tables"):
        for name in _keys(data, first):
            yield about(mapping, data, loc, (first, name)) or Name(name)
    elif chain == ("event",):
        yield from (Name(name, "", "A field of the event itself.") for name in EVENT_FIELDS)
    elif part := _part(mapping, loc, chain):
        for name in part.model_fields:
            yield _field(part, name)
    elif mapping and len(chain) == 1 and (first == "reply" or first in _replies(mapping)):
        for name in mapping.protocol.call_entry.reply_fields or ():
            yield Name(name, "", "A field of the reply.")


def _replies(mapping: MappingFile) -> set[str]:
    return {placed.entry.id for placed in mapping.calls if placed.entry.id}


def about(mapping: MappingFile | None, data: Any, loc: Loc, chain: Chain) -> Name | None:
    """What a chain means; None if nobody knows."""
    first = chain[0]
    if chain[:1] == ("settings",) and len(chain) == 2:
        return Name(chain[1], "setting", _setting(_entry(data, "settings", chain[1])))
    if chain[:1] == ("tables",) and len(chain) == 2:
        return Name(chain[1], "table", "A table of this file: `tables.NAME[KEY]`.")
    if len(chain) == 1 and first in _keys(data, "values"):
        return Name(first, "value", f"`{_entry(data, 'values', first)}`")
    if len(chain) == 1:
        return _whole(data, first)
    part = _part(mapping, loc, chain[:-1])
    return _field(part, chain[-1]) if part and chain[-1] in part.model_fields else None


def _whole(data: Any, name: str) -> Name | None:
    if name in PARTS:
        place, part = PARTS[name]
        return Name(name, "part of the event", f"`{place}`. {part.__doc__}")
    if name in _keys(data, "resources"):
        return Name(name, "resource", "What the system holds of this resource.")
    return Name(name, *_OWN[name]) if name in _OWN else None


_OWN = {
    "event": ("event", "The event itself: its id, its type, its times."),
    "variables": ("part of the event", "`data.variables`: what PortaBilling sent with the event."),
    "counters": ("list", "`pb_data.full_vd_counter_info`: the quotas of bundles."),
    "settings": ("settings", "The settings of the deployment."),
    "tables": ("tables", "The tables of this file."),
    "reply": ("reply", "The reply to the call."),
    "item": ("item", "The current item of `each`."),
    "found": ("object", "What the system holds of this resource."),
    "want": ("object", "What the system shall hold of this resource."),
    "changed": ("object", "The wanted fields that differ."),
}


def _part(mapping: MappingFile | None, loc: Loc, chain: Chain) -> type[Part] | None:
    """The part of the event that a chain leads to, also through values of the mapping."""
    if mapping is None:
        return PARTS[chain[0]][1] if len(chain) == 1 and chain[0] in PARTS else None
    try:
        whole = resolved(mapping, loc, chain)
        if len(whole) == 1 and whole[0] in PARTS:
            return PARTS[whole[0]][1]
        return end_of(whole).part if whole and has_fields(whole) else None
    except (KeyError, IndexError, ValueError):
        return None


def _field(part: type[Part], name: str) -> Name:
    told = _schemas().get(part.__name__, {}).get("properties", {}).get(name, {})
    return Name(name, _type(part.model_fields[name].annotation), told.get("description", ""))


@cache
def _schemas() -> dict[str, Any]:
    return schemas()


def _type(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType, Annotated):
        inner = [one for one in get_args(annotation) if one is not NoneType]
        return _type(inner[0]) if inner else ""
    if get_origin(annotation) is list:
        return "a list"
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return "an object"
    return _TYPES.get(annotation, "")


def functions(*, tests: bool) -> Iterator[Name]:
    """Yield the filters (`value | NAME`), or the tests (`value is NAME`)."""
    for name, function in sorted((TESTS if tests else FILTERS).items()):
        if not name.startswith("_"):
            yield Name(name, "test" if tests else "filter", _doc(function))


def _doc(function: Any) -> str:
    while getattr(function, "__wrapped__", None):
        function = function.__wrapped__
    return " ".join((function.__doc__ or "").partition("\n\n")[0].split())


def _setting(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    source = f"environment variable `{entry.get('env')}`"
    if "secret" in entry:
        source = f"secret `{entry['secret']}`"
    default = f", default `{entry['default']}`" if "default" in entry else ""
    return f"From the {source}{default}."


def _keys(data: Any, section: str) -> tuple[str, ...]:
    found = data.get(section) if isinstance(data, dict) else None
    return tuple(found) if isinstance(found, dict) else ()


def _entry(data: Any, section: str, name: str) -> Any:
    return data[section].get(name) if name in _keys(data, section) else None
