"""Options that choose dead letters, for the commands of `connector dlq`."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from connector.log import subject_hash
from connector_tools.cli.records_options import note
from connector_tools.records import subject
from connector_tools.records.keys import find_keys
from connector_tools.records.period import moment
from connector_tools.records.record import CannotRead
from connector_tools.terminal import opened, stop

if TYPE_CHECKING:
    from connector_tools.dead_letters import DeadLetterFilter

Subscription = Annotated[
    str,
    typer.Option(
        envvar="PUBSUB_DEAD_LETTER_SUBSCRIPTION",
        help="The dead-letter subscription, projects/P/subscriptions/S.",
    ),
]
EventId = Annotated[str | None, typer.Option(help="Only the dead letter of this event.")]
EventType = Annotated[str | None, typer.Option(help="Only events of this type, e.g. SIM/Updated.")]
OutcomeName = Annotated[
    str | None, typer.Option(help="Only this outcome, e.g. invalid, or `gave up`.")
]
Reason = Annotated[str | None, typer.Option(help="Only dead letters whose reason contains this.")]
OlderThan = Annotated[
    float | None, typer.Option(help="Only dead letters that are older than this number of hours.")
]
Subscriber = Annotated[
    str | None,
    typer.Option(
        metavar="SUBJECT",
        help="Only events of this subscriber: an IMSI, a number, an account, or a subject_hash.",
    ),
]
Ids = Annotated[
    str | None, typer.Option(metavar="FILE|-", help="Only these events: one event_id a line.")
]
Most = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Look at this many dead letters only. Default: at all."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Choice:
    """The options that choose dead letters, as they were typed."""

    event_id: str | None = None
    event_type: str | None = None
    outcome: str | None = None
    reason: str | None = None
    older_than: float | None = None
    since: str | None = None
    until: str | None = None
    subscriber: str | None = None
    ids: str | None = None
    secrets: str | None = None

    def filter(self) -> "DeadLetterFilter":
        """The filter that they mean; ends the command if one of them means nothing."""
        from connector_tools.dead_letters import (  # noqa: PLC0415 - Google's client takes half a second
            OUTCOMES,
            DeadLetterFilter,
        )

        if self.outcome and self.outcome.lower() not in OUTCOMES:
            stop(f"there is no outcome {self.outcome!r}: write one of {', '.join(OUTCOMES)}")
        now = datetime.now(UTC)
        return DeadLetterFilter(
            self.event_id,
            self.event_type,
            self.outcome,
            self.reason,
            self._before(now),
            _moment(self.since, now),
            _moment(self.until, now),
            _ids(self.ids) if self.ids else None,
            _of(self.subscriber, self.secrets) if self.subscriber else None,
        )

    def _before(self, now: datetime) -> datetime | None:
        try:
            return None if self.older_than is None else now - timedelta(hours=self.older_than)
        except (ValueError, OverflowError):
            stop(f"--older-than: {self.older_than} is not a number of hours")


def _of(text: str, place: str | None) -> Callable[[frozenset[str]], bool]:
    """Whether the names in an event are those of the subscriber that a person typed."""
    wanted = frozenset(subject.names(text))
    if not subject.is_hash(text):
        return lambda found: not wanted.isdisjoint(found)
    try:
        keys = asyncio.run(find_keys(os.environ, place))
    except CannotRead as error:
        stop(str(error))
    note(f"hashes with the key {keys.origin}")
    return lambda found: any(
        subject_hash(key, name) == text.strip() for key in keys.keys for name in found
    )


def _ids(name: str) -> frozenset[str]:
    with opened(name) as stream:
        lines = [line.decode(errors="replace").strip() for line in stream]
    return frozenset(line for line in lines if line)


def _moment(text: str | None, now: datetime) -> datetime | None:
    try:
        return moment(text, now) if text else None
    except ValueError as error:
        stop(str(error))
