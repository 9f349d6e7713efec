"""The pipeline with a simulated external system."""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from connector import log
from connector.ledger.records import LedgerUnavailable
from connector.outcome import Outcome, Result
from connector.pipeline import Record
from connector.system import End, Reply
from tests.support.calls import http
from tests.support.events import event
from tests.support.pipelines import FOUND, TOKEN, Bench, applied

IMSI = "001010000000001"
OLD = "001010000000091"
STEPS = ["claim", f"GET /find/{IMSI}", "PUT /cards/7"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    root, written = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    log.configure("DEBUG", written)
    yield Bench(tmp_path, written)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    log.OURS.setLevel(logging.NOTSET)


def changed(second: int = 10, change: Mapping[str, Any] | None = None) -> dict[str, Any]:
    usual = {"updated_at": f"2026-03-02T10:00:{second:02}+00:00"}
    return event(imsi=IMSI, change={**usual, **(change or {})})


def replaced(second: int = 20) -> dict[str, Any]:
    usual = {
        "updated_at": f"2026-03-02T10:00:{second:02}+00:00",
        "pb_data.prev_sim_info.imsi": OLD,
    }
    return event("sim-replaced", imsi=IMSI, change=usual)


async def test_an_event_is_claimed_then_called_then_settled(bench: Bench) -> None:
    result = await bench.handle(changed())
    assert result == Result(Outcome.APPLIED)
    assert bench.notes == [*STEPS, "settle"]


@pytest.mark.parametrize(
    "second", [applied(), Reply(Outcome.FAILED), RuntimeError("broken")], ids=["ok", "no", "error"]
)
async def test_an_event_gives_its_turn_back_however_it_ends(
    bench: Bench, second: Reply | Exception
) -> None:
    bench.system.turns.extend([FOUND, second])
    await bench.handle(changed())
    assert bench.system.left == 1


async def test_the_record_holds_what_happened(bench: Bench) -> None:
    record, posted = Record(), changed()
    await bench.handle(posted, record)
    assert record.event
    assert record.event.event_id == posted["event_id"]
    assert record.plan
    assert record.plan.rule
    assert record.plan.rule.name == "a card changed"
    assert record.dropped == frozenset()
    sent = [(call.method, reply.status) for call, reply in record.calls]
    assert sent == [("GET", 200), ("PUT", 200)]


async def test_the_one_log_record_does_not_show_the_subscriber(bench: Bench) -> None:
    posted = changed()
    await bench.handle(posted)
    (line,) = bench.lines()
    wanted = {
        "severity": "INFO",
        "connector": "cards",
        "outcome": "applied",
        "status": 202,
        "rule": "a card changed",
        "event_id": posted["event_id"],
        "event_type": "SIM/Updated",
        "subject": ["imsi:***********0001"],
    }
    assert wanted.items() <= line.items()
    assert [call["target"] for call in line["calls"]] == ["/find/{}", "/cards/{}"]
    assert IMSI not in json.dumps(line)


async def test_replies_of_earlier_calls_reach_later_ones(bench: Bench) -> None:
    bench.system.turns.extend([applied(404), applied(201, id="new 1")])
    assert (await bench.handle(changed())).outcome is Outcome.APPLIED
    assert bench.notes[2:4] == ["POST /cards", "PUT /cards/new%201"]


async def test_an_event_is_invalid_if_a_later_call_needs_more_than_a_reply_holds(
    bench: Bench,
) -> None:
    bench.system.turns.append(applied(200))
    assert (await bench.handle(changed())).outcome is Outcome.INVALID
    assert bench.notes == [*STEPS[:2], "release"]


async def test_the_budget_of_the_event_is_the_deadline_of_each_call(bench: Bench) -> None:
    await bench.handle(changed(), budget=5)
    first, second = bench.system.deadlines
    assert 0 < second <= first <= 5


@pytest.mark.parametrize(
    ("posted", "outcome"),
    [
        (b"{", Outcome.INVALID),
        (event(remove=("event_id",)), Outcome.INVALID),
        (event(remove=("pb_data.account_info",)), Outcome.INVALID),
        (event(change={"pb_data.sim_info.imsi": None}), Outcome.IGNORED),
        (event(change={"data.event_type": "Invoice/Created"}), Outcome.IGNORED),
    ],
    ids=["no json", "no event", "required", "ignored", "no rule"],
)
async def test_an_event_without_a_plan_claims_nothing(
    bench: Bench, posted: Any, outcome: Outcome
) -> None:
    assert (await bench.handle(posted)).outcome is outcome
    assert bench.notes == []
    assert bench.lines()[-1]["outcome"] == outcome.value


async def test_a_duplicate_does_not_touch_the_system(bench: Bench) -> None:
    posted = changed()
    await bench.handle(posted)
    bench.notes.clear()
    assert (await bench.handle(posted)).outcome is Outcome.DUPLICATE
    assert bench.notes == ["claim"]


async def test_a_superseded_event_does_not_touch_the_system(bench: Bench) -> None:
    await bench.handle(changed(second=10))
    bench.notes.clear()
    assert (await bench.handle(changed(second=9))).outcome is Outcome.SUPERSEDED
    assert bench.notes == ["claim"]


async def test_calls_of_a_dropped_subject_are_skipped(bench: Bench) -> None:
    await bench.handle(event(imsi=OLD, change={"updated_at": "2026-03-02T10:00:30+00:00"}))
    bench.notes.clear()
    record = Record()
    assert (await bench.handle(replaced(second=20), record)).outcome is Outcome.APPLIED
    assert bench.notes == ["claim", f"PUT /cards/{IMSI}", "settle"]
    assert record.dropped == {f"imsi:{OLD}"}
    assert bench.lines()[-1]["dropped"] == ["imsi:***********0091"]


async def test_a_card_that_another_account_has_now_is_not_released(bench: Bench) -> None:
    other = {
        "created_at": "2026-03-02T10:20:00+00:00",
        "updated_at": "2026-03-02T10:00:05+00:00",
        "pb_data.account_info.i_account": 9,
    }
    await bench.handle(event(imsi=OLD, change=other))
    bench.notes.clear()
    assert (await bench.handle(replaced(second=20))).outcome is Outcome.APPLIED
    assert bench.notes == ["claim", f"PUT /cards/{IMSI}", "settle"]


NOT_APPLIED = (
    Outcome.REJECTED,
    Outcome.UNKNOWN_RESOURCE,
    Outcome.THROTTLED,
    Outcome.FAILED,
    Outcome.UNAVAILABLE,
)


@pytest.mark.parametrize("outcome", NOT_APPLIED)
async def test_a_failed_call_ends_the_event_and_its_retry_is_applied(
    bench: Bench, outcome: Outcome
) -> None:
    posted = changed()
    bench.system.turns.append(Reply(outcome, "why", "HTTP 5", retry_after=4))
    result = await bench.handle(posted)
    assert result == Result(outcome, "why", retry_after=4, cause="HTTP 5")
    assert bench.notes == [*STEPS[:2], "release"]
    assert (await bench.handle(posted)).outcome is Outcome.APPLIED


async def test_a_failed_later_call_releases_the_claim(bench: Bench) -> None:
    posted = changed()
    bench.system.turns.extend([FOUND, Reply(Outcome.UNAVAILABLE)])
    assert (await bench.handle(posted)).outcome is Outcome.UNAVAILABLE
    assert bench.notes == [*STEPS, "release"]
    assert (await bench.handle(posted)).outcome is Outcome.APPLIED


@pytest.mark.parametrize("error", [RuntimeError("boom"), ConnectionResetError("boom")])
async def test_an_unexpected_exception_of_the_system_is_our_failure(
    bench: Bench, error: Exception
) -> None:
    """A lost connection to the system is not reported as a failure of the ledger."""
    bench.system.turns.append(error)
    posted = changed()
    result = await bench.handle(posted)
    name = type(error).__name__
    assert (result.outcome, result.reason, result.cause) == (Outcome.FAILED, None, name)
    assert bench.notes == [*STEPS[:2], "release"]
    assert (await bench.handle(posted)).outcome is Outcome.APPLIED


@pytest.mark.parametrize("step", ["claim", "settle"])
@pytest.mark.parametrize(
    ("error", "outcome"),
    [(RuntimeError("boom"), Outcome.FAILED), (LedgerUnavailable("gone"), Outcome.UNAVAILABLE)],
)
async def test_an_event_is_applied_again_after_a_failure_of_the_ledger(
    bench: Bench, step: str, error: Exception, outcome: Outcome
) -> None:
    posted = changed()
    bench.ledger.errors[step] = error
    assert (await bench.handle(posted)).outcome is outcome
    assert ("settle" in bench.notes) == (step == "settle")
    bench.ledger.errors.clear()
    assert (await bench.handle(posted, budget=0.5)).outcome is Outcome.APPLIED


async def test_only_the_ledger_is_said_to_be_out_of_reach_when_it_is(bench: Bench) -> None:
    bench.ledger.errors["claim"] = LedgerUnavailable("gone")
    assert await bench.handle(changed()) == Result(
        Outcome.UNAVAILABLE, "The ledger cannot be reached", cause="LedgerUnavailable: gone"
    )
    bench.ledger.errors["claim"] = ConnectionResetError("gone")
    assert await bench.handle(changed()) == Result(Outcome.FAILED, cause="ConnectionResetError")


async def test_a_failed_release_does_not_hide_the_reply_of_the_system(bench: Bench) -> None:
    """The claim's lease expires by itself."""
    bench.ledger.errors["release"] = LedgerUnavailable("gone")
    bench.system.turns.append(Reply(Outcome.REJECTED, "taken"))
    assert await bench.handle(changed()) == Result(Outcome.REJECTED, "taken")


async def test_a_cancelled_event_is_released(bench: Bench) -> None:
    called = asyncio.Event()

    async def never() -> Reply:
        called.set()
        await asyncio.sleep(60)
        return FOUND

    bench.system.turns.append(never)
    running = asyncio.create_task(bench.handle(changed()))
    await called.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.notes == [*STEPS[:2], "release"]


async def test_an_event_of_a_busy_subscriber_is_unavailable_after_half_its_budget(
    bench: Bench,
) -> None:
    called, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> Reply:
        called.set()
        await go_on.wait()
        return FOUND

    bench.system.turns.append(wait)
    first = asyncio.create_task(bench.handle(changed()))
    await called.wait()
    async with asyncio.timeout(5):
        result = await bench.handle(changed(), budget=0.4)
    assert result.outcome is Outcome.UNAVAILABLE
    assert "busy" in (result.reason or "")
    assert result.retry_after == 40  # the lease of the first: its budget and 30 seconds
    assert len(bench.system.calls) == 1
    go_on.set()
    assert (await first).outcome is Outcome.APPLIED


async def test_events_of_one_subscriber_do_not_overlap_and_end_in_the_newest_state(
    bench: Bench,
) -> None:
    inside = 0

    async def take_time() -> Reply:
        nonlocal inside
        inside += 1
        assert inside == 1
        await asyncio.sleep(0.01)
        inside -= 1
        return FOUND

    bench.system.turns.extend([take_time] * 40)
    results = await asyncio.gather(*(bench.handle(changed(second)) for second in range(20)))
    assert {result.outcome for result in results} <= {Outcome.APPLIED, Outcome.SUPERSEDED}
    assert b"10:00:19" in (http(bench.system.calls[-1]).body or b"")


async def test_an_event_that_lost_its_claim_is_unavailable(bench: Bench) -> None:
    async def be_slow() -> Reply:
        bench.clock.now += 1000
        assert (await bench.handle(changed(second=11))).outcome is Outcome.APPLIED
        return FOUND

    bench.system.turns.append(be_slow)
    result = await bench.handle(changed(second=10))
    assert (result.outcome, result.cause) == (Outcome.UNAVAILABLE, "lost claim")


PERSONAL = {
    "pb_data.account_info.id": "420731415926@msisdn",
    "pb_data.account_info.email": "Zdenka.Novakova@mail.example",
    "pb_data.account_info.firstname": "Zdenka",
    "pb_data.account_info.lastname": "Novakova",
    "pb_data.account_info.phone1": "+420 605 271 828",
    "pb_data.account_info.zip": "SW1A 9QT",
    "pb_data.sim_info.iccid": "8942031415926535897",
    "pb_data.sim_info.msisdn": "420731415926",
    "pb_data.prev_sim_info.imsi": "001015926535897",
}
SECRET = [*PERSONAL.values(), IMSI, "420731415926", TOKEN]


def said(result: Result) -> str:
    texts = [detail.rule for detail in result.details]
    return " ".join(filter(None, [result.reason, result.cause, *texts]))


@pytest.mark.parametrize("quote", ["{}", "card <{}>: refused", "x={};", "Bearer {}"])
async def test_an_echo_of_the_system_is_masked(bench: Bench, quote: str) -> None:
    echo = " | ".join(quote.format(text) for text in (*SECRET, SECRET[1].upper()))
    bench.system.turns.append(Reply(Outcome.REJECTED, f"no: {echo}", f"cause: {echo}"))
    result = await bench.handle(changed(change=PERSONAL))
    told = (said(result) + bench.written.getvalue()).lower()
    assert [text for text in SECRET if text.lower() in told] == []
    assert (result.reason or "").startswith("no: ")


async def test_a_masked_name_does_not_keep_its_end(bench: Bench) -> None:
    """Only numbers keep their last four digits."""
    bench.system.turns.append(Reply(Outcome.REJECTED, f"{IMSI} of Zdenka Novakova, SW1A 9QT"))
    result = await bench.handle(changed(change=PERSONAL))
    assert "0001" in said(result)
    assert [part for part in ("enka", "kova", "9QT") if part in said(result)] == []


async def test_an_exception_is_logged_without_personal_data_and_secrets(bench: Bench) -> None:
    bench.system.turns.append(RuntimeError(" | ".join(SECRET)))
    result = await bench.handle(changed(change=PERSONAL))
    told = said(result) + bench.written.getvalue()
    assert "RuntimeError" in told
    assert [text for text in SECRET if text in told] == []


async def test_details_do_not_quote_values(bench: Bench) -> None:
    result = await bench.handle(changed(change={"pb_data.sim_info.imsi": "1" * 20}))
    assert [detail.field for detail in result.details] == ["pb_data.sim_info.imsi"]
    assert "1" * 10 not in said(result) + bench.written.getvalue()


async def test_half_a_surrogate_pair_is_answered_and_logged(
    bench: Bench,
) -> None:
    """JSON can hold half of a surrogate pair, UTF-8 cannot."""
    bench.system.turns.append(Reply(Outcome.REJECTED, "no \ud800", "\udfff"))
    result = await bench.handle(changed())
    assert result.outcome is Outcome.REJECTED
    assert said(result).encode()
    assert bench.lines()[-1]["outcome"] == "rejected"


# Unfinished events (docs/decisions/0009-unfinished-events.md)

LOST = Reply(Outcome.UNAVAILABLE, end=End.PENDING)
REFUSED = Reply(Outcome.FAILED)
UNCLEAR = Reply(Outcome.FAILED, end=End.UNKNOWN)


@pytest.mark.parametrize(
    ("turns", "outcome"),
    [
        ([FOUND, UNCLEAR], Outcome.SUPERSEDED),  # may have been carried out
        ([FOUND, REFUSED], Outcome.APPLIED),  # was not
        ([LOST], Outcome.APPLIED),  # only read
    ],
)
async def test_an_older_event_is_applied_only_after_one_that_changed_nothing(
    bench: Bench, turns: list[Reply], outcome: Outcome
) -> None:
    bench.system.turns.extend(turns)
    await bench.handle(changed(second=20))
    assert (await bench.handle(changed(second=10))).outcome is outcome


async def test_an_older_event_skips_the_subject_whose_call_was_carried_out(bench: Bench) -> None:
    bench.system.turns.extend([applied(), REFUSED])
    await bench.handle(replaced(second=20))
    bench.notes.clear()
    assert (await bench.handle(replaced(second=10))).outcome is Outcome.APPLIED
    assert bench.notes == ["claim", f"PUT /cards/{IMSI}", "settle"]


async def test_a_subject_is_not_claimed_while_the_system_may_still_process_its_call(
    bench: Bench,
) -> None:
    bench.system.turns.extend([FOUND, LOST])
    await bench.handle(changed(second=20), budget=1)
    assert (await bench.handle(changed(second=30), budget=1)).outcome is Outcome.UNAVAILABLE
    bench.clock.now += 0.6
    assert (await bench.handle(changed(second=30), budget=1)).outcome is Outcome.APPLIED


async def test_every_record_is_found_by_the_sim_and_the_account(bench: Bench) -> None:
    """Also that of an event without a plan, and of one that cannot be read."""
    await bench.handle(changed())
    await bench.handle(changed(change={"data.event_type": "SIM/Other"}))
    await bench.handle(changed(change={"updated_at": "yesterday"}))
    records = [record for record in bench.lines() if record["message"] == "event settled"]
    assert [record["outcome"] for record in records] == ["applied", "ignored", "invalid"]
    hashes = [log.subject_hash(b"key", f"imsi:{IMSI}")]
    assert [record["subject_hash"] for record in records] == [hashes] * 3
    assert len({tuple(record["account_hash"][:1]) for record in records}) == 1


@pytest.mark.parametrize("change", [{}, {"updated_at": "yesterday"}], ids=["valid", "invalid"])
async def test_half_a_surrogate_pair_in_a_name_does_not_change_the_answer(
    bench: Bench, change: dict[str, Any]
) -> None:
    odd = {"pb_data.account_info.id": "J\ud83d@msisdn"}
    plain = await bench.handle(changed(change=change))
    assert await bench.handle(changed(second=11, change=odd | change)) == plain
    assert bench.lines()[-1]["account_hash"]


async def test_a_record_says_how_long_ago_nsps_got_the_event(bench: Bench) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    await bench.handle(changed(change={"created_at": hour_ago.isoformat()}))
    (record,) = [one for one in bench.lines() if one["message"] == "event settled"]
    assert record["created_at"] == hour_ago.isoformat()
    assert 3600 <= record["age_seconds"] < 3700
