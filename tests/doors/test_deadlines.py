"""Connections that stop, drip or do not read: each ends by itself, and events do not."""

import asyncio
from contextlib import ExitStack
from io import StringIO
from threading import Event
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.doors.conftest import SOON
from tests.doors.test_connection import TOO_MUCH
from tests.support.answers import ACCEPTED
from tests.support.door_server import (
    CHUNKED,
    GET,
    HEAD,
    MARK,
    Answer,
    ServerThread,
    drained,
    good,
    lines,
    logged,
    status_of_ours,
    wait_for,
    warnings,
)
from tests.support.function import TOKEN
from tests.support.scripted import Scripted, ScriptedServer

TOO_LATE = {
    "half a request line": HEAD[:7],
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 10\r\n\r\n{",
    "half a chunk": CHUNKED + b"a\r\n{",
    "no body": HEAD + b"Content-Length: 10\r\n\r\n",
    "no body after 100": HEAD + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    "half a trailer": CHUNKED + b"0\r\nX: ",
    "half a head behind a request": GET + HEAD,
}


def test_a_request_that_stops_is_answered_408_and_closed(
    soon: ServerThread, written: StringIO
) -> None:
    with ExitStack() as opened:
        waiting = {name: opened.enter_context(soon.connect()) for name in TOO_LATE}
        for name, connection in waiting.items():
            connection.sendall(TOO_LATE[name])
        for name, connection in waiting.items():
            answer = drained(connection).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            if name.endswith("behind a request"):
                answer = Answer(answer).rest
            assert status_of_ours(answer) == 408, name
    assert [line["status"] for line in warnings(written, len(waiting))] == [408] * len(waiting)


@pytest.mark.parametrize("begin", [HEAD, CHUNKED], ids=["head", "body"])
def test_a_byte_now_and_then_does_not_move_the_deadline(
    soon: ServerThread, written: StringIO, begin: bytes
) -> None:
    drip = b"X" if begin == HEAD else b"1\r\n1\r\n"
    with soon.connect() as connection:
        connection.sendall(begin)
        connection.settimeout(0.02)
        for _ in range(1000):
            try:
                answer = connection.recv(65536)
                break
            except TimeoutError:
                connection.sendall(drip)
    assert Answer(answer).status == 408
    wait_for(lambda: logged(written))


@pytest.mark.parametrize("sent", [b"", b"\r\n", GET], ids=["nothing", "a blank line", "a request"])
def test_a_connection_without_a_request_is_closed_in_silence(
    soon: ServerThread, written: StringIO, sent: bytes
) -> None:
    answer = soon.exchange(sent)
    assert answer.count(b"HTTP/1.1 ") == (1 if sent == GET else 0)
    assert [line for line in lines(written) if line["severity"] != "INFO"] == []


def test_blank_lines_do_not_keep_a_connection_open(soon: ServerThread) -> None:
    with soon.connect() as connection:
        connection.sendall(GET)
        connection.settimeout(0.02)
        for _ in range(1000):
            try:
                if not connection.recv(65536):
                    return
            except TimeoutError:
                connection.sendall(b"\r\n")
            except ConnectionError:
                return
    raise AssertionError("the connection stays open")


CUT_OFF = Event()


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """Answers /health, and all other requests without end."""
    assert scope["type"] == "http"
    await receive()
    left = asyncio.ensure_future(receive())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while scope["path"] != "/health" and not left.done():
        await send({"type": "http.response.body", "body": b"a" * 100_000, "more_body": True})
        await asyncio.sleep(0)
    if left.done():
        CUT_OFF.set()
    left.cancel()
    await send({"type": "http.response.body"})


def test_a_sender_that_does_not_read_its_answer_is_cut_off() -> None:
    with ServerThread(endless, SOON) as server, server.connect() as connection:
        connection.sendall(GET.replace(b"/health", b"/"))
        assert CUT_OFF.wait(30)


def test_an_event_that_takes_longer_than_a_head_may_is_not_cut_off(
    soon: ServerThread, system: ScriptedServer
) -> None:
    system.default = Scripted(delay=1.2)
    answer = soon.exchange(good(4, b"Connection: close"))
    assert Answer(answer).json == ACCEPTED


def test_an_event_that_waits_unread_behind_another_has_time(
    soon: ServerThread, system: ScriptedServer
) -> None:
    """Its body does not fit in the buffers, so the server stops reading it."""
    system.default = Scripted(delay=1.2)
    behind = good(5, b"Connection: close", padding=3_000_000)
    first = Answer(soon.exchange(good(4), behind))
    assert first.json == Answer(first.rest).json == ACCEPTED


@pytest.mark.parametrize(
    ("next_one", "status"),
    [(MARK * 20, 400), (HEAD + b"X: " + b"a" * 600_000, 431), (GET * 300, 429), (HEAD, 408)],
    ids=["malformed", "too large", "too many", "late"],
)
def test_an_event_is_answered_before_the_fault_of_the_next_request(
    soon: ServerThread, written: StringIO, system: ScriptedServer, next_one: bytes, status: int
) -> None:
    """Otherwise NSPS would take the fault for the answer to its event."""
    system.default = Scripted(delay=0.8)
    first = Answer(soon.exchange(good(status, b"X: y") + next_one))
    assert first.json == ACCEPTED
    rest = first.rest
    while rest.startswith(b"HTTP/1.1 200"):
        rest = Answer(rest).rest
    assert Answer(rest).status == status
    assert [line["status"] for line in warnings(written, 1)] == [status]


def test_a_fault_in_the_body_of_a_waiting_request_is_answered_in_its_turn(
    usual: ServerThread, written: StringIO, system: ScriptedServer
) -> None:
    system.default = Scripted(delay=0.3)
    first = Answer(usual.exchange(good(6) + CHUNKED + MARK))
    assert first.json == ACCEPTED
    assert Answer(first.rest).status == 400


STRANGERS = [
    *(request for _, request in TOO_MUCH.values()),
    *TOO_LATE.values(),
    GET,
    HEAD.replace(TOKEN.encode(), b"wrong") + b"Content-Length: 9\r\n\r\n{}",
    HEAD + b"Content-Length: 2\r\n\r\n{}",
    CHUNKED + b"2;a\r\n{}\r\n0\r\nX: y\r\n\r\n",
]
EDITS = st.tuples(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=4))


def edited(base: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    base = base[:200]
    for where, cut, put in edits:
        at = int(where * len(base))
        base = base[:at] + put + base[at + cut :]
    return base


@given(st.lists(st.builds(edited, st.sampled_from(STRANGERS), st.lists(EDITS)), min_size=60))
@settings(max_examples=3, phases=[Phase.generate])  # a smaller example would take long to find
def test_whatever_comes_is_answered_with_a_line_and_the_connection_ends(
    soon: ServerThread, log_lines: StringIO, requests: list[bytes]
) -> None:
    log_lines.seek(0)
    log_lines.truncate()
    with ExitStack() as opened:
        connections = [opened.enter_context(soon.connect()) for _ in requests]
        for connection, request in zip(connections, requests, strict=True):
            connection.sendall(request)
        refused: list[int] = []
        for connection in connections:
            rest = drained(connection)
            while rest:
                answer = Answer(rest)
                rest = answer.rest
                if answer.status and answer.status >= 400:
                    refused.append(answer.status)
                    assert {"message", "error", "type"} <= set(answer.json)
    wait_for(lambda: len(logged(log_lines)) >= len(refused))
    assert sorted(logged(log_lines)) == sorted(refused)
    assert not any(status >= 500 for status in refused)
