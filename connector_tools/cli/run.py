"""`connector run`: keep an HLR/HSS and the function running on this machine."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: connector run")
def run(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the function listens.")] = 8080,
) -> None:
    """Keep an embedded HLR/HSS and the function running on this machine."""
    from connector_tools.stack import stack  # noqa: PLC0415 - only this command needs the HLR

    raise typer.Exit(stack.run(port=port))
