"""`connector send`: post events from a file, and print what the connector answered."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.box import SIMPLE
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from connector_tools.cli.options import Token
from connector_tools.cli.output import load_for_explaining
from connector_tools.dry_run import dry_run as dry_run_of
from connector_tools.events_file import items
from connector_tools.send import SendResult, Tally, Target, Unreachable, send, target
from connector_tools.terminal import (
    FAILED,
    INTERRUPTED,
    counted,
    opened,
    printable,
    say,
    stop,
    terminal,
)

app = typer.Typer()


_Events = Annotated[
    str, typer.Argument(metavar="FILE|-", help="JSON (one event or a list) or NDJSON.")
]
_Url = Annotated[str, typer.Option(envvar="CONNECTOR_URL", help="Where the connector listens.")]
_Concurrency = Annotated[
    int, typer.Option(min=1, max=200, help="Events that wait for an answer at once.")
]
_NewIds = Annotated[
    bool,
    typer.Option(
        "--new-ids",
        help="Give each event a new event_id and leave out its i_event, which identifies it "
        "too. Without this, an event that was sent before is a duplicate.",
    ),
]
_DryRun = Annotated[
    Path | None,
    typer.Option(
        "--dry-run",
        metavar="MAPPING",
        help="Send nothing. Print the calls that a connector with this mapping file would "
        "make for each event, or why it would make none.",
    ),
]


@app.command("send", epilog="Example: connector send events.ndjson --concurrency 20 --new-ids")
def send_events(
    file: _Events,
    url: _Url = "http://127.0.0.1:8080/process-event",
    token: Token = "",
    concurrency: _Concurrency = 10,
    new_ids: _NewIds = False,
    dry_run: _DryRun = None,
) -> None:
    """Post events to a connector as NSPS does, and sum up the answers.

    A large NDJSON file is sent while it is read. The events arrive in any order, unless
    --concurrency is 1. The exit code is 1 if an event was not accepted (with --dry-run: if it is
    invalid), 2 if there is no connection.
    """
    if dry_run:
        _dry_run(file, dry_run)
        return
    try:
        to = target(url, token)
    except ValueError as error:
        stop(str(error))
    tally = Tally()
    with opened(file) as stream:
        found = items(stream, new_ids=new_ids)
        try:
            with _reporting(tally, _size(stream)) as report:
                asyncio.run(send(to, found, concurrency, report))
        except Unreachable as error:
            _print_summary(tally)
            stop(_what_to_do(to, error))
        except KeyboardInterrupt:
            _print_summary(tally)
            raise typer.Exit(INTERRUPTED) from None
    _print_summary(tally)
    if tally.refused:
        raise typer.Exit(FAILED)


def _dry_run(file: str, path: Path) -> None:
    """Print what a connector with this mapping file would do for each event."""
    mapping, settings = load_for_explaining(path)
    runs = bad = 0
    with opened(file) as stream:
        for item in items(stream):
            line = dry_run_of(item, mapping, settings.values)
            say(line.text, "" if line.good else "red")
            runs, bad = runs + 1, bad + (not line.good)
    say(f"{counted(runs, 'event')}: {bad} invalid. Nothing was sent.")
    if bad:
        raise typer.Exit(FAILED)


@contextmanager
def _reporting(tally: Tally, size: int | None) -> Iterator[Callable[[SendResult], None]]:
    """Yield a function that counts a result, and prints it if the event was not accepted.

    On a terminal a progress bar is shown meanwhile; `size` is the input's size in bytes.
    """
    out, err = terminal(), terminal(stderr=True)
    together = out.is_terminal and err.is_terminal  # lines on stdout would overwrite the bar
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Progress(
        *columns, console=err, disable=not err.is_terminal, transient=True, redirect_stdout=False
    )
    with bar:
        task = bar.add_task("0 accepted, 0 not", total=size)

        def report(result: SendResult) -> None:
            tally.add(result)
            counts = f"{tally.accepted} accepted, {tally.refused} not"
            bar.update(task, completed=result.item.read, description=counts)
            if not result.accepted:
                say(_failure(result), "red", to=err if together else out)

        yield report


def _failure(result: SendResult) -> str:
    status = f" {result.status}" if result.status else ""
    return f"{result.item.label}{status} {result.text}"


def _print_summary(tally: Tally) -> None:
    """Print a table of the answers, and how many events were accepted."""
    console = terminal()
    box = SIMPLE if console.is_terminal else None
    table = Table("status", "answer", box=box, pad_edge=False)
    for name in ("events", "p50", "p99"):
        table.add_column(name, justify="right")
    for row in tally.rows():
        status = str(row.status or "-")
        message = Text(printable(row.message))
        table.add_row(status, message, str(row.count), *map(_milliseconds, (row.p50, row.p99)))
    if table.rows:
        console.print(table, soft_wrap=False)
    total = tally.accepted + tally.refused
    say(f"{counted(total, 'event')}: {tally.accepted} accepted, {tally.refused} not")


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _what_to_do(to: Target, error: Unreachable) -> str:
    """Where the sending stopped, and what to do about the missing connection."""
    if to.local and "SSL" not in str(error):
        what = f"nothing listens at {to.url}: start it with `make run`, or give another --url"
    else:
        what = f"cannot connect to {to.url}: {error}; check --url and the network"
    return f"stopped at {error.item.place}: {what}"


def _size(stream: BinaryIO) -> int | None:
    """The size of a file in bytes; None for a pipe, whose size is not known."""
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None
