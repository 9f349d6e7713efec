"""`connector run`: keep an external system and the function running on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector_tools.cli.output import without_errors
from connector_tools.terminal import stop

if TYPE_CHECKING:
    from connector_tools.counterparts.counterpart import Counterpart

app = typer.Typer()


@app.command(epilog="Example: connector run acme-hlr.yaml --watch")
def run(
    mapping: Annotated[
        str | None,
        typer.Argument(
            metavar="MAPPING",
            help="An entry of the catalogue, or a mapping file. Without it, an embedded HLR/HSS.",
        ),
    ] = None,
    counterpart: Annotated[
        Path | None,
        typer.Option(help="A Python file with the counterpart of a mapping file of your own."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Read the file again when it changes.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the function listens.")] = 8080,
) -> None:
    """Keep a function and its external system running on this machine.

    The system is the counterpart of the mapping file: a real server, or a stand-in of one. A file
    without a counterpart has a system that replies as its tests say. Each event is shown with its
    requests and replies; secrets are hidden, data of the event is not.
    """
    from connector_tools import terminal_desk  # noqa: PLC0415 - as above
    from connector_tools.counterparts import catalogue  # noqa: PLC0415 - only this command needs it
    from connector_tools.stack import stack  # noqa: PLC0415 - as above

    if mapping is None:
        if watch or counterpart:
            stop("name a mapping file: --watch and --counterpart are about one")
        raise typer.Exit(stack.run(port=port))
    try:
        file = catalogue.mapping_file(mapping)
    except catalogue.NoCounterpart as error:
        stop(str(error))
    without_errors(file)
    found = _counterpart(file, counterpart)
    raise typer.Exit(terminal_desk.run(terminal_desk.Wanted(file, found, port, watch)))


def _counterpart(file: Path, given: Path | None) -> "type[Counterpart] | None":
    """The counterpart of a file; None if it has none and none is given."""
    from connector_tools.counterparts import catalogue  # noqa: PLC0415 - as above

    try:
        return catalogue.counterpart_of(file, given)
    except catalogue.NoCounterpart as error:
        if given:
            stop(str(error))
        return None
