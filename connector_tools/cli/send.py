"""`connector send`: progress, a line for each event that was not accepted, a table at the end."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, BinaryIO

import typer
from rich.box import SIMPLE
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from connector_tools.cli.options import Token
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


@app.command("send", epilog="Example: connector send events.ndjson --concurrency 20 --new-ids")
def send_events(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="JSON (one event or a list) or NDJSON.")
    ],
    url: Annotated[
        str, typer.Option(envvar="CONNECTOR_URL", help="Where the connector listens.")
    ] = "http://127.0.0.1:8080/process-event",
    token: Token = "",
    concurrency: Annotated[
        int, typer.Option(min=1, max=200, help="Events that are under way at once.")
    ] = 10,
    new_ids: Annotated[
        bool,
        typer.Option(
            "--new-ids",
            help="Give each event a new event_id, or it is a duplicate of the one sent before. "
            "Its i_event names it too and is left out.",
        ),
    ] = False,
) -> None:
    """Post events to a connector as NSPS does, and sum up the answers.

    A large NDJSON file is sent while it is read. Events under way at once arrive in any order. The
    exit code is 1 if an event was not accepted, 2 if there is no connection.
    """
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
        except Unreachable as trouble:
            _print_summary(tally)
            stop(_mend(to, trouble))
        except KeyboardInterrupt:
            _print_summary(tally)
            raise typer.Exit(INTERRUPTED) from None
    _print_summary(tally)
    if tally.refused:
        raise typer.Exit(FAILED)


@contextmanager
def _reporting(tally: Tally, size: int | None) -> Iterator[Callable[[SendResult], None]]:
    """Counts, tells of each event that was not accepted, and shows progress on a terminal."""
    out, err = terminal(), terminal(stderr=True)
    together = out.is_terminal and err.is_terminal  # then lines must go past the bar, not over it
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Progress(
        *columns, console=err, disable=not err.is_terminal, transient=True, redirect_stdout=False
    )
    with bar:
        task = bar.add_task("0 accepted, 0 not", total=size)

        def report(sent: SendResult) -> None:
            tally.add(sent)
            told = f"{tally.accepted} accepted, {tally.refused} not"
            bar.update(task, completed=sent.item.read, description=told)
            if not sent.accepted:
                say(_failure(sent), "red", to=err if together else out)

        yield report


def _failure(sent: SendResult) -> str:
    event = f" event {sent.item.event_id}:" if sent.item.event_id else ""
    status = f" {sent.status}" if sent.status else ""
    return f"{sent.item.place}:{event}{status} {sent.text}"


def _print_summary(tally: Tally) -> None:
    """Print the table of the answers, and the sum."""
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


def _mend(to: Target, trouble: Unreachable) -> str:
    """What to do about a connection that could not be made."""
    if to.local and "SSL" not in str(trouble):
        what = f"nothing listens at {to.url}: start it with `make run`, or give another --url"
    else:
        what = f"cannot connect to {to.url}: {trouble}; check --url and the network"
    return f"stopped at {trouble.item.place}: {what}"


def _size(stream: BinaryIO) -> int | None:
    """The bytes of a file; of what comes through a pipe nobody knows them."""
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None
