"""`connector check`: print what is wrong with a mapping file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from connector.mapping import load as mapping_load
from connector.mapping.document import Lint
from connector.mapping.schema import MappingFile
from connector.settings import BadSettings
from connector.startup import start
from connector_tools.cli.options import MappingPath
from connector_tools.cli.output import count_errors, show_lints
from connector_tools.terminal import FAILED, counted, say

app = typer.Typer()


@app.command(epilog="Example: connector check mappings/wtl-hlr-hss.yaml --environment")
def check(
    file: MappingPath,
    environment: Annotated[
        bool,
        typer.Option(
            "--environment", help="Also check whether the function would start with it here."
        ),
    ] = False,
) -> None:
    """Print what is wrong with a mapping file: place, reason, what to change.

    Warnings are for the author. Errors stop a deployment; with an error, the exit code is 1.
    """
    found, lints = mapping_load.check(file)
    show_lints(lints)
    if found:
        say(f"{file}: {_summary(found, lints)}")
    if found is None or count_errors(lints):
        raise typer.Exit(FAILED)
    if environment:
        _check_environment(file)


def _summary(found: MappingFile, lints: list[Lint]) -> str:
    errors = count_errors(lints)
    counts = [counted(errors, "error"), counted(len(lints) - errors, "warning")]
    lints_found = ", ".join(count for count in counts if not count.startswith("0 ")) or "no lints"
    return (
        f"{lints_found}, {counted(len(found.rules), 'rule')}, {counted(len(found.tests), 'test')}"
    )


def _check_environment(file: Path) -> None:
    """Print whether the function would start with this file and this environment.

    Raises:
        Exit: It would not; the exit code is 1.
    """
    try:
        start({**os.environ, "MAPPING_FILE": str(file)})
    except BadSettings as bad:
        for problem in bad.problems:
            say(f"environment: error: {problem}", "red")
        raise typer.Exit(FAILED) from None
    say("environment: all settings are there and of their types")
