"""`connector history`: what the connector did for one subscriber, or with one event."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from connector_tools.cli.records_options import (
    AsJson,
    Connector,
    From,
    Project,
    SecretsPlace,
    Since,
    Until,
    iso,
    note,
    period,
    source,
)
from connector_tools.records import ledger_view, subject
from connector_tools.records.events import reason_of
from connector_tools.records.keys import HashKeys, find_keys
from connector_tools.records.ledger_view import SubjectNow
from connector_tools.records.record import SETTLED, CannotRead, LogRecord, Wanted
from connector_tools.terminal import FAILED, counted, print_json, say, stop, terminal

app = typer.Typer()

_USUAL = "30d"  # how long Cloud Logging keeps records by default
_LEDGER = typer.Option(
    "--ledger",
    envvar="LEDGER_URL",
    show_default=False,
    help="Also show what the ledger knows of the subscriber now.",
)
_IDS = ("event_id", "event_type", "connector", "request_id")
_CALL = ("method", "target", "status", "outcome", "attempts", "milliseconds")


@app.command(
    "history",
    epilog="Example: connector history 001010000000001 --project my-project --since 3d",
)
def history(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT|EVENT_ID",
            help="An IMSI, a phone number, an account's id, a name such as imsi:001..., the hash "
            "of the log, or the id of an event.",
        ),
    ],
    since: Since = None,
    until: Until = None,
    file: From = None,
    project: Project = None,
    connector: Connector = None,
    secrets: SecretsPlace = None,
    ledger: Annotated[str | None, _LEDGER] = None,
    as_json: AsJson = False,
) -> None:
    """Show every attempt for a subscriber or of an event, in time order, with its calls.

    The key of the hashes is found as the function finds it; standard error says which it was. The
    exit code is 1 if no record was found.
    """
    when = period(since, until, file, _USUAL)
    keys = _keys(secrets)
    hashes = subject.hashes(asked, keys.keys) if keys else frozenset()
    wanted = Wanted(when.since, when.until, connector, (), hashes, _event_id(asked, keys))
    with source(file, project) as opened:
        found = sorted(opened.records(wanted), key=lambda record: record.time)
    now = _ledger_now(ledger, asked, keys)
    if as_json:
        print_json(_document(found, hashes, keys, now))
    else:
        _show(found, now)
    if not found:
        note(f"no record found {when}{_other_key(keys)}")
        raise typer.Exit(FAILED)


def _keys(place: str | None) -> HashKeys | None:
    """The keys of the hashes; without any, only an event's id can be found."""
    try:
        found = asyncio.run(find_keys(os.environ, place))
    except CannotRead as error:
        if place:
            stop(str(error))
        note(f"{error}. Only events with this id are looked for")
        return None
    more = f" ({len(found.keys)} tokens)" if len(found.keys) > 1 else ""
    note(f"hashes with the key {found.origin}{more}")
    return found


def _other_key(keys: HashKeys | None) -> str:
    return "; with another HASH_KEY than the function's, none is found" if keys else ""


def _event_id(asked: str, keys: HashKeys | None) -> str | None:
    """The id to look for; None for what names a subscriber: it shall not be sent to Google."""
    return None if keys and subject.is_personal(asked) else asked.strip()


def _ledger_now(url: str | None, asked: str, keys: HashKeys | None) -> list[SubjectNow] | None:
    """What the ledger knows of each name that was meant; None if it was not asked."""
    if not url or not keys:
        return None
    try:
        return asyncio.run(ledger_view.look(url, subject.names(asked), keys.keys, os.environ))
    except CannotRead as error:
        note(f"the ledger was not asked: {error}")
        return None


def _show(found: list[LogRecord], now: list[SubjectNow] | None) -> None:
    console = terminal()
    for record in found:
        for line in _lines(record):
            say(line, to=console)
    attempts = [record for record in found if record.message == SETTLED]
    events = {record.text("event_id") for record in attempts}
    if found:
        told = f"{counted(len(attempts), 'attempt')} of {counted(len(events), 'event')}"
        say(f"{counted(len(found), 'record')}, {told}", "bold", to=console)
    if now is not None:
        for line in [one.line for one in now] or ["the ledger knows no such subject"]:
            say(f"ledger now: {line}", to=console)


def _lines(record: LogRecord) -> Iterator[str]:
    """A record, then each of its calls."""
    when = record.time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"
    settled = record.message == SETTLED
    what = record.text("outcome") if settled else f"[{record.message}]"
    parts = [when, record.text("event_id") or "-", record.text("event_type") or "-", what]
    if record.fields.get("reason") or record.fields.get("details"):
        parts.append(reason_of(record))
    if cause := record.text("cause"):
        parts.append(f"({cause})")
    yield "  ".join(parts)
    for call in _calls(record):
        status = call.get("status")
        told = [str(call.get("method")), str(call.get("target")), "-" if status is None else status]
        tries = call.get("attempts") or 1
        took = [f"{call.get('milliseconds')} ms", *([f"{tries} attempts"] if tries != 1 else [])]
        yield f"    {'  '.join(map(str, (*told, call.get('outcome'), *took)))}"


def _calls(record: LogRecord) -> list[Mapping[str, Any]]:
    calls = record.fields.get("calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _document(
    found: list[LogRecord],
    hashes: frozenset[str],
    keys: HashKeys | None,
    now: list[SubjectNow] | None,
) -> dict[str, Any]:
    return {
        "key": keys.origin if keys else None,
        "hashes": sorted(hashes),
        "records": [_record_document(record) for record in found],
        "ledger": None if now is None else [one.document for one in now],
    }


def _record_document(record: LogRecord) -> dict[str, Any]:
    known = {name: record.fields.get(name) for name in _IDS}
    return {
        "time": iso(record.time),
        "message": record.message,
        **known,
        "outcome": record.fields.get("outcome"),
        "reason": record.fields.get("reason"),
        "details": record.texts("details"),
        "cause": record.fields.get("cause"),
        "subject": record.texts("subject"),
        "at": record.fields.get("at"),
        "calls": [{name: call.get(name) for name in _CALL} for call in _calls(record)],
    }
