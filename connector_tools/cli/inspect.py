"""`connector inspect`: look into a mapping file that serves, on a page of this machine."""

from pathlib import Path
from typing import Annotated

import typer

from connector_tools.cli.output import without_errors
from connector_tools.terminal import opened, stop

app = typer.Typer()


@app.command("inspect", epilog="Example: connector inspect mappings/hss-ldap.yaml --open")
def inspect_mapping(
    mapping: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Mapping file, or the name of a catalogue entry."),
    ],
    counterpart: Annotated[
        Path | None,
        typer.Option(help="A Python file with the counterpart of a mapping file of your own."),
    ] = None,
    real: Annotated[
        bool,
        typer.Option(
            "--real",
            help="Ask the system that the settings of the environment name. Events that you send "
            "change it.",
        ),
    ] = False,
    history: Annotated[
        str | None,
        typer.Option(
            metavar="RECORDS|-",
            help="Show an exported log in place of serving, as `connector history --from` reads "
            "it. Read-only.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the page is.")] = 8080,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve a mapping file with a page that shows what it does and why.

    The external system is the file's counterpart, or else replies as the file's tests say. The page
    and the function are reached from this machine only.
    """
    from connector_tools.counterparts import catalogue  # noqa: PLC0415 - only this command needs it
    from connector_tools.inspector import serve  # noqa: PLC0415 - as above

    try:
        file = catalogue.mapping_file(mapping)
    except catalogue.NoCounterpart as error:
        stop(str(error))
    without_errors(file)
    if history:
        with opened(history) as records:
            raise typer.Exit(
                serve.run(serve.Wanted(file, None, port, browse=browse, history=records))
            )
    found = None
    if not real:
        try:
            found = catalogue.counterpart_of(file, counterpart)
        except catalogue.NoCounterpart as error:
            if counterpart:
                stop(str(error))
    raise typer.Exit(serve.run(serve.Wanted(file, found, port, real, browse)))
