"""Where the cursor stands in a mapping file that may be half written.

A mark is put in at the cursor, and what is still open behind it is closed. The first text that is
YAML says what the author is writing.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from connector.mapping.document import Loc
from connector.mapping.scalar import Loader

_MARK = "\ue000"  # a character for private use: no file has it
_OPEN = ("", "'", '"', " }}", ' }}"')  # what may be open in a value, and how it is closed
_AROUND = ("", "}", "]", "]}", "}]", "}}", "}]}")  # and around it
_CLOSED = ("", ": ", *(inner + outer for outer in _AROUND for inner in _OPEN), ": }", ": }]")
_BARE = re.compile(r"\s*(?:- )*[\w-]*")
_CONDITIONS = frozenset(("absent", "each", "exists", "gone", "if", "that", "when"))


@dataclass(frozen=True, slots=True)
class Cursor:
    """What stands at the cursor: the key or the value `text`, with the cursor at `at` in it.

    `loc` is the path of the value, or for a key that of the entry which has it. `data` is the data
    of the whole file.
    """

    loc: Loc
    is_key: bool
    text: str
    at: int
    data: Any

    @property
    def before(self) -> str:
        """The text before the cursor."""
        return self.text[: self.at]

    @property
    def expression(self) -> str | None:
        """The part of an expression before the cursor; None if it is not in an expression."""
        if self.is_key:
            return None
        if self.text.startswith("="):
            return self.before.removeprefix("=") if self.at else None
        opened = self.before.rfind("{{")
        if opened > self.before.rfind("}}"):
            return self.before[opened + 2 :]
        return self.before if {*self.loc[-1:]} & _CONDITIONS else None


def cursor_at(text: str, offset: int) -> Cursor | None:
    """The cursor `offset` characters after the start; None if nobody can say where that is."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    for closed in _CLOSED:
        candidate = text[:offset] + _MARK + closed + text[offset:]
        try:
            root = yaml.compose(candidate, Loader=Loader)
            found = _find(root, (), bare=bool(_BARE.fullmatch(line)) and not closed)
            if found is None:
                continue
            data = _unmarked(yaml.load(candidate, Loader=Loader))  # noqa: S506 - a safe one
        except (yaml.YAMLError, RecursionError, ValueError):
            continue
        loc, is_key, written = found
        return Cursor(loc, is_key, written.replace(_MARK, ""), written.index(_MARK), data)
    return None


def _unmarked(data: Any) -> Any:
    """The data without the mark, and without a key that is nothing but the mark."""
    if isinstance(data, str):
        return data.replace(_MARK, "")
    if isinstance(data, list):
        return [_unmarked(item) for item in data]
    if isinstance(data, dict):
        pairs = ((str(key).replace(_MARK, ""), _unmarked(value)) for key, value in data.items())
        return {key: value for key, value in pairs if key}
    return data


def _find(node: yaml.Node | None, loc: Loc, *, bare: bool) -> tuple[Loc, bool, str] | None:
    """The path of the scalar with the mark; `bare`: its line has nothing but a word."""
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, loc, bare=bare)
    if isinstance(node, yaml.SequenceNode):
        items = ((item, (*loc, index)) for index, item in enumerate(node.value))
        return next(filter(None, (_find(item, at, bare=bare) for item, at in items)), None)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and _MARK in key.value:
                return loc, True, key.value
            found = _find(value, (*loc, str(key.value)), bare=bare)
            if found:
                return found
    return None


def _scalar(node: yaml.ScalarNode, loc: Loc, *, bare: bool) -> tuple[Loc, bool, str] | None:
    if _MARK not in node.value:
        return None
    if bare and node.style is None and node.start_mark.line != node.end_mark.line:
        return None  # a key in a new line, which YAML takes for more text of the value above
    return loc, False, node.value
