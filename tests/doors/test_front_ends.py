"""The function behind a real front end, as in Docker Swarm: nginx, HAProxy, Apache, Caddy."""

import itertools
import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from connector.doors.bad_request import HEAD_TOO_LARGE
from tests.support.answers import ACCEPTED, UNAUTHORIZED
from tests.support.door_server import Answer, drained
from tests.support.events import event, subscriber
from tests.support.function import TOKEN, Function
from tests.support.real_servers import PROXIES, RealServer, running
from tests.support.scripted import ScriptedServer

UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAA")
CLOSE = b"Connection: close"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
USUAL = ("/process-event",)
PATHS = {"nginx": ("/process-event", "/streamed/process-event", "/http10/process-event")}
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=PROXIES)
def front(request: pytest.FixtureRequest, function: Function) -> Iterator[RealServer]:
    with running(request.param, function.port) as started:
        yield started


@pytest.fixture
def client(front: RealServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=front.url, trust_env=False, timeout=60) as opened:
        yield opened


def body(padding: int = 0) -> bytes:
    return json.dumps(event(imsi=subscriber(next(_NUMBERS)))).encode() + b" " * padding


def exchange(front: RealServer, request: bytes, *rest: bytes) -> bytes:
    """Send bytes, with a pause before each that follows; all that comes back."""
    with socket.create_connection(("127.0.0.1", front.ports.http), 30) as connection:
        connection.sendall(request)
        for piece in rest:
            time.sleep(0.02)
            connection.sendall(piece)
        return drained(connection)


def post(content: bytes, *headers: bytes) -> bytes:
    lines = (
        b"POST /process-event HTTP/1.1",
        b"Host: 127.0.0.1",
        f"Authorization: Bearer {TOKEN}".encode(),
        b"Content-Length: %d" % len(content),
        *headers,
    )
    return b"\r\n".join([*lines, b"", content])


def test_an_event_that_asks_for_http_2(front: RealServer, system: ScriptedServer) -> None:
    sent = exchange(front, post(body(), *UPGRADE) + post(body(), CLOSE))
    first = Answer(sent)
    assert (first.status, first.json) == (202, ACCEPTED)
    assert Answer(first.rest).json == ACCEPTED
    assert len(system.requests) == 2


def test_events_of_a_megabyte_over_one_connection(
    front: RealServer, client: httpx.Client, system: ScriptedServer
) -> None:
    for path in PATHS.get(front.name, USUAL):
        for size in (0, 950_000, 0):
            for content in (body(size), iter([body(size)])):
                answer = client.post(path, content=content, headers=AUTHORIZED)
                assert (answer.status_code, answer.json()) == (202, ACCEPTED), path


def test_an_event_that_comes_slowly(front: RealServer, system: ScriptedServer) -> None:
    whole = post(body(), CLOSE)
    pieces = [whole[at : at + 100] for at in range(0, len(whole), 100)]
    assert Answer(exchange(front, *pieces)).json == ACCEPTED


def test_the_answer_to_a_bad_token_is_the_functions(
    front: RealServer, client: httpx.Client, system: ScriptedServer
) -> None:
    for token in ("", "Bearer no"):
        answer = client.post("/process-event", content=body(), headers={"Authorization": token})
        assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert system.requests == []


def test_the_answer_to_a_long_head_is_the_functions(
    front: RealServer, client: httpx.Client, system: ScriptedServer
) -> None:
    long = AUTHORIZED | {"X-Long": "a" * 70_000}
    for content in (body(), body(900_000)):
        answer = client.post("/process-event", content=content, headers=long)
        assert (answer.status_code, answer.json()["error"]) == (431, HEAD_TOO_LARGE.text)
    assert client.post("/process-event", content=body(), headers=AUTHORIZED).json() == ACCEPTED


def test_the_answer_to_a_large_event_is_the_functions(
    front: RealServer, client: httpx.Client, system: ScriptedServer
) -> None:
    for path in PATHS.get(front.name, USUAL):
        answer = client.post(path, content=body(12_000_000), headers=AUTHORIZED)
        assert answer.status_code == 413, path
        assert answer.json()["message"] == "Event too large"
    assert system.requests == []
