"""The life of a subscriber, sent through the real function to an HLR/HSS; every line is checked.

This process plays NSPS and posts the events over HTTP. The function and the HLR are processes of
their own.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from rich.box import SIMPLE
from rich.table import Table

from connector_tools.program import ROOT
from connector_tools.stack.stack import Stack, StackError, report_error
from connector_tools.stack.text import record_text
from connector_tools.terminal import INTERRUPTED, say, terminal

_EVENTS = ROOT / "mappings" / "events"
_OLD, _NEW = "001010000000001", "001010000000002"
_NUMBER = "420700000001"
_BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
_NONE = "no record"
_SERVED_M = f"granted {_NUMBER} mobile-m"
_SERVED_L = f"granted {_NUMBER} mobile-l"
_BARRED_L = f"barred {_NUMBER} mobile-l"
_RELEASED = "barred (no number) mobile-l"

EventBody = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoStep:
    """A line of the demo: an event, the answer that it must get, and the HLR records after it.

    `old` and `new` are the records of the two SIMs. `token` replaces the right token, `hlr` is the
    mode of the HLR meanwhile.
    """

    name: str
    event: EventBody
    status: int
    outcome: str
    old: str
    new: str = _NONE
    token: str | None = None
    hlr: str = "up"


@dataclass(frozen=True, slots=True)
class Observation:
    """The answer that an event got, and the HLR records after it."""

    status: int
    message: str
    outcome: str
    old: str
    new: str


def steps() -> Iterator[DemoStep]:
    """Yield the life of a subscriber in the order in which NSPS posts it."""
    created = _event("sim-created", 0)
    created["pb_data"] |= {"account_info": None}
    created["pb_data"]["sim_info"] |= {"i_account": None}
    yield DemoStep("SIM created, nobody's yet", created, 202, "ignored", _NONE)
    assigned = _event("sim-replaced", 1, profile="mobile-m")
    assigned["pb_data"] |= {"prev_sim_info": None}
    yield DemoStep("SIM assigned to an account", assigned, 202, "applied", _SERVED_M)
    change = _event("sim-updated", 2)
    yield DemoStep("product changed", change, 202, "applied", _SERVED_L)
    blocked = _event("sim-updated", 4, blocked=True)
    yield DemoStep("account blocked", blocked, 202, "applied", _BARRED_L)
    unblocked = _event("sim-updated", 5)
    yield DemoStep("account unblocked", unblocked, 202, "applied", _SERVED_L)
    yield DemoStep("the same event again", unblocked, 202, "duplicate", _SERVED_L)
    stale = _event("sim-updated", 3, blocked=True)
    yield DemoStep("a stale retry", stale, 202, "superseded", _SERVED_L)
    yield DemoStep("a wrong token", change, 401, "unauthorized", _SERVED_L, token="wrong")  # noqa: S106
    swapped = _event("sim-replaced", 6)
    swapped["pb_data"]["sim_info"] |= {"imsi": _NEW}
    yield DemoStep("SIM swapped, HLR down", swapped, 503, "unavailable", _SERVED_L, hlr="outage")
    yield DemoStep("the retry after it", swapped, 202, "applied", _RELEASED, _SERVED_L)
    gone = _event("sim-updated", 7, bill_status="terminated")
    gone["pb_data"]["sim_info"] |= {"imsi": _NEW}
    yield DemoStep("account terminated", gone, 202, "applied", _RELEASED, _RELEASED)
    deleted = _event("sim-deleted", 8)
    yield DemoStep("old SIM left the inventory", deleted, 202, "applied", _NONE, _RELEASED)


def demo() -> int:
    """Run the demo, print its table, and return the exit code: 0 if every line is as it must be."""
    say("Starting an HLR/HSS and the function ...", to=terminal(stderr=True))
    try:
        with Stack() as stack:
            return report(play(stack))
    except StackError as error:
        return report_error(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def play(stack: Stack) -> list[tuple[DemoStep, Observation]]:
    """Post the events of all steps; each step with what was observed after it."""
    return [(step, _carry_out(stack, step)) for step in steps()]


def report(lines: Iterable[tuple[DemoStep, Observation]]) -> int:
    """Print the table and the wrong lines, and return the exit code."""
    console = terminal()
    table = Table(box=SIMPLE if console.is_terminal else None, pad_edge=False)
    for head in ("event", "answer", "outcome", "HLR: old SIM", "HLR: new SIM", ""):
        table.add_column(head, overflow="fold")
    found = [(step.name, list(differences(step, seen)), seen) for step, seen in lines]
    for name, problems, seen in found:
        mark = "[red]WRONG" if problems else "[green]ok"
        answer = f"{seen.status} {seen.message}"
        table.add_row(name, answer, seen.outcome, seen.old, seen.new, mark)
    console.print(table, soft_wrap=False)
    wrong = [(name, problems) for name, problems, _ in found if problems]
    for name, problems in wrong:
        say(f"WRONG  {name}: {', '.join(problems)}", "red")
    summary = f"{len(found) - len(wrong)} of {len(found)} lines are as they must be"
    say(summary, "red" if wrong else "green")
    return 1 if wrong else 0


def differences(step: DemoStep, seen: Observation) -> Iterator[str]:
    """Yield each difference between a step and what was observed."""
    for name in ("status", "outcome", "old", "new"):
        want, got = getattr(step, name), getattr(seen, name)
        if want != got:
            yield f"{name} is {got!r}, not {want!r}"


def _carry_out(stack: Stack, step: DemoStep) -> Observation:
    stack.hlr_mode(step.hlr)
    ids = {"x-b3-traceid": uuid4().hex, "x-request-id": str(uuid4())}
    body = json.dumps(step.event).encode()
    answer = stack.post(body, step.token or stack.token, ids)
    line = stack.record_of(ids["x-request-id"])
    stack.hlr_mode("up")
    return Observation(
        status=answer.status_code,
        message=str(answer.json()["message"]),
        outcome=line["outcome"],
        old=record_text(stack.subscriber(_OLD)),
        new=record_text(stack.subscriber(_NEW)),
    )


def _event(name: str, minute: int, *, profile: str = "mobile-l", **account: Any) -> EventBody:
    """An example event of the WTL mapping about the old SIM, enriched by NSPS at that minute."""
    event: EventBody = json.loads((_EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    event["event_id"] = str(uuid4())
    event["data"]["variables"]["i_event"] = 5_000_000 + minute
    moment = _BEGIN + timedelta(minutes=minute)
    event["created_at"] = moment.isoformat()
    event["updated_at"] = (moment + timedelta(seconds=1)).isoformat()
    found = event["pb_data"]
    found["sim_info"]["imsi"] = _OLD
    if found["account_info"]:
        found["account_info"] |= account
        for attribute in found["access_policy_info"]["attributes"]:
            attribute["value"] = profile
    return event


if __name__ == "__main__":
    sys.exit(demo())
