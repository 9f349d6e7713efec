"""`connector wrong`: the events that were not accepted at their last attempt."""

from collections.abc import Iterator
from typing import Any

import typer

from connector_tools.cli.records_options import (
    AsJson,
    Connector,
    From,
    Period,
    Project,
    Since,
    Until,
    iso,
    note,
    period,
    source,
    stamp,
)
from connector_tools.records.events import Events, WrongEvent
from connector_tools.records.grouping import VERSION
from connector_tools.records.record import ABOUT_EVENTS, Wanted
from connector_tools.terminal import CANNOT_RUN, FAILED, counted, print_json, say, terminal
from connector_tools.text_lines import columns

app = typer.Typer()

_USUAL = "2d"  # NSPS tries each event at least once a day
Group = tuple[str, str, bool]


@app.command(
    "wrong",
    epilog="Example: connector wrong --since 6h --project my-project",
)
def wrong(
    since: Since = None,
    until: Until = None,
    file: From = None,
    project: Project = None,
    connector: Connector = None,
    as_json: AsJson = False,
) -> None:
    """List the events that were not accepted at their last attempt, grouped by their reason.

    Dead letters are among them. Cloud Logging is read for two days unless --since says otherwise.
    The exit code is 0 if there is none, 1 if there are some, 2 if it cannot be told: the log has
    no accepted event, or is cut.
    """
    asked = period(since, until, file, _USUAL)
    events = Events()
    with source(file, project) as opened:
        wanted = Wanted(asked.since, asked.until, connector, ABOUT_EVENTS)
        for record in opened.records(wanted):
            events.add(record)
    found = _grouped(events)
    if as_json:
        print_json(_document(found, events, asked))
    else:
        _show(found, events, asked)
    if not events.accepted_records:
        note("no record of an accepted event: if LOG_LEVEL is above INFO, it cannot be told")
    if found:
        raise typer.Exit(FAILED)
    if not events.accepted_records or opened.damaged:
        raise typer.Exit(CANNOT_RUN)


def _grouped(events: Events) -> list[tuple[Group, list[WrongEvent]]]:
    """The groups, largest first; in a group the event that was seen first comes first."""
    groups: dict[Group, list[WrongEvent]] = {}
    for event in events.wrong():
        groups.setdefault(event.group, []).append(event)
    for members in groups.values():
        members.sort(key=lambda event: (event.first_seen, event.record.text("event_id")))
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def _show(found: list[tuple[Group, list[WrongEvent]]], events: Events, asked: Period) -> None:
    console = terminal()
    number = sum(len(members) for _, members in found)
    groups = f", in {counted(len(found), 'group')}" if found else ""
    say(f"{counted(number, 'event')} of {events.seen} not accepted {asked}{groups}", to=console)
    for line in columns([(str(len(some)), *_title(group)) for group, some in found]):
        say(line, "bold", to=console)
    for group, members in found:
        say("", to=console)
        say(": ".join(_title(group)), "bold", to=console)
        rows = [_heads(), *map(_cells, members)]
        for line in columns(rows):
            say(line, to=console)
    for (outcome, reason), count in events.refused.most_common():
        say(f"{counted(count, 'request')} refused before an event was read: {outcome}: {reason}")


def _title(group: Group) -> tuple[str, str]:
    outcome, reason, dead = group
    return outcome, f"{reason} (dead-lettered)" if dead else reason


def _heads() -> tuple[str, ...]:
    return "subject", "first seen", "last attempt", "attempts", "event", "outcome", "reason"


def _cells(event: WrongEvent) -> tuple[str, ...]:
    record = event.record
    return (
        " ".join(record.texts("subject")) or "-",
        stamp(event.first_seen),
        stamp(record.time),
        str(event.attempts),
        record.text("event_id") or "-",
        record.text("outcome"),
        event.reason + (" (dead-lettered)" if event.dead_lettered else ""),
    )


def _document(
    found: list[tuple[Group, list[WrongEvent]]], events: Events, asked: Period
) -> dict[str, Any]:
    return {
        "grouping": VERSION,
        "since": iso(asked.since),
        "until": iso(asked.until),
        "events_seen": events.seen,
        "wrong": sum(len(members) for _, members in found),
        "groups": list(_group_documents(found)),
        "refused_requests": [
            {"outcome": outcome, "reason": reason, "count": count}
            for (outcome, reason), count in events.refused.most_common()
        ],
    }


def _group_documents(found: list[tuple[Group, list[WrongEvent]]]) -> Iterator[dict[str, Any]]:
    for (outcome, reason, dead), members in found:
        yield {
            "outcome": outcome,
            "reason": reason,
            "dead_lettered": dead,
            "count": len(members),
            "events": [_event_document(event) for event in members],
        }


def _event_document(event: WrongEvent) -> dict[str, Any]:
    record = event.record
    return {
        "event_id": record.text("event_id") or None,
        "request_id": record.text("request_id") or None,
        "connector": record.text("connector") or None,
        "event_type": record.text("event_type") or None,
        "subject": record.texts("subject"),
        "subject_hash": record.texts("subject_hash"),
        "account_hash": record.texts("account_hash"),
        "first_seen": iso(event.first_seen),
        "last_attempt": iso(record.time),
        "attempts": event.attempts,
        "reason": event.reason,
        "cause": record.text("cause") or None,
    }
