"""The mapping file as the page sees it: text, problems, expressions."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from connector.mapping.document import Lint, Place
from connector.mapping.load import check_text
from connector.mapping.schema import MappingFile
from connector_tools.explain_json import expressions

Document = dict[str, Any]


def digest(text: str) -> str:
    """What tells one text of the file from another."""
    return sha256(text.encode()).hexdigest()[:16]


@lru_cache(8)  # one edit asks several times, and a check of a large file takes half a second
def checked(text: str, path: Path) -> tuple[MappingFile | None, tuple[Lint, ...]]:
    """Check a text of the file as `connector check` does; it need not be saved."""
    mapping, lints = check_text(text, path)
    return mapping, tuple(lints)


def mapping_document(text: str, path: Path) -> Document:
    """The document `Mapping` of the page; the text need not be saved."""
    mapping, lints = checked(text, path)
    return {
        "text": text,
        "digest": digest(text),
        "problems": problems(lints),
        "expressions": expressions(mapping) if mapping else [],
    }


def errors(lints: Iterable[Lint]) -> list[Lint]:
    """The lints that stop a deployment."""
    return [lint for lint in lints if lint.level == "error"]


def problems(lints: Iterable[Lint]) -> list[Document]:
    """Each problem with its place, and what to do."""
    return [
        {
            "code": lint.name,
            "line": lint.place.line,
            "column": lint.place.column,
            "length": _length(lint.place, lint.end),
            "message": lint.reason,
            "mend": lint.mend,
            "severity": lint.level,
            "page": f"docs/lints.md#{lint.name}",
        }
        for lint in lints
    ]


def _length(start: Place, end: Place) -> int:
    return max(end.column - start.column, 1) if end.line == start.line else 1
