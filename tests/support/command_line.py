"""The command line `connector`: run within the test, or as a command of its own."""

import sys

from typer.testing import CliRunner, Result

from connector_tools.cli.app import command_line

COMMAND = [sys.executable, "-m", "connector_tools.cli"]
app = command_line()


def connector(*arguments: object, **variables: str | None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=variables)
