"""docs/reference/keys.md: every key of a mapping file, with its type, default and meaning.

Keys, types and defaults come from the models of the file. The meanings come from the tables of
docs/mapping.md and of the page of each protocol, which tests compare with the same models.
"""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from connector.mapping import (
    between,
    block,
    case,
    reply_rule,
    resource,
    rule,
    setting,
    system_entry,
    table_entry,
)
from connector.mapping.entry import Compiled, Entry
from connector.mapping.expression import Constant
from connector.mapping.protocol import PROTOCOLS, protocol
from connector.mapping.schema import MappingFile
from connector.systems.http.call import HttpRequestEntry
from connector.systems.http.entry import LazyKind
from connector.systems.soap.call import SoapRequestEntry
from connector_tools.documents.markdown import moved, read, rows, sections, slug, table
from connector_tools.program import ROOT

PAGE = "docs/reference/keys.md"
MODELS: dict[str, type[Entry]] = {
    "The file": MappingFile,
    "settings": setting.Setting,
    "tables": table_entry.TableEntry,
    "system": system_entry.SystemEntry,
    "system.NAME.breaker": system_entry.BreakerEntry,
    "system.replies": reply_rule.ReplyRule,
    "calls.expect": reply_rule.Expectation,
    "calls.require": between.Must,
    "calls.let": between.LetEntry,
    "calls.block": between.BlockUse,
    "blocks": block.Block,
    "resources": resource.Resource,
    "resources.fields": resource.OwnedField,
    "resources.list": resource.Listing,
    "rules": rule.Rule,
    "rules.ignore": rule.Ignore,
    "rules.require": rule.Require,
    "tests": case.Case,
    "stories": case.Story,
    "stories.steps": case.Step,
}
"""The entries that all protocols share, by their headings in docs/mapping.md."""
_SHARED = (
    system_entry.BreakerEntry,
    reply_rule.ReplyRule,
    HttpRequestEntry,
    SoapRequestEntry,
)
_HEAD = """\
# Every key

All keys of a [mapping file](../mapping.md), with types and defaults. An unknown key is an error.
`connector schema` prints the same as a JSON Schema for editors.

A *condition* is an expression. A *text* can contain `{{{{ }}}}` or be an `=expression`; a *plain
text* is neither. A *value* is a constant, an `=expression`, a text, or a list or an object of
these.

{parts}

"""
_COLUMNS = ("Key", "Type", "Default", "Meaning")
_PLAIN = {
    "string": "plain text",
    "boolean": "`true` or `false`",
    "integer": "whole number",
    "number": "number",
    "object": "object",
    "null": "null",
}
_MANY = {
    "text": "texts",
    "plain text": "plain texts",
    "whole number": "whole numbers",
    "object": "objects",
    "value": "values",
    "condition": "conditions",
}


def document() -> str:
    """The page."""
    names = [f"[`{name}`](#system-{name})" for name in PROTOCOLS]
    parts = f"The parts that all protocols share come first; then {', '.join(names)}."
    text = _HEAD.format(parts=parts)
    text += "".join(_section(title, model, "docs/mapping.md") for title, model in MODELS.items())
    return text + "".join(map(_protocol, PROTOCOLS))


def protocol_page(name: str) -> str:
    """The path of the page of a protocol."""
    package = PROTOCOLS[name].rpartition(".")[0]
    page = Path(str(files(package) / "README.md"))
    return page.relative_to(ROOT).as_posix()


def protocol_models(name: str) -> dict[str, type[Entry]]:
    """The entries that the page of a protocol explains, by their headings."""
    found, package = protocol(name), PROTOCOLS[name].rpartition(".")[0]
    return {
        "calls": found.call_entry,
        "tests.replies": found.scripted_reply,
        "tests.calls": found.expected_call,
        **{
            path: model
            for path, model in _below("system", found.system_entry)
            if model.__module__.startswith(package)  # the page of its own room has the others
        },
    }


def _protocol(name: str) -> str:
    page = protocol_page(name)
    text = f"## `system: {name}`\n\n"
    return text + "".join(
        _section(title, model, page, f" of {name}")
        for title, model in protocol_models(name).items()
    )


def _below(path: str, model: type[Entry]) -> Iterator[tuple[str, type[Entry]]]:
    """Yield the entries of a protocol below `system`, with their paths in the file."""
    for name, info in model.model_fields.items():
        for kind in _kinds_of(info):
            if isinstance(kind, type) and issubclass(kind, Entry) and kind not in _SHARED:
                yield f"{path}.{info.alias or name}", kind
                yield from _below(f"{path}.{info.alias or name}", kind)


def _kinds_of(info: FieldInfo) -> Iterator[Any]:
    """Yield the types in the annotation of a field; a kind of `auth` is known by its name."""
    for kind in (info.annotation, *get_args(info.annotation)):
        yield from (found.model for found in get_args(kind) if isinstance(found, LazyKind))
        yield kind


def _section(title: str, model: type[Entry], page: str, of: str = "") -> str:
    """The keys of one entry, with a link to the section of the page that explains it."""
    meanings = {row[0].strip("`"): row for row in rows(sections(read(page)).get(title, ""))}
    if not meanings:
        return ""
    schema = model.model_json_schema(by_alias=True)
    known = schema.get("$defs", {})
    properties = schema.get("properties") or known[schema["$ref"].rpartition("/")[2]]["properties"]
    body = [
        (
            f"`{key}`",
            _type(info, properties.get(key, {}), known),
            meanings[key][1],
            moved(meanings[key][2], page, PAGE),
        )
        for key, info in _fields(model).items()
        if key in meanings
    ]
    explained = moved(f"[Explained]({page}#{slug(title)})", "x", PAGE)
    shown = title if title == "The file" else f"`{title}`"
    level = "###" if of else "##"
    return f"{level} {shown}{of}\n\n{explained}.\n\n{table(_COLUMNS, body)}\n"


def _fields(model: type[Entry]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _type(info: FieldInfo, schema: dict[str, Any], known: dict[str, Any]) -> str:
    """The type in words; the schema says which, the annotation whether text is computed."""
    plain = not any(isinstance(part, Compiled) for part in _parts(info))
    return _words(schema, known, "plain text" if plain else "text")


def _parts(info: FieldInfo) -> Iterator[Any]:
    yield from info.metadata
    waiting = [info.annotation]
    while waiting:
        waiting += get_args(kind := waiting.pop())
        yield kind


def _words(schema: dict[str, Any], known: dict[str, Any], text: str) -> str:
    """A JSON Schema in words; `text` is the word for text."""
    if "$ref" in schema:
        return _words(known[schema["$ref"].rpartition("/")[2]], known, text)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        found = [_words(one, known, text) for one in options if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(found))
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        texts = (json.dumps(one).strip('"') for one in values if one is not None)
        return ", ".join(f"`{one}`" for one in texts)
    if schema.get("type") == "array":
        inner = _words(schema.get("items", {}), known, text)
        return f"list of {_MANY.get(inner, inner)}"
    return _plain_words(schema.get("type"), text)


def _plain_words(kind: str | list[str] | None, text: str) -> str:
    if isinstance(kind, list):
        return "condition" if "boolean" in kind else " or ".join(_PLAIN[one] for one in kind)
    if kind is None:
        return "value"
    return text if kind == "string" else _PLAIN[kind]


def default_cell(info: FieldInfo) -> str | None:
    """The cell that a table must have for a default; None if the text of the cell is free."""
    if info.is_required():
        return "required"
    default = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, Constant):
        return f"`{default.value}`"
    return f"`{json.dumps(default).strip(chr(34))}`" if isinstance(default, str | int) else None
