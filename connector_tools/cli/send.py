"""`connector send`: post events from a file, and print what the connector answered."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from connector_tools.cli.mapping_settings import load_for_explaining
from connector_tools.cli.options import Token
from connector_tools.cli.send_report import failure, print_document, print_summary
from connector_tools.dry_run import dry_run as dry_run_of
from connector_tools.events_file import Item, items
from connector_tools.send import SendResult, Tally, Target, Unreachable, send, target
from connector_tools.terminal import (
    CANNOT_RUN,
    FAILED,
    INTERRUPTED,
    counted,
    opened,
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


_Failed = Annotated[
    Path | None,
    typer.Option(
        help="Write the events that were not accepted into this file, as NDJSON, to send them "
        "again. If there is no connection, those that were not sent are in it, too.",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print a document for programs.")]


@app.command("send", epilog="Example: connector send events.ndjson --concurrency 20 --new-ids")
def send_events(
    file: _Events,
    url: _Url = "http://127.0.0.1:8080/process-event",
    token: Token = "",
    concurrency: _Concurrency = 10,
    new_ids: _NewIds = False,
    dry_run: _DryRun = None,
    failed: _Failed = None,
    as_json: _Json = False,
) -> None:
    """Post events to a connector as NSPS does, and sum up the answers.

    A large NDJSON file is sent while it is read. The events arrive in any order, unless
    --concurrency is 1. The first failure of each kind is printed at once; at the end, failures are
    grouped by answer. The exit code is 1 if an event was not accepted (with --dry-run: if it is
    invalid), 2 if there is no connection.
    """
    if dry_run:
        _refuse_with_dry_run(failed, as_json=as_json)
        _dry_run(file, dry_run)
        return
    try:
        to = target(url, token)
    except ValueError as error:
        stop(str(error))
    tally = Tally()
    show = print_document if as_json else _print_all
    with opened(file) as stream, _failed_file(failed, file) as keep:
        found = items(stream, new_ids=new_ids)
        try:
            with _reporting(tally, _size(stream), keep, silent=as_json) as report:
                asyncio.run(send(to, found, concurrency, report))
        except Unreachable as error:
            for item in chain([error.item], error.others, found if failed else ()):
                keep(item)
            show(tally, _what_to_do(to, error))
            stop(_what_to_do(to, error))
        except KeyboardInterrupt:
            show(tally, "interrupted")
            raise typer.Exit(INTERRUPTED) from None
        show(tally)
    if tally.refused:
        raise typer.Exit(FAILED)


def _print_all(tally: Tally, stopped: str = "") -> None:
    """Print the summary; standard error says why the sending stopped."""
    print_summary(tally)


def _refuse_with_dry_run(failed: Path | None, *, as_json: bool) -> None:
    if failed or as_json:
        stop("--dry-run sends nothing: leave out --failed and --json")


@contextmanager
def _failed_file(path: Path | None, source: str) -> Iterator[Callable[[Item], None]]:
    """Open the file for --failed, and yield a function that writes an event into it.

    If the file cannot take one, the sending goes on, and the command ends with exit code 2.
    """
    err = terminal(stderr=True)
    if path is None:
        yield lambda item: None
        return
    if source != "-" and path.exists() and path.samefile(source):
        stop(f"--failed: {path} is the file that is read; give another one")
    try:
        path.touch(mode=0o600)  # events hold personal data
        stream = path.open("wb", buffering=0)
    except OSError as error:
        stop(f"--failed: cannot write {path}: {error.strerror}")

    def keep(item: Item) -> None:
        if item.body:  # what is not JSON cannot be sent again
            try:
                whole = stream.write(item.body + b"\n") == len(item.body) + 1
            except OSError as error:
                problems.append(error.strerror or str(error))
            else:
                problems.extend([] if whole else [os.strerror(errno.ENOSPC)])

    problems: list[str] = []
    with stream:
        try:
            yield keep
        finally:
            if problems:
                left = f"{counted(len(problems), 'event')} not in it"
                say(
                    f"connector: --failed: cannot write {path}: {problems[0]}; {left}",
                    "red",
                    to=err,
                )
    if problems:
        raise typer.Exit(CANNOT_RUN)


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
def _reporting(
    tally: Tally, size: int | None, keep: Callable[[Item], None], *, silent: bool
) -> Iterator[Callable[[SendResult], None]]:
    """Yield a function that counts a result, and prints the first failure with each answer.

    `keep` gets the events that were not accepted. A `silent` one prints nothing on standard output.
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
            new = tally.add(result)
            counts = f"{tally.accepted} accepted, {tally.refused} not"
            bar.update(task, completed=result.item.read, description=counts)
            if not result.accepted:
                keep(result.item)
            if new and not silent:
                say(failure(result), "red", to=err if together else out)

        yield report


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
