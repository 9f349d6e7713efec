"""`connector openapi`: print the function's OpenAPI document."""

import json

import typer

from connector_tools.documents.openapi import document

app = typer.Typer()


@app.command("openapi", epilog="Example: connector openapi > docs/openapi.json")
def print_openapi() -> None:
    """Print the function's OpenAPI document, for gateways, clients and fuzzers."""
    typer.echo(json.dumps(document(), indent=2))
