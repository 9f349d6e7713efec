"""`connector blast-guard`: whether events that take service are stopped, and let them pass."""

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer

from connector.blast_guard import NOTE, allow
from connector.ledger.records import LedgerUnavailable
from connector.settings import BadSettings
from connector_tools.quiet import quiet
from connector_tools.records.ledger_view import ledger_settings, opened
from connector_tools.records.period import length
from connector_tools.records.record import CannotRead
from connector_tools.terminal import FAILED, print_json, say, stop

app = typer.Typer(
    name="blast-guard",
    no_args_is_help=True,
    help="Say whether the blast guard has stopped events that take service away, and let them "
    "pass.\n\nBLAST_LIMIT of the function says how many may pass in a period.",
    epilog="Example: connector blast-guard allow --for 2h",
)

_LONGEST = 31 * 86400.0  # seconds for which all events may pass
_NO_KEY = b""  # notes are not under hashes, so no key is needed
Ledger = Annotated[
    str,
    typer.Option(
        "--ledger", envvar="LEDGER_URL", show_default=False, help="The ledger of the function."
    ),
]


@app.command(epilog="Example: connector blast-guard status --ledger sqlite:///ledger")
def status(
    ledger: Ledger,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say whether the guard counts, has stopped, or lets all events pass.

    The exit code is 1 if it has stopped.
    """
    state, _, when = (_note(ledger) or "counting").partition(" ")
    if state == "allowed" and float(when) < time.time():
        state, when = "counting", ""
    at = datetime.fromtimestamp(float(when), UTC).isoformat() if when else None
    words = {
        "stopped": f"stopped since {at}: events that take service are answered 503",
        "allowed": f"all events pass until {at}",
        "counting": "counting: events pass as far as BLAST_LIMIT allows",
    }
    if as_json:
        print_json({"state": state, "time": at})
    else:
        say(words[state])
    if state == "stopped":
        raise typer.Exit(FAILED)


@app.command("allow", epilog="Example: connector blast-guard allow --for 2h")
def allow_events(
    ledger: Ledger,
    period: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d.")] = "1h",
) -> None:
    """Let all events pass for a time, also those that wait. After that, the guard counts again."""
    try:
        seconds = length(period)
    except ValueError as error:
        stop(f"--for: {error}")
    if seconds > _LONGEST:
        stop(f"--for: {period} is too long: 31d at most, because nothing is stopped meanwhile")

    async def write() -> None:
        async with opened(ledger_settings(ledger, os.environ), _NO_KEY, os.environ) as store:
            await allow(store, seconds)

    try:
        with quiet():
            asyncio.run(write())
    except (BadSettings, CannotRead, LedgerUnavailable) as error:
        _fail(error)
    say(f"all events pass for {period}")


def _note(ledger: str) -> str | None:
    async def read() -> str | None:
        async with opened(ledger_settings(ledger, os.environ), _NO_KEY, os.environ) as store:
            return await store.note(NOTE)

    try:
        with quiet():
            return asyncio.run(read())
    except (BadSettings, CannotRead, LedgerUnavailable) as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    stop(str(error))
