"""Options of the commands that read a connector's records, and where the records come from."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Protocol

import typer

from connector_tools.records.period import SPELLINGS, moment
from connector_tools.records.record import CannotRead, LogRecord, Wanted
from connector_tools.records.stream import RecordStream
from connector_tools.terminal import counted, opened, say, stop, terminal

From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE|-",
        help="Read the records from a file or from standard input: what the function writes, or "
        "what `gcloud logging read --format=json` prints.",
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        envvar="GOOGLE_CLOUD_PROJECT",
        show_default=False,
        help="Read the records from Cloud Logging of this project, unless --from is given.",
    ),
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help=f"Only what is newer: {SPELLINGS}.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only what is older.")]
Connector = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only records of the mapping file of this name.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
SecretsPlace = Annotated[
    str | None,
    typer.Option(
        "--secrets",
        metavar="gcp:PREFIX|file:DIR",
        help="Where HASH_KEY is. Without this, HASH_KEY of the environment, then the place that "
        "SECRETS names, then API_TOKEN of the environment.",
    ),
]


class RecordSource(Protocol):
    """Where records come from. `skipped` counts what is not a record, `damaged` what was one."""

    skipped: int
    damaged: int

    def records(self, wanted: Wanted) -> Iterator[LogRecord]:
        """Yield the wanted records; see `RecordStream` and `CloudRecords`."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time that a person asks about; `since` is None for the whole of a file."""

    since: datetime | None
    until: datetime | None

    def __str__(self) -> str:
        """As a person reads it: `since 2026-11-29 10:00:00Z`."""
        parts = [f"since {stamp(self.since)}"] if self.since else ["in the records"]
        return " ".join([*parts, *([f"until {stamp(self.until)}"] if self.until else [])])


def period(since: str | None, until: str | None, file: str | None, usual: str) -> Period:
    """The period of the options; without `--since` Cloud Logging is read for the `usual` time."""
    now = datetime.now(UTC)
    try:
        begin = moment(since or usual, now) if since or file is None else None
        end = moment(until, now) if until else None
    except ValueError as error:
        stop(str(error))
    if begin and end and end <= begin:
        stop(f"--until {until} is not after --since {since or usual}: nothing is between them")
    return Period(begin, end)


@contextmanager
def source(file: str | None, project: str | None) -> Iterator[RecordSource]:
    """Open the source of the options; what cannot be read ends the command with one line.

    At the end, what was skipped is counted on standard error.
    """
    try:
        if file is not None:
            with opened(file) as stream:
                found = RecordStream(stream)
                yield found
                _tell_skipped(found)
        elif project:
            # Google's libraries take half a second to import.
            from connector_tools.records.cloud import CloudRecords  # noqa: PLC0415 - see above

            yield CloudRecords(project, os.environ)
        else:
            stop("where are the records? Give --from FILE, --from - or --project ID")
    except CannotRead as error:
        stop(str(error))
    except OSError as error:
        stop(f"the records cannot be read: {error.strerror}")


def _tell_skipped(found: RecordSource) -> None:
    if found.skipped:
        skipped = counted(found.skipped, "line")
        note(f"{skipped} skipped: not a record of a connector")
    if found.damaged:
        note(f"{damage(found)}: the answer may be wrong")


def damage(found: RecordSource) -> str:
    """What is damaged in the records, for a person."""
    return f"{counted(found.damaged, 'record')} that {'is' if found.damaged == 1 else 'are'} cut"


def note(text: str) -> None:
    """Print a line on standard error that is no failure."""
    say(f"connector: {text}", to=terminal(stderr=True))


def stamp(moment: datetime) -> str:
    """A time for people, in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def iso(moment: datetime | None) -> str | None:
    """A time for programs."""
    return moment.astimezone(UTC).isoformat() if moment else None
