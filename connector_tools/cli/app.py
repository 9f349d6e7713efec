"""The command line `connector`, put together from one module per command.

Exit codes of all commands:

0  all is well
1  the command found something wrong: an error in a mapping, a failed test, an event not accepted
2  the command could not do its work: wrong usage, a file, a setting, no connection
"""

import sys

import typer

from connector_tools.cli import (
    check,
    dead_letters,
    demo,
    explain,
    openapi,
    run,
    run_tests,
    schema,
    send,
    simulate,
)

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)
for command in (check, run_tests, explain, run, demo, send, schema, openapi):
    app.add_typer(command.app)
app.add_typer(simulate.app, name="simulate")
app.add_typer(dead_letters.app, name="dlq")


@app.callback(
    invoke_without_command=True,
    epilog="Example: connector test mappings/wtl-hlr-hss.yaml",
)
def connector(context: typer.Context) -> None:
    """Write a mapping file for an external system, and see what it does with events of NSPS.

    The usual order: `check` the file, `test` it with the tests inside it, `explain` what would be
    sent for an event, `run` the function on this machine, `send` events to it. `COMMAND --help`
    says more, with an example.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line; pyproject.toml names this function as the command `connector`."""
    app(prog_name="connector")
