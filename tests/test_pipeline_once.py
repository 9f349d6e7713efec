"""A call that must not be made twice: never again, whatever happens to the function."""

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from connector import log
from connector.ledger.records import LedgerUnavailable
from connector.outcome import Outcome, Result
from connector.system import End, Reply
from tests.support.events import event
from tests.support.pipelines import Bench, applied

MAPPING = """
name: messages
summary: Sends a message for each new SIM.
settings:
  token: {secret: TOKEN}
system:
  http: {base_url: "http://system.test", auth: {bearer: =settings.token}}
rules:
  - name: a welcome message
    on: SIM/Created
    replay: never
    calls:
      - {id: found, get: /names, query: {imsi: =sim.imsi}}
      - {post: /messages, once: true, json: {imsi: =sim.imsi, name: =found.json.id}}
"""
SENT = ["claim", "GET /names", "POST /messages"]
DOUBT = "no reply: counts as carried out, because the call must not be made twice"
LOST = Reply(Outcome.APPLIED, cause=DOUBT, end=End.UNKNOWN)  # as the guard tells it


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    root, written = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    log.configure("DEBUG", written)
    yield Bench(tmp_path, written, MAPPING)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    log.OURS.setLevel(logging.NOTSET)


def created(second: int = 10) -> dict[str, object]:
    return event(
        "sim-created",
        change={"event_id": "e1", "updated_at": f"2026-03-02T10:00:{second:02}+00:00"},
    )


async def test_a_message_whose_end_is_unknown_is_applied_and_the_log_says_why(bench: Bench) -> None:
    bench.system.turns += [applied(id=1), LOST]
    assert (await bench.handle(created())).outcome is Outcome.APPLIED
    assert bench.notes == [*SENT, "settle"]
    assert bench.lines()[-1]["cause"] == DOUBT
    assert (await bench.handle(created())).outcome is Outcome.DUPLICATE


async def test_a_replay_with_newer_data_sends_no_second_message(bench: Bench) -> None:
    bench.system.turns += [applied(id=1), applied()]
    assert await bench.handle(created(10)) == Result(Outcome.APPLIED)
    assert (await bench.handle(created(20))).outcome is Outcome.DUPLICATE
    assert bench.notes.count("POST /messages") == 1


@pytest.mark.parametrize("end", [End.ANSWERED, End.NOT_SENT])
async def test_a_message_that_was_not_sent_is_sent_when_the_event_comes_again(
    bench: Bench, end: End
) -> None:
    bench.system.turns += [applied(id=1), Reply(Outcome.UNAVAILABLE, end=end)]
    assert (await bench.handle(created())).outcome is Outcome.UNAVAILABLE
    assert bench.notes == [*SENT, "release"]
    bench.system.turns += [applied(id=1), applied()]
    assert await bench.handle(created()) == Result(Outcome.APPLIED)
    assert bench.notes.count("POST /messages") == 2


async def test_a_look_up_that_fails_before_the_message_leaves_it_to_be_sent(bench: Bench) -> None:
    bench.system.turns += [Reply(Outcome.UNAVAILABLE, end=End.PENDING)]
    assert (await bench.handle(created())).outcome is Outcome.UNAVAILABLE
    bench.system.turns += [applied(id=1), applied()]
    assert await bench.handle(created()) == Result(Outcome.APPLIED)


async def test_a_ledger_that_fails_after_the_message_leads_to_no_second_one(bench: Bench) -> None:
    bench.system.turns += [applied(id=1), applied()]
    bench.ledger.errors["settle"] = LedgerUnavailable("away")
    assert (await bench.handle(created())).outcome is Outcome.UNAVAILABLE
    assert "release" not in bench.notes
    bench.ledger.errors.clear()
    bench.clock.now += 1000  # the lease of the first delivery is over
    result = await bench.handle(created())
    assert result.outcome is Outcome.DUPLICATE
    assert result.cause == (
        "an earlier delivery ended without a result: its call counts as carried out"
    )
    assert bench.notes.count("POST /messages") == 1


async def test_an_event_that_is_cancelled_during_the_message_sends_no_second_one(
    bench: Bench,
) -> None:
    """The connection of NSPS breaks off, or the instance is stopped."""
    sending = asyncio.Event()

    async def silent() -> Reply:
        sending.set()
        await asyncio.sleep(60)
        raise AssertionError

    bench.system.turns += [applied(id=1), silent]
    task = asyncio.create_task(bench.handle(created()))
    await sending.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.notes == [*SENT, "settle"]
    assert (await bench.handle(created())).outcome is Outcome.DUPLICATE


async def test_an_event_that_is_cancelled_before_the_message_sends_it_later(bench: Bench) -> None:
    asking = asyncio.Event()

    async def silent() -> Reply:
        asking.set()
        await asyncio.sleep(60)
        raise AssertionError

    bench.system.turns += [silent]
    task = asyncio.create_task(bench.handle(created()))
    await asking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.system.turns += [applied(id=1), applied()]
    assert await bench.handle(created()) == Result(Outcome.APPLIED)


async def test_a_message_that_a_killed_function_may_have_sent_is_not_sent_again(
    bench: Bench,
) -> None:
    """A process that is killed neither settles nor releases; its lease runs out."""

    async def killed() -> Reply:
        raise SystemExit

    bench.system.turns += [applied(id=1), killed]
    bench.ledger.errors |= {"settle": LedgerUnavailable("gone"), "release": LedgerUnavailable("")}
    with pytest.raises(SystemExit):
        await bench.handle(created())
    bench.ledger.errors.clear()
    assert (await bench.handle(created(), budget=0.1)).outcome is Outcome.UNAVAILABLE  # busy
    bench.clock.now += 1000
    assert (await bench.handle(created())).outcome is Outcome.DUPLICATE
    line = json.loads(bench.written.getvalue().splitlines()[-1])
    assert "counts as carried out" in line["cause"]
