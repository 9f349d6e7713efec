"""`connector schema`: print the JSON Schema of mapping files."""

import json

import typer

from connector.mapping.schema import schema

app = typer.Typer()


@app.command("schema", epilog="Example: connector schema > mappings/mapping.schema.json")
def print_schema() -> None:
    """Print the JSON Schema of mapping files, for editors."""
    typer.echo(json.dumps(schema(), indent=2))
