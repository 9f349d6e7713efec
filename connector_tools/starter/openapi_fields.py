"""The fields of a request, from the schema of its body in an OpenAPI document."""

import re
from collections.abc import Callable
from typing import Any

from connector.mapping.entry import NAME
from connector_tools.starter import words
from connector_tools.starter.answers import OWN_SETTINGS
from connector_tools.starter.openapi_document import Document, Node

_DEEPEST = 4  # objects inside objects
_MOST = 40  # fields of one object
_PLAIN = re.compile(r"[\w -]+")
Note = Callable[[str], None]


class Fields:
    """Makes the fields of a body; `note` is told each guess.

    `reserved` are names that settings for unknown fields must not have.
    """

    def __init__(self, document: Document, reserved: tuple[str, ...], note: Note) -> None:
        self._document = document
        self._reserved = {*reserved, *OWN_SETTINGS}
        self._note = note
        self._above: list[Node] = []

    def of(self, schema: Any) -> dict[str, Any]:
        """The fields of a schema: those whose names have a meaning, and those that are required."""
        return self._object(schema, 0, "")

    def _object(self, node: Any, depth: int, place: str) -> dict[str, Any]:
        """The fields of an object; none of one inside itself."""
        schema = self._document.object(node)
        if any(schema is one for one in self._above):
            return {}
        self._above.append(schema)
        try:
            return self._inside(schema, depth, place)
        finally:
            self._above.pop()

    def _inside(self, node: Node, depth: int, place: str) -> dict[str, Any]:
        properties, required = self._properties(node, 0)
        found = {}
        for name, schema in list(properties.items())[:_MOST]:
            if "{{" in name or self._document.object(schema).get("readOnly") is True:
                continue
            value = self._value(name, schema, name in required, depth, f"{place}{name}")
            if value is not None:
                found[name] = value
        return found

    def _properties(self, node: Any, depth: int) -> tuple[dict[str, Any], set[str]]:
        """The properties of a schema with those of its `allOf`, and of its first `oneOf`."""
        schema = self._document.object(node)
        properties = dict(self._document.object(schema, "properties"))
        required = {
            name for name in self._document.list(schema, "required") if isinstance(name, str)
        }
        inner = self._document.list(schema, "allOf")
        for choice in ("oneOf", "anyOf"):
            inner = inner + self._document.list(schema, choice)[:1]
        for one in inner if depth < _DEEPEST else ():
            more, needed = self._properties(one, depth + 1)
            properties |= more
            required |= needed
        return {str(name): one for name, one in properties.items()}, required

    def _value(self, name: str, node: Any, required: bool, depth: int, place: str) -> Any:
        schema = self._document.object(node)
        kind = _kind(schema)
        if kind == "object" or "properties" in schema or "allOf" in schema:
            inner = self._object(node, depth + 1, f"{place}.") if depth < _DEEPEST else {}
            return inner or ({} if required else None)
        if kind == "array":
            return self._array(schema, name, required)
        word = words.guess(name)
        known = self._known(word, kind, schema, place) if word else None
        if known is not None or not required:
            return known
        return self._unknown(name, kind, schema, place)

    def _array(self, schema: Node, name: str, required: bool) -> Any:
        kind = _kind(self._document.object(schema, "items"))
        if words.guess(name) == "number" and kind == "string":
            return ["=number"]
        return [] if required else None

    def _known(self, word: str, kind: str, schema: Node, place: str) -> Any:
        """The word for a field whose name has a meaning; None if its type does not fit."""
        if word in ("served", "blocked"):
            return self._state(word, kind, schema, place)
        if "enum" in schema or (kind == "boolean"):
            return None
        if kind in ("integer", "number"):
            if word != "account":
                self._note(f"the field `{place}` is a number in the document, and gets text")
            return f"={word}"
        return "=account_text" if word == "account" else f"={word}"

    def _state(self, word: str, kind: str, schema: Node, place: str) -> Any:
        if kind == "boolean":
            return f"={word}"
        values = [one for one in self._document.list(schema, "enum") if isinstance(one, str)]
        on, off = _first(values, words.SERVED_TEXTS), _first(values, words.OTHER_TEXTS)
        if not on or not off:
            return None
        self._note(f"the field `{place}` is `{on}` for a served subscriber, else `{off}`")
        return f"=served ? {on} : {off}"

    def _unknown(self, name: str, kind: str, schema: Node, place: str) -> Any:
        """A constant from the document, or a setting."""
        for constant in (
            schema.get("const"), schema.get("default"), schema.get("example"),
            *self._document.list(schema, "enum"),
        ):  # fmt: skip
            if isinstance(constant, bool | int) or (
                isinstance(constant, str) and _is_plain(constant)
            ):
                self._note(f"the field `{place}` is always {constant!r}")
                return constant
        if kind == "boolean":
            self._note(f"the field `{place}` is always false")
            return False
        if kind in ("integer", "number"):
            self._note(f"the field `{place}` is always 0")
            return 0
        setting = setting_name(name, self._reserved)
        self._note(f"the field `{place}` is the setting `{setting}`")
        return f"={words.SETTING}{setting}"


def setting_name(name: str, reserved: set[str] | frozenset[str] = frozenset()) -> str:
    """A name for a setting, made of the name of a field or parameter."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    text = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    text = text if re.match(NAME, text) else f"value_{text}".strip("_")
    return f"{text}_field" if text in reserved else text


def _kind(schema: Node) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):  # OpenAPI 3.1: `[string, "null"]`
        kind = next((one for one in kind if one != "null"), None)
    return str(kind or ("object" if "properties" in schema else "string"))


def _first(values: list[str], wanted: tuple[str, ...]) -> str | None:
    by_name = {value.lower(): value for value in values if _is_plain(value)}
    return next((by_name[text.lower()] for text in wanted if text.lower() in by_name), None)


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text))
