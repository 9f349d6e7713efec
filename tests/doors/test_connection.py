"""Requests that end before the application has them: each limit, each answer."""

import json
import os
import resource
import socket
import time
from io import StringIO

import pytest

from connector import log
from connector.doors.bad_request import FAULTS
from connector.doors.connection import Connection
from connector.doors.deadlines import Limits
from tests.support.answers import ACCEPTED
from tests.support.door_server import (
    CHUNKED,
    HEAD,
    MARK,
    Answer,
    ServerThread,
    door_app,
    drained,
    good,
    lines,
    status_of_ours,
    wait_for,
    warnings,
)
from tests.support.events import event, subscriber
from tests.support.function import TOKEN, environment
from tests.support.scripted import ScriptedServer

CLOSE = b"Connection: close\r\n"
TOO_MUCH = {
    "bytes that are not HTTP": (400, MARK * 20),
    "a TLS greeting": (400, bytes.fromhex("1603010200010001fc0303") + MARK),
    "the preface of HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a header without a name": (400, HEAD + b": " + MARK + b"\r\n\r\n"),
    "two lengths": (400, HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "a chunk without a size": (400, CHUNKED + MARK + b"\r\n"),
    "a long URL": (414, b"POST /" + MARK * 2000 + b" HTTP/1.1\r\n\r\n"),
    "a URL without end": (414, b"POST /" + MARK * 2000),
    "headers of 70 kB": (431, HEAD + (b"X: " + MARK * 160 + b"\r\n") * 70 + b"\r\n"),
    "a header of 70 kB without end": (431, HEAD + b"X: " + MARK * 12_000),
    "a header name without end": (431, HEAD + MARK * 12_000),
    "101 headers": (431, HEAD + b"X: m4rk3d\r\n" * 99 + b"\r\n"),
    "small headers without end": (431, HEAD + b"m4rk3d:1\r\n" * 30_000),
    "a trailer without end": (431, CHUNKED + b"0\r\n" + b"m4rk3d:1\r\n" * 30_000),
    "a field of a trailer without end": (431, CHUNKED + b"0\r\nX: " + MARK * 50_000),
    "a chunk extension without end": (431, CHUNKED + b"5;" + MARK * 50_000),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_malformed_or_too_large_gets_our_answer_and_one_line(
    usual: ServerThread, written: StringIO, name: str
) -> None:
    status, request = TOO_MUCH[name]
    assert status_of_ours(usual.exchange(request)) == status
    assert [line["status"] for line in warnings(written, 1)] == [status]


def test_the_largest_head_that_is_allowed_is_read(usual: ServerThread) -> None:
    filler = b"X: " + b"a" * 60_000
    assert Answer(usual.exchange(good(1, filler, b"Connection: close"))).json == ACCEPTED
    many = [b"X: a"] * 96 + [b"Connection: close"]
    assert Answer(usual.exchange(good(2, *many))).json == ACCEPTED


def test_a_trailer_is_read_and_dropped(usual: ServerThread) -> None:
    body = json.dumps(event(imsi=subscriber(3))).encode()
    request = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
    request += b"%x;a=b;c\r\n%b\r\n0;d\r\nX: y\r\nAuthorization: Bearer x\r\n\r\n" % (
        len(body),
        body,
    )
    assert Answer(usual.exchange(request)).json == ACCEPTED


def test_a_trailer_is_no_header(usual: ServerThread) -> None:
    """It comes before the application has checked the token."""
    head = CHUNKED.replace(b"Authorization: Bearer " + TOKEN.encode(), b"Connection: close")
    trailer = f"Authorization: Bearer {TOKEN}\r\n".encode()
    assert Answer(usual.exchange(head + b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n")).status == 401


def test_a_sender_without_end_gets_its_answer_and_takes_no_memory(
    scripted: ScriptedServer, written: StringIO
) -> None:
    """What comes after the answer is thrown away; 30 MB took 720 MB before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    app = door_app(environment(scripted.url))
    log.configure("INFO", written)
    with ServerThread(app, Limits(linger=60)) as server, server.connect() as connection:
        connection.sendall(HEAD)
        for _ in range(20):
            connection.sendall(b"a:1\r\n" * 100_000)
        connection.shutdown(socket.SHUT_WR)
        assert status_of_ours(drained(connection)) == 431
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "in KB"


EARLY = {
    "a bad token": (401, HEAD.replace(TOKEN.encode(), b"no")),
    "no token": (401, b"POST / HTTP/1.1\r\nHost: c\r\n"),
    "a bad method": (405, HEAD.replace(b"POST", b"OPTIONS")),
    "a large event": (413, HEAD),
}


@pytest.mark.parametrize("old", [False, True], ids=["close", "HTTP/1.0"])
def test_an_early_answer_leaves_the_sender_time_to_read_it(
    scripted: ScriptedServer, written: StringIO, old: bool
) -> None:
    """Closed at once, TCP resets the connection, and nginx makes a 502 of our 401 and 413."""
    app = door_app(environment(scripted.url))
    log.configure("INFO", written)
    with ServerThread(app, Limits(linger=60)) as server:
        for name, (status, head) in EARLY.items():
            request = head.replace(b"HTTP/1.1", b"HTTP/1.0") if old else head + CLOSE
            request += b"Content-Length: 12000000\r\n\r\n" + b"a" * 100_000
            with server.connect() as connection:
                connection.sendall(request)
                answer = drained(connection)
                assert status_of_ours(answer) == status, name
                for _ in range(10):
                    connection.sendall(b"a" * 100_000)
                    time.sleep(0.002)


def test_a_sender_that_does_not_stop_after_an_early_answer_is_cut_off(soon: ServerThread) -> None:
    with soon.connect() as connection:
        connection.sendall(EARLY["no token"][1] + CLOSE + b"Content-Length: 12000000\r\n\r\n")
        assert status_of_ours(drained(connection)) == 401
        with pytest.raises(ConnectionError):
            for _ in range(3000):
                connection.sendall(b"a")
                time.sleep(0.01)


def test_an_idle_connection_is_kept_until_the_deadline_of_a_head(usual: ServerThread) -> None:
    """The server's own limit is 0 s here; under gunicorn it is 2 s."""
    with usual.connect() as connection:
        for number in (12, 13):
            connection.sendall(good(number))
            answer = b""
            while not answer.endswith(b"}"):
                received = connection.recv(65536)
                assert received, "the connection was closed"
                answer += received
            assert Answer(answer).json == ACCEPTED
            time.sleep(0.1)


@pytest.mark.parametrize("target", [b"example.com:443", b"/"])
def test_connect_is_not_allowed(usual: ServerThread, written: StringIO, target: bytes) -> None:
    answer = Answer(usual.exchange(b"CONNECT " + target + b" HTTP/1.1\r\nHost: c\r\n\r\n" + MARK))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["connection"] == "close"
    assert [line["method"] for line in lines(written)] == ["CONNECT"]


@pytest.mark.parametrize("url", [b"http://c/a", b"HTTP://c", b"http://c?a=b", b"https://c:1/"])
def test_a_whole_url_is_a_path(usual: ServerThread, url: bytes) -> None:
    request = good(8, b"Connection: close").replace(b"POST / ", b"POST " + url + b" ")
    assert Answer(usual.exchange(request)).status == 202


def test_options_of_the_whole_server_are_not_allowed(usual: ServerThread) -> None:
    request = b"OPTIONS * HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n"
    assert Answer(usual.exchange(request)).status == 405


def test_100_continue_is_sent_to_those_that_know_it(usual: ServerThread) -> None:
    request = good(9, b"Expect: 100-continue", b"Connection: close")
    assert usual.exchange(request).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 ")
    old = request.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert usual.exchange(old).startswith(b"HTTP/1.1 202 ")


def test_every_fault_is_caused_by_a_test(usual: ServerThread) -> None:
    caused = {status for status, _ in TOO_MUCH.values()} | {408, 429}
    assert {fault.status for fault in FAULTS} == caused


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a limit of descriptors")
def test_no_descriptor_left_is_logged_once_a_minute(usual: ServerThread, written: StringIO) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only
    held: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limit[1]))
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                held.append(os.dup(2))
        wait_for(written.getvalue)
        time.sleep(10 * 0.02)
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    (line,) = [each for each in lines(written) if each.get("connector") == usual.name]
    assert "no descriptor left" in line["message"]
    assert Answer(usual.exchange(good(10, b"Connection: close"))).json == ACCEPTED


def test_the_connection_is_uvicorns_own_but_for_what_it_names() -> None:
    """If uvicorn gives one of these up, or adds callbacks, the class must be looked at again."""
    base = Connection.__mro__[1]
    changed = {name for name in vars(Connection) if name in vars(base) and name[:2] != "__"}
    assert changed == {
        "connection_made",
        "data_received",
        "on_message_begin",
        "on_url",
        "on_header",
        "on_headers_complete",
        "timeout_keep_alive_handler",
        "on_body",
        "on_message_complete",
        "on_response_complete",
        "pause_writing",
        "resume_writing",
        "_should_upgrade",
    }
