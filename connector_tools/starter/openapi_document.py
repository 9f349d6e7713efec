"""Reads an OpenAPI 3 document, in JSON or YAML, and follows the references inside it."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

Node = Mapping[str, Any]
_MOST_BYTES = 20_000_000
_DEEPEST = 30  # references one after another
_EMPTY: Node = {}


class BadDocument(Exception):  # noqa: N818 - says what it is
    """The text is no OpenAPI document that can be used; the text says why, and what to give."""


class Document:
    """An OpenAPI document whose `$ref` are followed by `get`."""

    def __init__(self, data: Node) -> None:
        self._data = data

    @property
    def root(self) -> Node:
        """The document itself."""
        return self._data

    def get(self, node: Any, *path: str | int) -> Any:
        """What stands at a path below a node, with every reference on the way followed.

        None if there is nothing.

        Raises:
            BadDocument: a reference leads nowhere, in a circle, or out of the document.
        """
        found = self._followed(node)
        for key in path:
            if isinstance(found, list) and isinstance(key, int) and key < len(found):
                found = self._followed(found[key])
            elif isinstance(found, Mapping):
                found = self._followed(found.get(key))
            else:
                return None
        return found

    def object(self, node: Any, *path: str | int) -> Node:
        """As `get`; an empty object if there is none."""
        found = self.get(node, *path)
        return found if isinstance(found, Mapping) else _EMPTY

    def list(self, node: Any, *path: str | int) -> list[Any]:
        """As `get`; an empty list if there is none."""
        found = self.get(node, *path)
        return found if isinstance(found, list) else []

    def _followed(self, node: Any) -> Any:
        for _ in range(_DEEPEST):
            if not isinstance(node, Mapping) or not isinstance(node.get("$ref"), str):
                return node
            node = self._target(node["$ref"])
        raise BadDocument("its references lead in a circle")

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise BadDocument(
                f"it refers to another file, `{reference}`: give one file that holds all (a bundle)"
            )
        found: Any = self._data
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                raise BadDocument(f"its reference `{reference}` leads nowhere")
            found = found[key]
        return found


def read(text: bytes) -> Document:
    """Read a document.

    Raises:
        BadDocument: it is none.
    """
    if len(text) > _MOST_BYTES:
        raise BadDocument(f"it is larger than {_MOST_BYTES} bytes")
    try:
        data = _parsed(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadDocument("it is not text in UTF-8") from None
    except RecursionError:
        raise BadDocument("it is nested too deeply") from None
    if not isinstance(data, Mapping):
        raise BadDocument("it is not an object, as an OpenAPI document is")
    if "swagger" in data:
        raise BadDocument("it is of version 2 (Swagger): convert it to OpenAPI 3 first")
    if not str(data.get("openapi", "")).startswith("3."):
        raise BadDocument("it has no line `openapi: 3...`, so it is no OpenAPI 3 document")
    if not isinstance(data.get("paths"), Mapping) or not data["paths"]:
        raise BadDocument("it has no `paths`: no request can be taken from it")
    return Document(data)


def _parsed(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise BadDocument(f"it is no JSON: {error}") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        raise BadDocument(f"it is no YAML{where}: {what}") from None
    except ValueError as error:  # such as a date that does not exist
        raise BadDocument(f"it is no YAML: {error}") from None
