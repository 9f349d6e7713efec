"""Search filters (RFC 4515): the encoding of values in them, and their parts.

Extensible matches, such as `(cn:caseExactMatch:=x)`, are not supported.
"""

import re
from typing import NamedTuple

ANYTHING = "(objectClass=*)"
_ITEM = re.compile(r"([A-Za-z0-9][A-Za-z0-9.;-]*)(=|>=|<=|~=)([^()\x00]*)\)")
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2})")
_SPECIAL = re.compile(r"[\x00()*\\]")
_DEEPEST = 20
_LISTS = {"&": "and", "|": "or", "!": "not"}


class Filter(NamedTuple):
    """A part of a filter.

    `kind` is `and`, `or` or `not` of the `parts`, `present`, or a comparison of the attribute
    `name`: `=`, `>=`, `<=`, `~=` with one value, `substrings` with the pieces between the `*`.
    """

    kind: str
    name: str = ""
    values: tuple[bytes, ...] = ()
    parts: tuple["Filter", ...] = ()


def in_filter(text: str) -> str:
    """Encode text for a value in a filter, so that it cannot end the value or match more."""
    return _SPECIAL.sub(lambda found: f"\\{ord(found[0]):02x}", text)


def parse(text: str) -> Filter:
    """The parts of a filter.

    Raises:
        ValueError: the text is not a filter; the error does not quote it.
    """
    found, end = _parsed(text, 0, 0)
    if end != len(text):
        raise ValueError("must be one filter in parentheses")
    return found


def _parsed(text: str, at: int, depth: int) -> tuple[Filter, int]:
    """The filter that begins at a position, and where it ends."""
    if text[at : at + 1] != "(" or depth > _DEEPEST:
        raise ValueError("must be a filter such as (&(objectClass=person)(cn=x))")
    kind = _LISTS.get(text[at + 1 : at + 2])
    return _list(kind, text, at + 2, depth + 1) if kind else _item(text, at + 1)


def _list(kind: str, text: str, at: int, depth: int) -> tuple[Filter, int]:
    parts = []
    while text[at : at + 1] == "(":
        part, at = _parsed(text, at, depth)
        parts.append(part)
    if text[at : at + 1] != ")" or (kind == "not" and len(parts) != 1):
        raise ValueError("must be a filter such as (!(cn=x))")
    return Filter(kind, parts=tuple(parts)), at + 1


def _item(text: str, at: int) -> tuple[Filter, int]:
    found = _ITEM.match(text, at)
    if not found:
        raise ValueError("must be a filter such as (cn=x)")
    name, sign, value = found.groups()
    pieces = tuple(_value(piece) for piece in value.split("*"))
    if sign != "=" and len(pieces) > 1:
        raise ValueError(r"must write * as \2a in a comparison without =")
    if pieces == (b"", b""):
        return Filter("present", name), found.end()
    return Filter("substrings" if len(pieces) > 1 else sign, name, pieces), found.end()


def _value(text: str) -> bytes:
    raw = text.encode()
    if b"\\" in _ESCAPED.sub(b"", raw):
        raise ValueError(r"must write \ as \5c in a filter")
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), raw)
