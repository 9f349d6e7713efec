"""What several commands print, and what they read first."""

from pathlib import Path
from typing import Any

import typer

from connector.mapping.document import Lint
from connector.mapping.load import check
from connector.mapping.schema import MappingFile
from connector_tools.terminal import CANNOT_RUN, say, terminal


def show_lints(lints: list[Lint], *, stderr: bool = False) -> None:
    """Print each lint on a line: errors red, warnings yellow."""
    console = terminal(stderr=stderr)
    for found in lints:
        say(str(found), "red" if found.level == "error" else "yellow", to=console)


def lint_json(lint: Lint) -> dict[str, Any]:
    """A lint for programs; lines and columns begin at 1, and it stands before its end."""
    edits = [
        {"start": edit.start._asdict(), "end": edit.end._asdict(), "text": edit.text}
        for edit in lint.fix
    ]
    return {
        "code": lint.name,
        "severity": lint.level,
        "message": lint.reason,
        "mend": lint.mend,
        "file": str(lint.path),
        "start": lint.place._asdict(),
        "end": lint.end._asdict(),
        "fix": edits,
        "guess": lint.guess,
        "page": f"docs/lints.md#{lint.name}",
    }


def count_errors(lints: list[Lint]) -> int:
    """The number of lints that are errors; the others are warnings."""
    return sum(1 for found in lints if found.level == "error")


def without_errors(path: Path) -> MappingFile:
    """A mapping file; ends the command if it has errors, which are printed."""
    mapping, lints = check(path)
    if mapping is None or count_errors(lints):
        show_lints(lints, stderr=True)
        raise typer.Exit(CANNOT_RUN)
    return mapping
