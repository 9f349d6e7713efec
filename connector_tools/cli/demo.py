"""`connector demo`: show the life of a subscriber."""

import typer

app = typer.Typer()


@app.command(epilog="Example: connector demo")
def demo() -> None:
    """Send a subscriber's life through the function to an HLR/HSS."""
    from connector_tools.stack import demo  # noqa: PLC0415 - only this command needs the HLR

    raise typer.Exit(demo.demo())
