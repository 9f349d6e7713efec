"""Lines of text with their styles on a terminal, as explanations are made of."""

from collections.abc import Iterator, Sequence

from connector.log import subject_hash
from connector.mapping.protocol import Preview

Line = tuple[str, str]
"""A line and its style, one of rich's."""

_WIDEST = 32  # characters; longer cells do not widen their column


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
