"""What several commands print, and what they read first."""

import os
from pathlib import Path

import typer

from connector.mapping.document import Lint
from connector.mapping.load import check
from connector.mapping.schema import MappingFile
from connector.settings import BadSettings
from connector_tools.deployment import Deployment, deployment
from connector_tools.terminal import CANNOT_RUN, say, stop, terminal


def show_lints(lints: list[Lint], *, stderr: bool = False) -> None:
    """Print each lint on a line: errors red, warnings yellow."""
    console = terminal(stderr=stderr)
    for found in lints:
        say(str(found), "red" if found.level == "error" else "yellow", to=console)


def count_errors(lints: list[Lint]) -> int:
    """The number of lints that are errors; the others are warnings."""
    return sum(1 for found in lints if found.level == "error")


def load_for_explaining(path: Path) -> tuple[MappingFile, Deployment]:
    """A mapping file and the settings of this environment; ends the command if one is wrong."""
    mapping, lints = check(path)
    if mapping is None or count_errors(lints):
        show_lints(lints, stderr=True)
        raise typer.Exit(CANNOT_RUN)
    try:
        return mapping, deployment(mapping, os.environ)
    except BadSettings as bad:
        stop(str(bad))
