"""Requests that ask for another protocol: the event is read, the upgrade ignored."""

import json
import time

import pytest

from tests.support.answers import ACCEPTED
from tests.support.door_server import (
    GET,
    HEAD,
    Answer,
    ServerThread,
    drained,
    good,
)
from tests.support.events import event, subscriber
from tests.support.function import TOKEN
from tests.support.scripted import ScriptedServer

JAVA = (
    b"POST /process-event HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Content-Length: %d\r\nHost: 127.0.0.1:18777\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\nUpgrade: h2c\r\n"
    b"User-Agent: Java-http-client/17.0.15\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
    b"Content-Type: application/json\r\n\r\n%b"
)
"""What Java 17's HttpClient sends, recorded in November 2026."""
UPGRADES = {
    "websocket": [
        b"Connection: close, Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ],
    "tls": [b"Connection: close, Upgrade", b"Upgrade: TLS/1.0"],
    "two protocols": [b"Upgrade: h2c, foo/2", b"Connection: upgrade", b"Connection: close"],
    "no protocol": [b"Connection: upgrade, close", b"Upgrade:"],
    "without Connection": [b"Upgrade: h2c", b"Connection: close"],
    "settings only": [b"Connection: HTTP2-Settings, close", b"HTTP2-Settings: AAEAAEAAAAI"],
    "many": [b"Connection: Upgrade, close", *[b"Upgrade: h2c"] * 40],
    "of 40 kB": [b"Connection: Upgrade, close", b"Upgrade: h2c", b"X: " + b"a" * 40_000],
}


def test_an_event_from_javas_client_is_applied(usual: ServerThread, system: ScriptedServer) -> None:
    body = json.dumps(event(imsi=subscriber(7))).encode()
    request = JAVA % (len(body), body)
    pieces = [request[at : at + 90] for at in range(0, len(request), 90)]
    with usual.connect() as connection:
        for each in pieces:
            connection.sendall(each)
            time.sleep(0.001)  # so that they come one by one
        connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = Answer(drained(connection))
    assert answer.json == ACCEPTED
    assert Answer(answer.rest).status == 200, "the connection is kept"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", UPGRADES)
def test_an_upgrade_is_ignored_and_the_event_applied(
    usual: ServerThread, system: ScriptedServer, name: str, chunked: bool
) -> None:
    number = 100 + list(UPGRADES).index(name) * 2 + chunked
    request = good(number, *UPGRADES[name])
    if chunked:
        body = json.dumps(event(imsi=subscriber(number))).encode()
        request = HEAD + b"\r\n".join([*UPGRADES[name], b"Transfer-Encoding: chunked", b"", b""])
        request += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    assert Answer(usual.exchange(request)).json == ACCEPTED
    assert len(system.requests) == 1


def test_upgrades_one_after_the_other_are_all_answered(usual: ServerThread) -> None:
    upgrade = b"GET /health HTTP/1.1\r\nHost: c\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n"
    assert usual.exchange(upgrade * 15 + last).count(b"HTTP/1.1 200 OK") == 16
