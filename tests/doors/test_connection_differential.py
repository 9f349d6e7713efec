"""The same bytes to uvicorn behind h11 and to ours: what both read, they read alike."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.doors.deadlines import Limits
from tests.support.door_server import Answer, ServerThread, drained

BARRIER = b"GET /barrier HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers what it has read."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    seen = [scope["method"], scope["path"], scope["query_string"].decode("latin-1"), body.hex()]
    content = json.dumps(seen).encode()
    headers = [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[ServerThread, ServerThread]]:
    with ServerThread(echo) as h11, ServerThread(echo, Limits()) as ours:
        yield h11, ours


def answers(server: ServerThread, request: bytes) -> list[Any]:
    """Status and echo of each answer, until the end of the bytes was read.

    One event loop serves all: when another connection was answered twice, the bytes were read.
    """
    with server.connect() as connection:
        connection.sendall(request)
        for _ in range(2):
            server.exchange(BARRIER)
        connection.shutdown(1)
        rest, found = drained(connection), []
    while rest:
        answer = Answer(rest)
        found.append((answer.status, json.loads(answer.body) if answer.status == 200 else None))
        rest = answer.rest
    return found


HOST = b" HTTP/1.1\r\nHost: c\r\n"
POST = b"POST /" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
ALIKE = {
    "a request": b"GET /a?b=c" + HOST + b"\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\n\r\n",
    "the whole server": b"OPTIONS *" + HOST + b"\r\n",
    "three requests": (b"GET /" + HOST + b"\r\n") * 3,
    "a request after a close": b"GET /" + HOST + b"Connection: close\r\n\r\nGET /" + HOST + b"\r\n",
    "a length": POST + b"Content-Length: 5\r\n\r\nhello",
    "a signed length": POST + b"Content-Length: +5\r\n\r\nhello",
    "no length": POST + b"\r\n",
    "chunks": CHUNKED + HELLO,
    "a chunk extension": CHUNKED + b'5;a="b"\r\nhello\r\n0\r\n\r\n',
    "a trailer": CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO,
    "another coding": POST + b"Transfer-Encoding: identity\r\n\r\nhello",
    "100-continue": POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n1",
    "another expectation": POST + b"Expect: x\r\nContent-Length: 1\r\n\r\n1",
    "h2c": POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello",
    "websocket": POST
    + b"Connection: upgrade\r\nUpgrade: websocket\r\n"
    + CHUNKED[len(POST) :]
    + HELLO,
    "a path with escapes": b"GET /%zz%C3%A9?a=%00" + HOST + b"\r\n",
    "bytes in a value": POST + b"X: \xff\r\n\r\n",
    "bytes in a path": b"GET /\xff" + HOST + b"\r\n",
    "NUL in a value": POST + b"X: \x00\r\n\r\n",
    "a blank in a name": POST + b"X Y: a\r\n\r\n",
    "a blank before the colon": POST + b"X : a\r\n\r\n",
    "no colon": POST + b"X\r\n\r\n",
    "a chunk without a size": CHUNKED + b"x\r\n",
    "an answer": b"HTTP/1.1 200 OK\r\n\r\n",
}
# h11's statuses and ours. Where ours is stricter, both sides of a proxy cannot disagree.
DIFFERENT = {
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", [400], [200]),
    "two Hosts": (POST + b"Host: b\r\n\r\n", [400], [200]),
    "HTTP/0.9": (b"GET /\r\n\r\n", [400], [200]),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: c\r\n\r\n", [200], [400]),
    "blank lines first": (b"\r\n\r\n" + POST + b"\r\n", [400], [200]),
    "two blanks": (b"GET  /" + HOST + b"\r\n", [400], [200]),
    "lines that end in LF": (b"GET / HTTP/1.1\nHost: c\n\n", [200], [400]),
    "a folded header": (POST + b"X: a\r\n b\r\n\r\n", [200], [400]),
    "a control character": (POST + b"X: \x01\r\n\r\n", [200], [400]),
    "an unknown method": (b"BREW /" + HOST + b"\r\n", [200], [400]),
    "a method in small letters": (b"get /" + HOST + b"\r\n", [200], [400]),
    "a path without slash": (b"GET a" + HOST + b"\r\n", [200], [400]),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [200, 400], [400]),
    "the same length twice": (POST + b"Content-Length: 0\r\n" * 2 + b"\r\n", [200], [400]),
    "length and chunks": (CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n" + HELLO, [200], [400]),
    "two codings": (POST + b"Transfer-Encoding: a, chunked\r\n\r\n" + HELLO, [400], [200]),
    "a body without length": (POST + b"\r\nhello", [200], [200, 400]),
}


@pytest.mark.parametrize("name", ALIKE)
def test_both_servers_give_the_same_answers(
    servers: tuple[ServerThread, ServerThread], name: str
) -> None:
    h11, ours = (answers(server, ALIKE[name]) for server in servers)
    assert ours == h11


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_differences_are_known(servers: tuple[ServerThread, ServerThread], name: str) -> None:
    request, *statuses = DIFFERENT[name]
    found = [[status for status, _ in answers(server, request)] for server in servers]
    assert found == statuses


PIECES = (
    b"\r\n \t\r \n \x00 \xff : , ; 0 5 a GET POST HTTP/1.1 Connection: close upgrade Upgrade: h2c "
    b"Content-Length: Transfer-Encoding: chunked Expect: 100-continue"
).split(b" ")
EDITS = st.tuples(st.floats(0, 1), st.integers(0, 6), st.sampled_from(PIECES))


def edited(base: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for where, cut, put in edits:
        at = int(where * len(base))
        base = base[:at] + put + base[at + cut :]
    return base


REQUESTS = st.builds(
    edited,
    st.sampled_from([*ALIKE.values(), *(request for request, _, _ in DIFFERENT.values())]),
    st.lists(EDITS, max_size=3),
)


@given(REQUESTS)
@settings(max_examples=150)
def test_what_both_servers_accept_they_read_alike(
    servers: tuple[ServerThread, ServerThread], request: bytes
) -> None:
    h11, ours = (answers(server, request)[:1] for server in servers)
    assert not ours or ours[0][0] < 500
    if h11 and ours and (h11[0][0], ours[0][0]) == (200, 200):
        method, path, query, body = h11[0][1]
        if path.startswith("/") and "#" not in path + query:  # h11 keeps the fragment
            assert ours[0][1] == [method, path, query, body]
