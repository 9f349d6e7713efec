"""Lines of text with their styles on a terminal, as explanations are made of."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple

from connector.log import subject_hash
from connector.mapping.protocol import Preview

Line = tuple[str, str]
"""A line and its style, one of rich's."""

_WIDEST = 32  # characters; longer cells do not widen their column
_COLUMNS = 80  # of the narrowest terminal that explanations are made for
_LONGEST_NAME = 24  # characters; what is longer does not widen its column
_LONGEST_VALUE = 16


class Named(NamedTuple):
    """A value with its name, and where it comes from: its source, what that reads."""

    name: str
    value: str
    origins: tuple[str, ...] = ()


def heading(text: str) -> Line:
    """A line that begins a part."""
    return text, "bold"


def columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield each row as text; the cells of a column start at the same character."""
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0)
        for column in zip(*rows, strict=True)
    ]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def named_lines(items: Sequence[Named], indent: str = "  ", style: str = "") -> Iterator[Line]:
    """Yield names and values, in lines of 80 characters: one line for each where it fits.

    A text without a blank is never cut, so that it can be copied: a line with one can be longer.
    """
    width = _width([one.name for one in items], _LONGEST_NAME)
    values = _width([one.value for one in items], _LONGEST_VALUE)
    below = indent + " " * (width + 2)
    for name, value, origins in items:
        line = f"{indent}{name.ljust(width)}  {value.ljust(values)}"
        whole = "  ".join([line, *origins]).rstrip()
        if len(whole) <= _COLUMNS:
            yield whole, style
            continue
        yield from wrapped(line.rstrip(), below, style)
        for origin in origins:
            yield from wrapped(f"{below}{origin}", f"{below}  ", "dim")


def _width(cells: Sequence[str], longest: int) -> int:
    """The width of a column; cells that are too long for it do not widen it."""
    return max((len(cell) for cell in cells if len(cell) <= longest), default=0)


def wrapped(text: str, below: str, style: str = "") -> Iterator[Line]:
    """Yield a text in lines of 80 characters; the second and later ones begin with `below`."""
    start = len(text) - len(text.lstrip())
    found = wrap(
        text[start:],
        _COLUMNS,
        initial_indent=text[:start],
        subsequent_indent=below,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from ((line, style) for line in found or [text])


def request_lines(request: Preview, style: str = "", indent: str = "  ") -> Iterator[Line]:
    """Yield a request: its line, its headers, its body."""
    yield f"{indent}{request.line}", style
    yield from content_lines(request, style, indent)


def content_lines(request: Preview, style: str = "", indent: str = "  ") -> Iterator[Line]:
    """Yield the headers and the body of a request."""
    for name, value in request.headers:
        yield f"{indent}{name}: {value}", style
    for line in request.body.split("\n") if request.body else ():
        yield f"{indent}{line}", style


def subject_line(subject: str, hash_key: bytes | None) -> str:
    """The subject; with a key also the hash that the function logs for it."""
    known = f", subject_hash {subject_hash(hash_key, subject)}" if hash_key else ""
    return f"subject {subject}{known}"
