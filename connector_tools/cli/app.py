"""The command line `connector`, put together from one module per command.

Exit codes of all commands:

0  all is well
1  the command found something wrong: an error in a mapping, a failed test, an event not accepted
2  the command could not do its work: wrong usage, a file, a setting, no connection
"""

import sys
from importlib import import_module
from typing import Annotated

import typer

from connector_tools.version import version

# The module of each command, in the order of the help.
_MODULES = {
    # whoever writes a mapping
    "new": "new",
    "check": "check",
    "test": "run_tests",
    "explain": "explain",
    "lsp": "lsp",
    "diff": "diff",
    "run": "run",
    "inspect": "inspect",
    "demo": "demo",
    "probe": "probe",
    "send": "send",
    # whoever operates a connector
    "history": "history",
    "wrong": "wrong",
    "caught-up": "caught_up",
    "audit": "audit",
    # programs
    "schema": "schema",
    "openapi": "openapi",
    # groups
    "simulate": "simulate",
    "dlq": "dead_letters",
    "blast-guard": "blast_guard",
}


def command_line(name: str = "") -> typer.Typer:
    """The command line; with the name of a command, or with `--version`, only what that needs.

    To import all of them takes two thirds of a second, which nobody should wait for one.
    `connector_tools.cli.__main__` runs it and deals with its end.
    """
    app = typer.Typer(
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
    )
    app.callback(
        invoke_without_command=True,
        epilog="Example: connector test mappings/wtl-hlr-hss.yaml",
    )(connector)
    for module in _named(name):
        app.add_typer(import_module(f"connector_tools.cli.{module}").app)
    return app


def _named(name: str) -> list[str]:
    """The modules that the command of this name needs; all, to list the commands."""
    if name == "--version":
        return []
    return [_MODULES[name]] if name in _MODULES else list(_MODULES.values())


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"connector {version()}")
        raise typer.Exit


_Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


def connector(context: typer.Context, shown: _Version = False) -> None:
    """Write a mapping file for an external system, and see what it does with events of NSPS.

    The usual order: `new` writes a file, `check` it, `test` it with the tests inside it,
    `explain` what would be sent for an event, `run` the function on this machine, `send` events
    to it. When it serves: `wrong`, `history`, `caught-up` and `dlq` say what became of events.
    `COMMAND --help` says more, with an example.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
