"""Retries, limits and circuit breaker of a client: which calls are repeated, refused, counted."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connector.outcome import Outcome
from connector.system import End
from tests.support.calls import POST, PUT, client, send, send_once
from tests.support.function import free_port
from tests.support.names import silence
from tests.support.scripted import Scripted, ScriptedServer

LOST = [Scripted(drop=True), Scripted(raw=b""), Scripted(raw=b"HTTP/1.1 200 OK\r\nConte")]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_an_idempotent_call_is_tried_three_times(system: ScriptedServer, status: int) -> None:
    system.default = Scripted(status)
    reply = await send_once(system.url, PUT)
    assert (reply.attempts, len(system.requests)) == (3, 3)
    assert {request.body for request in system.requests} == {PUT.body}


@pytest.mark.parametrize("first", [Scripted(503), *LOST])
async def test_a_retry_that_succeeds_makes_the_call_a_success(
    system: ScriptedServer, first: Scripted
) -> None:
    system.script(first)
    reply = await send_once(system.url, PUT)
    assert (reply.outcome, reply.attempts, len(system.requests)) == (Outcome.APPLIED, 2, 2)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500, 501])
async def test_a_status_that_repeating_cannot_change_is_not_repeated(
    system: ScriptedServer, status: int
) -> None:
    system.default = Scripted(status)
    assert (await send_once(system.url, PUT)).attempts == 1
    assert len(system.requests) == 1


@pytest.mark.parametrize("lost", [Scripted(503), Scripted(429), *LOST])
async def test_a_call_that_is_not_idempotent_is_not_repeated_once_it_was_sent(
    system: ScriptedServer, lost: Scripted
) -> None:
    system.default = lost
    reply = await send_once(system.url, POST)
    assert (reply.attempts, len(system.requests)) == (1, 1)


async def test_any_call_is_repeated_if_there_was_no_connection() -> None:
    reply = await send_once(f"http://127.0.0.1:{free_port()}", POST)
    assert (reply.outcome, reply.attempts) == (Outcome.UNAVAILABLE, 3)


async def test_a_call_that_timed_out_is_not_repeated(system: ScriptedServer) -> None:
    system.default = Scripted(delay=1)
    reply = await send_once(system.url, PUT, timeout="200ms")
    assert (reply.outcome, reply.attempts) == (Outcome.UNAVAILABLE, 1)
    assert len(system.requests) == 1


async def test_a_connection_is_reused(system: ScriptedServer) -> None:
    before = system.connections
    async with client(system.url) as opened:
        for _ in range(5):
            await send(opened)
    assert system.connections == before + 1


@pytest.mark.parametrize(("call", "received"), [(PUT, 3), (POST, 2)])
async def test_a_reset_on_a_reused_connection_is_a_lost_call(
    system: ScriptedServer, call: object, received: int
) -> None:
    system.script(Scripted(), Scripted(drop=True))
    async with client(system.url) as opened:
        assert (await send(opened)).outcome is Outcome.APPLIED
        reply = await send(opened, PUT if call is PUT else POST)
    expected = Outcome.APPLIED if call is PUT else Outcome.UNAVAILABLE
    assert (reply.outcome, len(system.requests)) == (expected, received)


async def test_a_connection_that_the_system_closed_between_calls_is_replaced(
    system: ScriptedServer,
) -> None:
    keep_alive = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    system.default = Scripted(raw=keep_alive)  # the server closes, but does not announce it
    async with client(system.url) as opened:
        for _ in range(3):
            assert (await send(opened, POST)).outcome is Outcome.APPLIED
            await asyncio.sleep(0.1)
    assert len(system.requests) == 3


async def test_a_short_retry_after_is_waited_for(system: ScriptedServer) -> None:
    system.script(Scripted(503, headers={"Retry-After": "1"}))
    assert (await send_once(system.url, PUT)).outcome is Outcome.APPLIED
    first, second = system.requests
    assert second.started - first.started > 0.9


def date(distance: timedelta) -> str:
    return format_datetime(datetime.now(UTC) + distance, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("value", "seconds"), [("3", 3), ("600", 600), ("date", 3600)])
async def test_a_long_retry_after_is_passed_on_to_nsps(
    system: ScriptedServer, status: int, value: str, seconds: float
) -> None:
    value = date(timedelta(hours=1)) if value == "date" else value
    system.default = Scripted(status, headers={"Retry-After": value})
    reply = await send_once(system.url, PUT)
    assert reply.retry_after == pytest.approx(seconds, abs=10 if seconds > 600 else 0)
    assert len(system.requests) == 1


async def test_a_retry_after_in_the_past_means_no_wait(system: ScriptedServer) -> None:
    system.script(Scripted(503, headers={"Retry-After": date(timedelta(hours=-1))}))
    assert (await send_once(system.url, PUT)).outcome is Outcome.APPLIED


async def test_a_retry_after_the_deadline_is_not_sent(
    system: ScriptedServer,
) -> None:
    system.default = Scripted(503, headers={"Retry-After": "2"})
    started = time.monotonic()
    reply = await send_once(system.url, PUT, budget=1)
    assert (reply.outcome, reply.retry_after, reply.attempts) == (Outcome.UNAVAILABLE, 2, 1)
    assert time.monotonic() - started < 1


async def test_a_reply_that_a_rule_makes_unavailable_is_repeated(
    system: ScriptedServer,
) -> None:
    system.script(Scripted(json={"error": "busy"}))
    rule = {"if": "reply.json.error == 'busy'", "outcome": "unavailable"}
    reply = await send_once(system.url, PUT, replies=(rule,))
    assert (reply.outcome, reply.attempts) == (Outcome.APPLIED, 2)


async def test_an_event_above_the_concurrency_waits_for_its_place(system: ScriptedServer) -> None:
    system.default = Scripted(delay=0.2)
    async with client(system.url, concurrency=2) as opened:
        replies = await asyncio.gather(*(send(opened) for _ in range(5)))
    assert [reply.outcome for reply in replies] == [Outcome.APPLIED] * 5


async def test_an_event_that_gets_no_place_in_time_is_throttled(system: ScriptedServer) -> None:
    system.default = Scripted(delay=1)
    async with client(system.url, concurrency=1) as opened:
        replies = await asyncio.gather(send(opened), send(opened, budget=0.2))
    assert [reply.outcome for reply in replies] == [Outcome.APPLIED, Outcome.THROTTLED]
    assert (replies[1].retry_after, replies[1].attempts, replies[1].unknown) == (1, 0, False)
    assert len(system.requests) == 1


async def test_a_repeated_request_takes_a_turn_of_its_own_under_the_rate(
    system: ScriptedServer,
) -> None:
    system.default = Scripted(503)
    async with client(system.url, rate_limit="4/s") as opened:
        started = time.monotonic()
        reply = await send(opened, PUT)
    assert reply.attempts == 3
    assert time.monotonic() - started >= 0.45  # the second and third wait 0.25 s each


BREAKER = {"after": 2, "pause": "400ms"}


async def test_a_breaker_opens_and_closes_again(
    system: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    system.default = Scripted(503)
    async with client(system.url, breaker=BREAKER) as opened:
        await send(opened)
        await send(opened)
        refused = await send(opened, PUT)
        assert (refused.outcome, refused.attempts) == (Outcome.UNAVAILABLE, 0)
        assert 0 < (refused.retry_after or 0) <= 0.4
        assert "Circuit open" in (refused.reason or "")
        assert len(system.requests) == 2
        system.default = Scripted()
        await asyncio.sleep(0.5)
        assert (await send(opened)).outcome is Outcome.APPLIED
        assert (await send(opened)).outcome is Outcome.APPLIED
    assert caplog.messages == ["circuit open", "circuit closed"]


async def test_a_half_open_breaker_sends_one_probe_and_opens_again_when_it_fails(
    system: ScriptedServer,
) -> None:
    system.default = Scripted(503, delay=0.1)
    async with client(system.url, breaker={"after": 2, "pause": "1s"}) as opened:
        await send(opened)
        await send(opened)
        await asyncio.sleep(1.1)
        await asyncio.gather(*(send(opened) for _ in range(5)))
        assert len(system.requests) == 3
        assert (await send(opened)).cause == "circuit open"
    assert len(system.requests) == 3


async def test_replies_with_errors_do_not_open_the_breaker(system: ScriptedServer) -> None:
    system.default = Scripted(500)
    async with client(system.url, breaker=BREAKER) as opened:
        for _ in range(5):
            assert (await send(opened)).outcome is Outcome.FAILED
    assert len(system.requests) == 5


async def test_a_cancelled_call_gives_back_its_place(system: ScriptedServer) -> None:
    system.script(Scripted(delay=1))
    async with client(system.url, concurrency=1) as opened:
        call = asyncio.create_task(send(opened, replace(POST, body=b"{}")))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await send(opened)).outcome is Outcome.APPLIED


# Whether the system may have carried out a failed request, and may still be working on it


@pytest.mark.parametrize(
    ("answer", "unknown", "pending"),
    [
        (Scripted(400), False, False),
        (Scripted(404), False, False),
        (Scripted(429), False, False),
        (Scripted(200, json={"result": False}), False, False),
        (Scripted(200, body=b"<html>"), True, False),
        (Scripted(500), True, False),
        (Scripted(503), True, False),
        (Scripted(drop=True), True, False),
        (Scripted(delay=0.5), True, True),
    ],
)
async def test_a_failure_says_whether_the_request_may_have_been_applied(
    system: ScriptedServer, answer: Scripted, unknown: bool, pending: bool
) -> None:
    system.default = answer
    refused = ({"if": "reply.json.result == false", "outcome": "failed"},)
    reply = await send_once(system.url, POST, timeout="250ms", replies=refused)
    assert reply.outcome is not Outcome.APPLIED
    assert (reply.unknown, reply.end is End.PENDING) == (unknown, pending)


@pytest.mark.parametrize("http2", [False, True])
async def test_a_message_is_not_taken_for_sent_while_its_connection_opens(http2: bool) -> None:
    """The event has less time left than a connection may take."""
    with silence() as (host, port):
        message = replace(POST, once=True)
        reply = await send_once(f"http://{host}:{port}", message, budget=0.3, http2=http2)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)


async def test_a_request_that_was_not_sent_is_neither_unknown_nor_pending() -> None:
    reply = await send_once("http://127.0.0.1:9", PUT)
    assert (reply.unknown, reply.end is End.PENDING) == (False, False)


async def test_a_refused_retry_stays_unknown_after_an_unknown_first_attempt(
    system: ScriptedServer,
) -> None:
    system.script(Scripted(503), Scripted(400))
    reply = await send_once(system.url, PUT)
    assert (reply.attempts, reply.status, reply.unknown) == (2, 400, True)
