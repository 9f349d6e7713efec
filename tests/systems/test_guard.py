"""The guard around each request: which requests it repeats, and the reply of several attempts."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

import pytest

from connector.call import Call
from connector.mapping.system_entry import Limits
from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.guard import Guard, Progress
from tests.support.calls import turn_of

STATE = Call("", "PUT", "/a", idempotent=True)
ADDS = Call("", "POST", "/a")
OK = Reply(Outcome.APPLIED)


async def sent(call: Call, *replies: Reply) -> Reply:
    """The reply of a call whose attempts get `replies`, one after the other, and then `OK`."""
    left = deque(replies)

    async def attempt(*_: Any) -> Reply:
        return left.popleft() if left else OK

    guard = Guard(Limits(), {}, timeout=1)
    return await guard.send(attempt, call, turn_of(5))


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("end", list(End))
@pytest.mark.parametrize("call", [STATE, ADDS], ids=["idempotent", "not idempotent"])
async def test_a_request_is_repeated_only_if_that_is_safe_and_useful(
    outcome: Outcome, end: End, call: Call
) -> None:
    useful = outcome in (Outcome.UNAVAILABLE, Outcome.THROTTLED) and end is not End.PENDING
    safe = call.idempotent or end is End.NOT_SENT
    reply = await sent(call, Reply(outcome, end=end, retry_after=0))
    assert reply.attempts == (2 if useful and safe else 1)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (Outcome.REJECTED, Outcome.FAILED),
        (Outcome.FAILED, Outcome.FAILED),
        (Outcome.UNKNOWN_RESOURCE, Outcome.UNKNOWN_RESOURCE),
    ],
)
async def test_a_refused_repetition_may_have_met_its_own_earlier_success(
    first: Outcome, then: Outcome
) -> None:
    lost = Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN, retry_after=0)
    reply = await sent(STATE, lost, Reply(first, "IMSI exists already"))
    assert (reply.outcome, reply.end) == (then, End.UNKNOWN)
    assert reply.reason == (
        "API Core refused a repeated request; its first attempt may have been carried out: "
        "IMSI exists already"
    )


async def test_a_refused_repetition_is_final_if_the_first_was_not_sent() -> None:
    lost = Reply(Outcome.UNAVAILABLE, end=End.NOT_SENT, retry_after=0)
    reply = await sent(STATE, lost, Reply(Outcome.REJECTED, "IMSI exists already"))
    assert (reply.outcome, reply.end, reply.reason) == (
        Outcome.REJECTED,
        End.ANSWERED,
        "IMSI exists already",
    )


async def test_a_call_is_unknown_if_one_of_its_attempts_is_unknown() -> None:
    lost = Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN, retry_after=0)
    reply = await sent(STATE, lost, Reply(Outcome.FAILED))
    assert (reply.outcome, reply.end, reply.attempts) == (Outcome.FAILED, End.UNKNOWN, 2)


@pytest.mark.parametrize(("seconds", "budget"), [(0.05, 5), (5, 0.05), (5, -1)])
async def test_an_attempt_ends_at_the_timeout_or_at_the_deadline(
    seconds: float, budget: float
) -> None:
    async def attempt(_: Call, __: Progress) -> Reply:
        await asyncio.sleep(3)
        return OK

    clock = asyncio.get_running_loop().time
    started = clock()
    guard = Guard(Limits(), {}, seconds)
    reply = await guard.send(attempt, STATE, turn_of(budget))
    assert (reply.outcome, reply.end, reply.attempts) == (Outcome.UNAVAILABLE, End.PENDING, 1)
    assert clock() - started < 2


@pytest.mark.parametrize("outcome", [Outcome.UNAVAILABLE, Outcome.FAILED, Outcome.REJECTED])
@pytest.mark.parametrize("end", list(End))
async def test_a_call_that_must_not_be_made_twice_counts_as_carried_out_if_its_end_is_unknown(
    outcome: Outcome, end: End
) -> None:
    message = Call("", "POST", "/messages", once=True)
    reply = await sent(message, *[Reply(outcome, cause="lost", end=end)] * 3)
    unknown = end in (End.UNKNOWN, End.PENDING)
    assert reply.outcome is (Outcome.APPLIED if unknown else outcome)
    assert reply.end is end
    if unknown:
        assert reply.attempts == 1
        assert reply.cause == (
            "lost: counts as carried out, because the call must not be made twice"
        )


async def test_the_circuit_opens_although_lost_messages_count_as_sent() -> None:
    async def lost(*_: Any) -> Reply:
        return Reply(Outcome.UNAVAILABLE, end=End.PENDING)

    guard = Guard(Limits(), {}, timeout=1)
    message = Call("", "POST", "/messages", once=True)
    for _ in range(10):
        assert (await guard.send(lost, message, turn_of(5))).outcome is Outcome.APPLIED
    refused = await guard.send(lost, message, turn_of(5))
    assert (refused.outcome, refused.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)


async def test_a_request_that_did_not_leave_in_time_was_not_sent() -> None:
    async def slow(_: Call, progress: Progress) -> Reply:
        progress.end = End.NOT_SENT
        await asyncio.sleep(3)
        return OK

    guard = Guard(Limits(), {}, timeout=0.05)
    reply = await guard.send(slow, Call("", "POST", "/a", once=True), turn_of(0.05))
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)


async def failing_lines(
    caplog: pytest.LogCaptureFixture, calls: Iterable[tuple[Call, Outcome]]
) -> list[str]:
    """What the log says of a system that ends these calls so."""
    guard = Guard(Limits(), {}, timeout=1)
    for call, outcome in calls:

        async def attempt(*_: Any, end: Outcome = outcome) -> Reply:
            return Reply(end, status=500)

        await guard.send(attempt, call, turn_of(5))
    found = [vars(record)["fields"].get("failing") for record in caplog.records]
    return [state for state in found if state]


async def test_a_system_that_fails_every_call_is_told_once_and_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fails, works = (STATE, Outcome.FAILED), (STATE, Outcome.APPLIED)
    assert await failing_lines(caplog, [fails] * 45 + [works] * 3) == ["open", "closed"]


@pytest.mark.parametrize("between", [Outcome.APPLIED, Outcome.UNAVAILABLE, Outcome.THROTTLED])
async def test_only_a_success_between_failures_ends_the_row(
    caplog: pytest.LogCaptureFixture, between: Outcome
) -> None:
    calls = [(STATE, Outcome.FAILED)] * 19 + [(ADDS, between)] + [(STATE, Outcome.FAILED)]
    wanted = [] if between is Outcome.APPLIED else ["open"]
    assert await failing_lines(caplog, calls) == wanted


async def test_a_system_that_reads_but_fails_to_write_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read = Call("", "GET", "/a", idempotent=True, read_only=True)
    calls = [(read, Outcome.APPLIED), (STATE, Outcome.FAILED)] * 20
    assert await failing_lines(caplog, calls) == ["open"]
