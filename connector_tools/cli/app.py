"""The command line `connector`, put together from one module per command.

Exit codes of all commands:

0  all is well
1  the command found something wrong: an error in a mapping, a failed test, an event not accepted
2  the command could not do its work: wrong usage, a file, a setting, no connection
"""

import sys
from typing import Annotated

import typer

from connector_tools.cli import (
    audit,
    blast_guard,
    caught_up,
    check,
    dead_letters,
    demo,
    diff,
    explain,
    history,
    inspect,
    lsp,
    new,
    openapi,
    probe,
    run,
    run_tests,
    schema,
    send,
    simulate,
    wrong,
)
from connector_tools.terminal import accept_any_text
from connector_tools.version import version

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)
for command in (
    # whoever writes a mapping
    *(new, check, run_tests, explain, lsp, diff, run, inspect, demo, probe, send),
    *(history, wrong, caught_up, audit),  # whoever operates a connector
    *(schema, openapi),
):
    app.add_typer(command.app)
app.add_typer(simulate.app, name="simulate")
app.add_typer(dead_letters.app, name="dlq")
app.add_typer(blast_guard.app, name="blast-guard")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"connector {version()}")
        raise typer.Exit


_Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


@app.callback(
    invoke_without_command=True,
    epilog="Example: connector test mappings/wtl-hlr-hss.yaml",
)
def connector(context: typer.Context, shown: _Version = False) -> None:
    """Write a mapping file for an external system, and see what it does with events of NSPS.

    The usual order: `new` writes a file, `check` it, `test` it with the tests inside it,
    `explain` what would be sent for an event, `run` the function on this machine, `send` events
    to it. When it serves: `wrong`, `history`, `caught-up` and `dlq` say what became of events.
    `COMMAND --help` says more, with an example.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run_command_line() -> None:
    """Run the command line; `connector_tools.cli.__main__` calls it and deals with its end."""
    accept_any_text()
    app(prog_name="connector")
