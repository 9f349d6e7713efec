"""`connector probe`: whether the external system can be reached and lets the connector in."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from connector.mapping.document import BadMapping
from connector.mapping.load import load
from connector.secrets import SecretsUnreachable
from connector.settings import BadSettings
from connector_tools.cli.options import MappingPath
from connector_tools.terminal import FAILED, print_json, say, stop

if TYPE_CHECKING:
    from connector_tools.probe import Step

app = typer.Typer()
_MARKS = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("-", "dim")}


@app.command("probe", epilog="Example: connector probe mappings/hss-ldap.yaml")
def probe_system(
    file: MappingPath,
    as_json: Annotated[bool, typer.Option("--json", help="Print a document for programs.")] = False,
) -> None:
    """Check credentials and reachability of the external system, without an event.

    Settings and secrets come from the environment, as for the function. The steps are the name, the
    connection, TLS, the login, and one read that the mapping file makes for an event of its own
    tests. Nothing is written. The exit code is 1 if a step failed.
    """
    from connector_tools import probe  # noqa: PLC0415 - 100 ms, for no other command

    steps: list[Step] = []

    async def run() -> None:
        async for step in probe.probe(load(file), os.environ):
            steps.append(step)
            if not as_json:
                mark, style = _MARKS[step.passed]
                took = "" if step.took is None else f"  ({step.took * 1000:.0f} ms)"
                say(f"{mark:6}  {step.name:10}  {step.text}{took}", style)
                if step.mend:
                    say(f"{'':20}{step.mend}")

    try:
        asyncio.run(run())
    except BadMapping as bad:
        stop(str(bad.lints[0]))
    except (BadSettings, SecretsUnreachable) as error:
        stop(str(error))
    failed = any(step.passed is False for step in steps)
    if as_json:
        print_json(
            {"file": str(file), "passed": not failed, "steps": [_shown(one) for one in steps]}
        )
    if failed:
        raise typer.Exit(FAILED)


def _shown(step: "Step") -> dict[str, object]:
    took = None if step.took is None else round(step.took * 1000, 1)
    shown: dict[str, object] = {
        "step": step.name,
        "passed": step.passed,
        "text": step.text,
        "milliseconds": took,
    }
    if step.mend:
        shown["mend"] = step.mend
    return shown
