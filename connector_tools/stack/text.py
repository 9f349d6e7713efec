"""Texts of `connector run` and `connector demo`: URLs, the outcome of an event, HLR records."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.outcome import Outcome
from connector_tools.counterparts.rules.hlr import BARRED, GRANTED
from connector_tools.terminal import counted

SubscriberRecord = Mapping[str, Any]


def introduction(url: str, hlr_url: str, headers: tuple[str, str], event: Path) -> Iterator[str]:
    """Yield where the function and the HLR listen, and a command line that calls each of them.

    `headers` are the bearer tokens of the function and of the HLR, as the command lines show them.
    """
    to_function, to_hlr = (
        f"curl --noproxy '*' -sS -w '\\n' -H \"Authorization: Bearer {token}\"" for token in headers
    )
    records = hlr_url.partition("/wtl")[0] + "/subscribers"
    yield f"Function  {url}/process-event  (health: {url}/health)"
    yield f"HLR/HSS   {hlr_url}  (its subscribers: {records})"
    yield ""
    yield "Send an event, and see the HLR's subscribers, in another terminal:"
    yield f"  {to_function} --data-binary @{shlex.quote(str(event))} {url}/process-event"
    yield f"  {to_hlr} {records}"
    yield ""
    yield "Each event is shown here. Ctrl-C stops both."


def event_line(
    line: Mapping[str, Any], records: Mapping[str, SubscriberRecord] | None = None
) -> str:
    """The outcome of a request, from its log record, with the HLR records of its subjects.

    `records` are by `subject_hash`; without them, none is shown.
    """
    outcome = line["outcome"] + (f" ({line['reason']})" if "reason" in line else "")
    parts = [
        datetime.fromisoformat(line["time"]).astimezone().strftime("%H:%M:%S"),
        f"{line.get('event_type', line.get('method', '')):<12}",
        f"{' '.join(line.get('subject', [])) or '-':<20}",
        f"{outcome:<10}",
        counted(len(line.get("calls", [])), "call"),
    ]
    if "milliseconds" in line:
        parts.append(f"{line['milliseconds']:.0f} ms")
    hashes = [] if records is None else line.get("subject_hash", [])
    if held := [record_text((records or {}).get(name)) for name in hashes]:
        parts.append(f"HLR: {'; '.join(held)}")
    return "  ".join(parts)


def style(line: Mapping[str, Any]) -> str:
    """The colour of an event's line: green applied, yellow another 2xx, red an error."""
    if line["outcome"] == Outcome.APPLIED:
        return "green"
    return "yellow" if line["status"] < 300 else "red"


def record_text(record: SubscriberRecord | None) -> str:
    """An HLR record in a few words, without its IMSI."""
    if record is None:
        return "no record"
    words = {GRANTED: "granted", BARRED: "barred"}
    state = words.get(record["subscriber_status"], record["subscriber_status"])
    number = " ".join(record["msisdn"]) or "(no number)"
    profiles = dict.fromkeys(record[name] or "none" for name in ("cs_profile", "eps_profile"))
    return f"{state} {number} {'/'.join(profiles)}"
