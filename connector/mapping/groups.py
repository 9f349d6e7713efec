"""The filter `groups`: the parts of a text that the groups of a pattern match, in a bounded time.

The engine of `connector.mapping.pattern` only says whether a pattern matches a whole text, and no
other engine with bounded time is installed (docs/decisions/0031-the-language-grows.md). So the
pattern is cut at its groups, and the engine is asked where each piece can end. That takes at most
two questions for each piece and each character.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from connector.mapping.pattern import PARTS, BadPattern, Pattern, compiled

_FLAGS = re.compile(r"\(\?[A-Za-z]+\)")
_EDGES = ("^", "$", r"\b", r"\B", r"\A", r"\z")


class _Piece(NamedTuple):
    """A piece of a pattern, and the whole `rest` of the pattern that follows it."""

    piece: Pattern
    rest: Pattern
    is_group: bool


@lru_cache(256)
def pieces(pattern: str) -> tuple[_Piece, ...]:
    """Cut a pattern at its groups; called by the filter and by the checks.

    Raises:
        BadPattern: the pattern cannot be compiled, has no group, or has a group where the pattern
            cannot be cut.
    """
    compiled(pattern)
    flags = found[0] if (found := _FLAGS.match(pattern)) else ""
    cut = list(_cut(pattern[len(flags) :]))
    if not any(is_group for _, is_group in cut):
        raise BadPattern("`groups` needs a group in parentheses")
    sources = [f"(?:{source})" for source, _ in cut]
    return tuple(
        _Piece(compiled(flags + source), compiled(flags + "".join(sources[index + 1 :])), is_group)
        for index, (source, (_, is_group)) in enumerate(zip(sources, cut, strict=True))
    )


def _cut(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a pattern: its groups without their parentheses, and what is between."""
    depth, begun, closed = 0, 0, False
    in_group = False
    for part in PARTS.finditer(pattern):
        mark, text = part["mark"], part[0]
        if closed and (part["least"] or mark in ("*", "+", "?")):
            raise BadPattern("`groups` cannot repeat a group: write ((?:...)*)")
        closed = False
        if text in _EDGES:
            raise BadPattern("`groups` always matches the whole text: leave ^, $ and \\b out")
        if mark == "|" and not depth:
            raise BadPattern("`groups` cannot choose between groups: write (?:...|...)")
        if mark == "(":
            if pattern[part.end() : part.end() + 1] != "?":
                if depth:
                    raise BadPattern("a group inside of another: write (?:...) for the inner one")
                yield pattern[begun : part.start()], False
                begun, in_group = part.end(), True
            elif not re.match(r"\?[a-z-]*:", pattern[part.end() :]):
                raise BadPattern("`groups` takes (...) and (?:...) only, and flags in front")
            depth += 1
        elif mark == ")":
            depth -= 1
            if not depth and in_group:
                yield pattern[begun : part.start()], True
                begun, in_group, closed = part.end(), False, True
    yield pattern[begun:], False


def price(pattern: str, text: str) -> int:
    """The steps of the meter that `groups_of` takes for a text."""
    size = max(piece.piece.size + piece.rest.size for piece in pieces(pattern))
    length = len(text) + 1
    return len(pieces(pattern)) * length * (1 + length * size // 64)


def groups_of(pattern: str, text: str) -> list[str] | None:
    """What the groups of a pattern match; None if the pattern does not match the whole text.

    From the left, each piece of the pattern takes as much of the text as it can.

    Raises:
        BadPattern: see `pieces`.
    """
    if not compiled(pattern).matches(text):
        return None
    found, begin = [], 0
    for piece in pieces(pattern):
        end = next(
            end
            for end in range(len(text), begin - 1, -1)
            if piece.rest.matches(text[end:]) and piece.piece.matches(text[begin:end])
        )
        if piece.is_group:
            found.append(text[begin:end])
        begin = end
    return found
