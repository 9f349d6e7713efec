"""Mistakes that people make in the rules of a mapping file: a fixed list for a given file."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from connector.mapping.document import Loc

_METHODS = {"post": "put", "put": "post", "patch": "put", "get": "delete", "delete": "get"}
_OF_REPLIES = ("absent", "exists", "gone")
_CONDITIONS = (*_OF_REPLIES, "if", "that", "when")
_DROPPED_ITEMS = ("accept", "calls", "ignore", "on", "replies", "require")
_DROPPED_KEYS = ("compare", "default", "releases", "subject", "when")
_OUTCOMES = ("applied", "rejected", "failed")
_SWAPPED = (
    (r"(?<!\w)prev_sim\.", "sim."),
    (r"(?<!\w)sim\.", "prev_sim."),
    (r"account\.bill_status", "account.status"),
    (r"account\.blocked", "account.i_account"),
    (r" and ", " or "),
    (r" or ", " and "),
    (r"==", "!="),
    (r"!=", "=="),
    (r"\bnot (?!in\b)", ""),
)


class Mistake(NamedTuple):
    """A mistake: the path of what is wrong, what was done to it, and the file's data with it."""

    loc: Loc
    what: str
    data: dict[str, Any]


def mistakes(data: dict[str, Any]) -> Iterator[Mistake]:
    """Yield the mistakes in values, resources, rules and replies of a mapping, one at a time."""
    for top in ("values", "resources", "rules", "system"):
        for loc, value in _walk(data.get(top), (top,)):
            yield from _dropped(data, loc)
            if isinstance(value, str):
                yield from _wrong_texts(data, loc, value)


def _walk(value: Any, loc: Loc) -> Iterator[tuple[Loc, Any]]:
    yield loc, value
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _walk(item, (*loc, key))


def _dropped(data: dict[str, Any], loc: Loc) -> Iterator[Mistake]:
    """An entry, a key or a field of a body is missing."""
    if len(loc) < 2:
        return
    owner, key = loc[-2:]
    item = isinstance(key, int) and owner in _DROPPED_ITEMS
    if item or key in _DROPPED_KEYS or owner in ("json", "released", "want"):
        yield _with(data, loc, "dropped", lambda parent: parent.pop(key))


def _wrong_texts(data: dict[str, Any], loc: Loc, text: str) -> Iterator[Mistake]:
    """A condition, an expression, a constant, a path, a method or an outcome is another one."""
    key = loc[-1]
    found: dict[str, str] = {}
    if key in _CONDITIONS:
        found[f"not ({text})"] = "inverted"
    if key in _CONDITIONS or text.startswith("=") or "{{" in text:
        for pattern, other in _SWAPPED:
            for match in re.finditer(pattern, text):
                found[text[: match.start()] + other + text[match.end() :]] = f"`{match[0]}`"
        for match in re.finditer(r"'([^']*)'", text):
            found[f"{text[: match.end() - 1]}x{text[match.end() - 1 :]}"] = "constant"
        if ways := re.fullmatch(r"=(.*) if (.*) else (.*)", text):
            found[f"={ways[3]} if {ways[2]} else {ways[1]}"] = "branches"
    if key in _OF_REPLIES:
        found[re.sub(r"== 4\d\d", ">= 400", text)] = "too wide"
    if key in _METHODS:
        found[f"{text}x"] = "path"
        method = _METHODS[str(key)]
        yield _with(data, loc, "method", lambda call: call.update({method: call.pop(key)}))
    if key == "outcome":
        found |= {other: "outcome" for other in _OUTCOMES if other != text}
    for wrong, what in found.items():
        yield _with(data, loc, what, lambda parent, wrong=wrong: parent.update({key: wrong}))


def _with(data: dict[str, Any], loc: Loc, what: str, change: Any) -> Mistake:
    """The mistake that `change` makes in the parent of `loc`; aliases stay shared."""
    changed = deepcopy(data)
    parent: Any = changed
    for step in loc[:-1]:
        parent = parent[step]
    change(parent)
    return Mistake(loc, what, changed)
