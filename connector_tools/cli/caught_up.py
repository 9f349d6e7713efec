"""`connector caught-up`: whether everything that NSPS sent is applied by now."""

import os
from datetime import datetime
from typing import Annotated, Any

import typer

from connector_tools.cli.records_options import (
    AsJson,
    Connector,
    From,
    Period,
    Project,
    Since,
    damage,
    iso,
    period,
    source,
    stamp,
)
from connector_tools.records.events import Events, WrongEvent, created
from connector_tools.records.outage import Outages
from connector_tools.records.record import (
    ABOUT_EVENTS,
    CIRCUIT,
    FAILING,
    QUEUED,
    CannotRead,
    LogRecord,
    Wanted,
)
from connector_tools.terminal import CANNOT_RUN, FAILED, print_json, say, terminal

app = typer.Typer()

_USUAL = "2d"  # NSPS tries each event at least once a day


@app.command(
    "caught-up",
    epilog="Example: connector caught-up --since 6h --project my-project",
)
def caught_up(
    since: Since = None,
    file: From = None,
    project: Project = None,
    connector: Connector = None,
    subscription: Annotated[
        str | None,
        typer.Option(
            envvar="PUBSUB_DEAD_LETTER_SUBSCRIPTION",
            show_default=False,
            help="The dead-letter subscription, projects/P/subscriptions/S; without it, dead "
            "letters are those that the log names.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether everything is caught up: yes or no, with the oldest event that is not.

    It looks at events that were not accepted, events that wait on the topic, the circuit, and the
    dead letters. Cloud Logging is read for two days unless --since says otherwise. The exit code
    is 0 for yes, 1 for no, 2 if it cannot be told.
    """
    asked = period(since, None, file, _USUAL)
    events, outages, queues = Events(), Outages(), False
    with source(file, project) as opened:
        messages = (*ABOUT_EVENTS, *CIRCUIT, *FAILING)
        for record in opened.records(Wanted(asked.since, None, connector, messages)):
            events.add(record)
            outages.add(record)
            queues = queues or record.message == QUEUED
    letters, unseen = _dead_letters(subscription, queues=queues)
    if not events.records:
        unseen.append("events: the log has none")
    elif not events.accepted_records:
        unseen.append("accepted events: the log has none; is LOG_LEVEL above INFO?")
    if opened.damaged:
        unseen.append(f"all records: {damage(opened)}")
    finding = _Finding(asked, events, outages, letters, unseen)
    if as_json:
        print_json(finding.document)
    else:
        finding.show()
    raise typer.Exit(finding.exit_code)


class _Finding:
    """What was found, and what could not be looked at (`unseen`)."""

    def __init__(
        self,
        asked: Period,
        events: Events,
        outages: Outages,
        letters: int | None,
        unseen: list[str],
    ) -> None:
        self._asked = asked
        self._seen = events.seen
        self._wrong = sorted(events.wrong(), key=lambda event: event.first_seen)
        self._waiting = sorted(events.waiting(), key=_since)
        self._outages = outages.now()
        logged = sum(1 for event in self._wrong if event.dead_lettered)
        self._letters = logged if letters is None else letters
        self._unseen = unseen

    @property
    def answer(self) -> bool | None:
        """True for yes, False for no, None if it cannot be told."""
        if self._wrong or self._waiting or self._outages or self._letters:
            return False
        return None if self._unseen else True

    @property
    def exit_code(self) -> int:
        """0 for yes, 1 for no, 2 if it cannot be told."""
        return {True: 0, False: FAILED, None: CANNOT_RUN}[self.answer]

    def show(self) -> None:
        """Print yes or no first, then the facts that lead to it."""
        console = terminal()
        words = {True: "yes", False: "no", None: "cannot be told"}
        say(f"caught up: {words[self.answer]}", "bold", to=console)
        say(f"events {self._asked}: {self._seen}", to=console)
        say(f"not accepted: {len(self._wrong)}{self._oldest()}", to=console)
        say(f"waiting on the topic: {len(self._waiting)}{self._longest()}", to=console)
        for line in self._outages or ["closed"]:
            say(f"circuit: {line}", to=console)
        say(f"dead letters: {self._letters}", to=console)
        for text in self._unseen:
            say(f"could not look at {text}", "yellow", to=console)

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "caught_up": self.answer,
            "since": iso(self._asked.since),
            "events_seen": self._seen,
            "not_accepted": len(self._wrong),
            "oldest_not_accepted": _event(self._wrong[0]) if self._wrong else None,
            "waiting": len(self._waiting),
            "longest_waiting": _queued(self._waiting[0]) if self._waiting else None,
            "circuit": self._outages or ["closed"],
            "dead_letters": self._letters,
            "could_not_look_at": self._unseen,
        }

    def _oldest(self) -> str:
        if not self._wrong:
            return ""
        oldest = self._wrong[0]
        event, outcome = oldest.record.text("event_id") or "-", oldest.record.text("outcome")
        return f", the oldest since {stamp(oldest.first_seen)}: {event}, {outcome}: {oldest.reason}"

    def _longest(self) -> str:
        if not self._waiting:
            return ""
        longest = self._waiting[0]
        return f", the longest since {stamp(_since(longest))}: {longest.text('event_id')}"


def _since(record: LogRecord) -> datetime:
    return created(record) or record.time


def _event(event: WrongEvent) -> dict[str, Any]:
    record = event.record
    return {
        "event_id": record.text("event_id") or None,
        "first_seen": iso(event.first_seen),
        "last_attempt": iso(record.time),
        "outcome": record.text("outcome"),
        "reason": event.reason,
    }


def _queued(record: LogRecord) -> dict[str, Any]:
    return {"event_id": record.text("event_id"), "since": iso(_since(record))}


def _dead_letters(subscription: str | None, *, queues: bool) -> tuple[int | None, list[str]]:
    """The number on the subscription, or None; and what could not be looked at."""
    if not subscription:
        hint = "the dead letters that Pub/Sub itself made: give --subscription"
        return None, [hint] if queues else []
    # Google's client takes half a second to import.
    from connector_tools.dead_letters import DeadLetterSubscription  # noqa: PLC0415 - see above

    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    try:
        with DeadLetterSubscription(subscription, emulator) as opened:
            return sum(1 for _ in opened.pull()), []
    except CannotRead as error:
        return None, [f"the dead letters: {error}"]
