"""Regular expressions of a mapping file, in an engine whose time grows with the text's length only.

The engine is that of pydantic, Rust's `regex`; Python's `re` can take years for 40 characters
(docs/decisions/0023-bounded-expressions.md). Some texts that `re` takes are refused, because the
engine would take them for something else.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import SchemaError, SchemaValidator, core_schema

_LONGEST = 1000  # characters of a pattern

# The parts of a pattern. `re` reads only the mapping's own text here, in one pass.
PARTS = re.compile(
    r"""(?sx)
    (?P<word>   \\[<>] | \\b\{ )                               # the engine's own edges of words
    | (?P<flag> \(\?[A-Za-z-]*x )                              # blanks and comments
    | \\[pPxuU]\{[^}]*\} | \\.                                  # an escape
    | (?P<set>  \[\^?\]? (?: \\. | [^\]\\] )* \] )              # a set of characters
    | \{ (?P<least>[0-9]+) (?: , (?P<most>[0-9]*) )? \} (?P<keeps>\+)?
    | (?P<brace> \{ )
    | (?P<own>  [*+?]\+ )                                      # possessive in `re`
    | (?P<mark> [()|*+?] )
    | .
    """
)
_IN_A_SET = re.compile(r"\\.|(?P<operator>&&|--|~~|\[)", re.S)
_REFUSED = {
    "word": "`\\<`, `\\>` and `\\b{` are not allowed",
    "flag": "the flag `x` is not allowed",
    "brace": "write `\\{` for a brace; a count is `{2}`, `{2,}` or `{2,5}`",
    "own": "possessive counts (`*+`, `++`, `?+`) are not allowed",
    "keeps": "possessive counts (`{2}+`) are not allowed",
}


class BadPattern(ValueError):  # noqa: N818 - as BadMapping
    """A text is not a pattern that the engine can run; the text of the error says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"must be a regular expression: {reason}")


class Pattern(NamedTuple):
    """A compiled pattern.

    `matches` is true if it matches a whole text. `size` is about how many places of the pattern
    the engine follows at the same time: a match takes at most `size` times the text's length.
    """

    matches: Callable[[str], bool]
    size: int


@lru_cache(256)  # a pattern computed from settings is compiled once
def compiled(source: str) -> Pattern:
    """Compile a pattern; called by the test `matching`, by settings and by the checks.

    Raises:
        BadPattern: it is too long, is malformed, or needs what the engine cannot do in linear
            time: look-around and back-references.
    """
    if len(source) > _LONGEST:
        raise BadPattern(f"it has more than {_LONGEST} characters")
    _engine(source)  # on its own first: `a)|(b` would be valid inside of the brackets
    size = _size(source)
    return Pattern(_engine(rf"\A(?:{source})\z"), size)


def _engine(source: str) -> Callable[[str], bool]:
    schema = core_schema.str_schema(pattern=source, regex_engine="rust-regex")
    try:
        return SchemaValidator(schema).isinstance_python
    except SchemaError as error:
        reason = str(error).rstrip().rpartition("rror: ")[2]  # the last line: "error: ..."
        raise BadPattern(reason) from None


def _size(source: str) -> int:
    """The number of characters and sets that a pattern has when its counts are written out.

    Raises:
        BadPattern: the engine would read a part of it otherwise than Python's `re` does.
    """
    totals, last = [0], 0
    for part in PARTS.finditer(source):
        _check(part)
        mark = part["mark"]
        if mark == "(":
            totals.append(0)
        elif mark == ")":
            last = max(1, totals.pop())
            totals[-1] += last
        elif part["least"]:
            times = max(1, int(part["least"]), int(part["most"] or 0))
            totals[-1] += last * (times - 1)
            last *= times
        elif not mark:
            totals[-1] += 1
            last = 1
    return max(1, totals[0])


def _check(part: re.Match[str]) -> None:
    for name, reason in _REFUSED.items():
        if part[name]:
            raise BadPattern(reason)
    inside = (part["set"] or "")[1:]
    if any(found["operator"] for found in _IN_A_SET.finditer(inside)):
        raise BadPattern("write `\\[`, `\\&`, `\\-` and `\\~` for these characters in a set")
