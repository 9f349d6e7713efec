"""`make demo`: the life of a subscriber through the real function to an HLR/HSS, every line checked.

NSPS is played by this process, which posts the events over HTTP; function and HLR are processes of
their own.
"""

import copy
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

from connector_tools.stack import ROOT, CannotStart, Stack, record_text

_OLD, _NEW = "001010000000001", "001010000000002"
_NUMBER = "420700000001"
_BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
_SERVED_M = f"granted, {_NUMBER}, mobile-m"
_SERVED_L = f"granted, {_NUMBER}, mobile-l"
_BARRED_L = f"barred, {_NUMBER}, mobile-l"
_RELEASED = "barred, no number, mobile-l"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One line: an event, and what must be true after it (`old` and `new` are the two SIMs)."""

    name: str
    event: Event
    status: int
    outcome: str
    old: str
    new: str = "no record"
    token: str | None = None
    hlr: str = "up"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was true."""

    status: int
    message: str
    outcome: str
    old: str
    new: str


def steps() -> Iterator[Step]:
    """The life of a subscriber, in the order in which NSPS posts it."""
    created = _event("sim-created", 0, account=False)
    created["pb_data"]["sim_info"]["i_account"] = None
    yield Step("SIM created, nobody's yet", created, 202, "ignored", "no record")
    assigned = _event("sim-replaced", 1, sim=_OLD, previous=None, profile="mobile-m")
    yield Step("SIM assigned to an account", assigned, 202, "applied", _SERVED_M)
    change = _event("sim-updated", 2, profile="mobile-l")
    yield Step("product changed", change, 202, "applied", _SERVED_L)
    blocked = _event("sim-updated", 4, blocked=True)
    yield Step("account blocked", blocked, 202, "applied", _BARRED_L)
    unblocked = _event("sim-updated", 5)
    yield Step("account unblocked", unblocked, 202, "applied", _SERVED_L)
    yield Step("the same event again", unblocked, 202, "duplicate", _SERVED_L)
    stale = _event("sim-updated", 3, blocked=True)
    yield Step("a stale retry", stale, 202, "superseded", _SERVED_L)
    yield Step("a wrong token", change, 401, "unauthorized", _SERVED_L, token="wrong")  # noqa: S106
    swapped = _event("sim-replaced", 6, sim=_NEW, previous=_OLD)
    failed = "unavailable"
    yield Step("SIM swapped, HLR down", swapped, 503, failed, _SERVED_L, hlr="outage")
    yield Step("the retry after it", swapped, 202, "applied", _RELEASED, _SERVED_L)
    gone = _event("sim-updated", 7, sim=_NEW, bill_status="terminated")
    yield Step("account terminated", gone, 202, "applied", _RELEASED, _RELEASED)
    deleted = _event("sim-deleted", 8)
    yield Step("old SIM left the inventory", deleted, 202, "applied", "no record", _RELEASED)


def demo() -> int:
    """Run it, print the table; 0 if every line is as it must be."""
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    table = Table("event", "answer", "outcome", "HLR: old SIM", "HLR: new SIM", "", box=None)
    wrong: list[str] = []
    count = 0
    try:
        with Stack() as stack:
            log = stack.lines()
            for count, step in enumerate(steps(), 1):  # noqa: B007 - used after the loop
                seen = _carry_out(stack, step, log)
                problems = list(differences(step, seen))
                wrong += [f"{step.name}: {problem}" for problem in problems]
                mark = "[red]WRONG[/red]" if problems else "[green]ok[/green]"
                answer = f"{seen.status} {seen.message}"
                table.add_row(step.name, answer, seen.outcome, seen.old, seen.new, mark)
    except CannotStart as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 2
    console.print(table)
    for problem in wrong:
        console.print(f"WRONG  {problem}")
    console.print(f"{count - len(wrong)} of {count} lines are as they must be")
    return 1 if wrong else 0


def differences(step: Step, seen: Seen) -> Iterator[str]:
    """What is not as it must be."""
    for name in ("status", "outcome", "old", "new"):
        want, got = getattr(step, name), getattr(seen, name)
        if want != got:
            yield f"{name} is {got!r}, not {want!r}"


def _carry_out(stack: Stack, step: Step, log: Iterator[dict[str, Any]]) -> Seen:
    stack.hlr_mode(step.hlr)
    ids = {"x-b3-traceid": uuid4().hex, "x-request-id": str(uuid4())}
    answer = stack.post(step.event, step.token or stack.token, ids)
    line = next(line for line in log if _ends(line, ids["x-request-id"]))
    stack.hlr_mode("up")
    return Seen(
        status=answer.status_code,
        message=_message(answer),
        outcome=line["outcome"],
        old=record_text(stack.subscriber(_OLD)),
        new=record_text(stack.subscriber(_NEW)),
    )


def _ends(line: dict[str, Any], unique_id: str) -> bool:
    return line.get("unique_id") == unique_id and "outcome" in line


def _message(answer: httpx.Response) -> str:
    body: dict[str, str] = answer.json()
    return body["message"]


def _event(
    name: str,
    minute: int,
    *,
    sim: str = _OLD,
    previous: str | None = "",
    account: bool = True,
    profile: str = "mobile-l",
    **account_changes: Any,
) -> Event:
    """An event of the mapping's own, as NSPS would have enriched it at that minute."""
    event: Event = json.loads((ROOT / "mappings" / "events" / f"{name}.json").read_text())
    event["event_id"] = str(uuid4())
    event["data"]["variables"]["i_event"] = 5_000_000 + minute
    moment = _BEGIN + timedelta(minutes=minute)
    event["created_at"] = moment.isoformat()
    event["updated_at"] = (moment + timedelta(seconds=1)).isoformat()
    found = event["pb_data"]
    if name != "sim-deleted":
        found["sim_info"]["imsi"] = sim
        found["account_info"] |= account_changes
        policy = copy.deepcopy(found["access_policy_info"])
        for attribute in policy["attributes"]:
            attribute["value"] = profile
        found["access_policy_info"] = policy
    if not account:
        found["account_info"] = None
    if previous is None:
        found["prev_sim_info"] = None
    elif previous:
        found["prev_sim_info"]["imsi"] = previous
    return event


if __name__ == "__main__":
    sys.exit(demo())
