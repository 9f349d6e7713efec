"""The log record of an event with resources: what differed, and where the event failed."""

import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from connector import log
from connector.outcome import Outcome
from connector.system import End, Reply
from tests.support.events import event
from tests.support.pipelines import Bench

OLD, NEW = "001010000000001", "001010000000002"
FILE = """
name: hss
summary: Keeps subscribers.
settings: {token: {secret: TOKEN}}
system: {http: {base_url: "http://system.test"}}
resources:
  subscriber:
    of: [imsi]
    read: {get: "/subscribers/{{ imsi }}"}
    require: [{that: found is none or found.status != 'locked', because: it is locked}]
    want: {status: active, name: =account.firstname}
    released: {status: barred}
    fields: {status: {off: barred}}
    create: {post: /subscribers, json: =want}
    change: {patch: "/subscribers/{{ imsi }}", json: =changed}
    remove: {delete: "/subscribers/{{ imsi }}"}
  number:
    of: [imsi]
    read: {get: "/numbers/{{ imsi }}"}
    want: {msisdn: =account.msisdn}
    released: =none
    create: {post: /numbers, json: =want}
    change: {put: "/numbers/{{ imsi }}", json: =want}
    remove: {delete: "/numbers/{{ imsi }}"}
rules:
  - name: a SIM was swapped
    on: SIM/Replaced
    release: {imsi: =prev_sim.imsi}
    hold: {imsi: =sim.imsi}
  - {name: a subscriber changed, on: SIM/Updated, hold: {imsi: =sim.imsi}}
"""
ABSENT = Reply(Outcome.APPLIED, status=404, seen={"status": 404, "json": None})
REFUSED = Reply(Outcome.REJECTED, "no", status=400, end=End.ANSWERED)
SILENT = Reply(Outcome.UNAVAILABLE, end=End.NOT_SENT)
DONE = Reply(Outcome.APPLIED, status=200, seen={"status": 200, "json": {}})


def holds(**fields: Any) -> Reply:
    """The reply to a read: the system holds these fields."""
    return Reply(Outcome.APPLIED, status=200, seen={"status": 200, "json": fields})


SERVED = holds(status="active", name="Novak")
NUMBER = holds(msisdn="420700000001")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    root, written = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    log.configure("DEBUG", written)
    yield Bench(tmp_path, written, FILE)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    log.OURS.setLevel(logging.NOTSET)


async def record(bench: Bench, *turns: Reply, name: str = "sim-updated") -> dict[str, Any]:
    """The log record of an event; the system gives these replies, then refuses."""
    bench.system.turns.extend([*turns, *[REFUSED] * 9])
    change = {"pb_data.account_info.firstname": "Novak"}
    await bench.handle(event(name, imsi=NEW if name == "sim-replaced" else OLD, change=change))
    return bench.lines()[-1]


async def test_a_record_names_the_fields_that_differed_and_no_value(bench: Bench) -> None:
    line = await record(bench, holds(status="barred", name="Smith"), ABSENT, DONE, DONE)
    assert line["outcome"] == "applied"
    assert line["resources"] == {"subscriber": "status name", "number": "created"}
    assert "at" not in line


async def test_a_record_says_that_nothing_differed(bench: Bench) -> None:
    line = await record(bench, SERVED, NUMBER)
    assert line["resources"] == {"subscriber": "unchanged", "number": "unchanged"}
    assert len(line["calls"]) == 2


@pytest.mark.parametrize(
    ("turns", "at", "resources"),
    [
        ([SILENT], "hold subscriber: read", None),
        ([holds(status="locked")], "hold subscriber: read", None),
        ([SERVED, SILENT], "hold number: read", None),
        ([SERVED, ABSENT], "hold number: give", ("unchanged", "created")),
        ([holds(status="barred"), ABSENT], "hold subscriber: give", ("status name", "created")),
        ([holds(status="barred"), ABSENT, DONE], "hold number: give", ("status name", "created")),
    ],
    ids=["silent", "require", "second read", "create", "change", "half way"],
)
async def test_a_record_says_at_which_step_an_event_failed(
    bench: Bench, turns: list[Reply], at: str, resources: tuple[str, str] | None
) -> None:
    line = await record(bench, *turns)
    assert line["outcome"] != "applied"
    assert line["at"] == at
    expected = dict(zip(("subscriber", "number"), resources, strict=True)) if resources else None
    assert line.get("resources") == expected


async def test_of_two_sims_the_released_one_comes_first(bench: Bench) -> None:
    reads = [holds(status="active"), NUMBER, ABSENT, ABSENT]
    line = await record(bench, *reads, name="sim-replaced")
    assert line["resources"] == {"subscriber": "status, created", "number": "removed, created"}
    assert line["at"] == "release number: take"


async def test_a_dropped_subject_is_not_in_the_record(bench: Bench) -> None:
    """A newer event has changed the old SIM: nothing of it is read, compared or logged."""
    bench.system.turns.extend([SERVED, NUMBER])
    await bench.handle(event(imsi=OLD, change={"updated_at": "2026-03-02T10:20:00+00:00"}))
    bench.system.turns.clear()
    line = await record(bench, ABSENT, ABSENT, DONE, DONE, name="sim-replaced")
    assert line["outcome"] == "applied"
    assert len(line["dropped"]) == 1
    assert line["resources"] == {"subscriber": "created", "number": "created"}


@pytest.mark.parametrize("failing", range(5))
async def test_no_value_is_in_a_record(bench: Bench, failing: int) -> None:
    turns = [holds(status="barred", name="Smith"), holds(msisdn="42"), DONE, DONE][:failing]
    await record(bench, *turns)
    text = bench.written.getvalue()
    for value in ("Novak", "Smith", "420700000001", OLD, "barred"):
        assert value not in text
