"""A connection that receives any bytes, at any time and in any pieces."""

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from connector.systems.http.connection import HttpConnection
from connector.systems.http.transport import whole
from tests.support.peer import DEADLINE

OK = b"HTTP/1.1 200 OK\r\n"
SHORT = OK + b"Content-Length: 2\r\n\r\nok"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
MOST = 10_000


class Wire(asyncio.Transport):
    """A transport that accepts every request; the test itself gives the connection its bytes."""

    closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Accept the data and forget it."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing


def connected() -> tuple[HttpConnection, Wire]:
    connection, wire = HttpConnection(MOST), Wire()
    connection.connection_made(wire)
    return connection, wire


async def asked(connection: HttpConnection) -> asyncio.Task[httpx.Response]:
    exchange = asyncio.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    return exchange


@dataclass(frozen=True)
class Message:
    """A reply: the pieces in which it comes, and its status, headers and unpacked body."""

    pieces: list[bytes]
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


NAMES = st.from_regex(rb"X-[!#$%&'*+.^_`|~0-9A-Za-z-]{0,9}", fullmatch=True)
VALUES = st.from_regex(rb"([!-~]([ \t!-~]{0,20}[!-~])?)?", fullmatch=True)
INTERIM = st.sampled_from(
    [b"HTTP/1.1 100 Continue\r\n\r\n", EARLY, b"HTTP/1.1 199 \r\nX: 1\r\n\r\n"]
)
EXTENSIONS = st.sampled_from([b"", b";a", b';a="b;\\"c"', b";a=b;c=d"])
PACKERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"identity": bytes,
}


def cut(body: bytes, places: list[int]) -> Iterator[bytes]:
    """Cut a body at these places into pieces that are not empty."""
    marks = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return (body[start:end] for start, end in pairwise(marks))


PLACES = st.lists(st.integers(0, 5000), max_size=20)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    status = draw(st.integers(200, 599).filter(lambda status: status not in (204, 304)))
    headers = draw(st.lists(st.tuples(NAMES, VALUES), max_size=5))
    body = draw(st.binary(max_size=500))
    encoding = draw(st.sampled_from([*PACKERS, None]))
    content = PACKERS[encoding](body) if encoding else body
    if encoding:
        headers.append((b"Content-Encoding", encoding))
    if draw(st.booleans()):
        headers.append((b"Transfer-Encoding", b"chunked"))
        chunks = [*cut(content, draw(PLACES)), b""]
        sizes = (b"%x%b\r\n" % (len(chunk), draw(EXTENSIONS)) for chunk in chunks)
        content = b"".join(b"%b%b\r\n" % pair for pair in zip(sizes, chunks, strict=True))
    else:
        headers.append((b"Content-Length", b"%d" % len(content)))
    headers = draw(st.permutations(headers))
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    raw = b"".join(draw(st.lists(INTERIM, max_size=2)))
    raw += b"HTTP/1.1 %d Whatever\r\n%b\r\n%b" % (status, lines, content)
    places = list(range(len(raw))) if draw(st.booleans()) else draw(PLACES)
    return Message(list(cut(raw, places)), status, headers, body)


@given(sent=st.lists(messages(), min_size=1, max_size=3))
async def test_a_reply_is_the_same_in_any_pieces(sent: list[Message]) -> None:
    connection, _ = connected()
    for message in sent:
        exchange = await asked(connection)
        for piece in message.pieces:
            assert not exchange.done()
            assert not connection.reusable
            connection.data_received(piece)
        response = await exchange
        assert connection.reusable
        assert (response.status_code, response.headers.raw) == (message.status, message.headers)
        assert whole(response.stream) == message.body


FRAGMENTS = st.sampled_from(
    [
        OK,
        EARLY,
        SHORT,
        CHUNKED,
        b"HTTP/1.1 204 \r\n\r\n",
        b"HTTP/1.1 101 \r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 20000\r\n\r\n",
        b"HttpConnection: close\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: br\r\n",
        b"X: \xff\r\n",
        b"X: 1\r\n" * 101,
        b"\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        gzip.compress(b"a" * 20_000),
        b"a" * 20_000,
    ]
)
SOME = st.lists(FRAGMENTS | st.binary(min_size=1, max_size=50), min_size=1, max_size=4)
NOISE = st.lists(SOME.map(b"".join), max_size=4) | st.just([SHORT])


async def call(
    connection: HttpConnection, wire: Wire, pieces: list[bytes], error: Exception | None
) -> None:
    """Make a call that gets these pieces; if they do not end it, `connection_lost` does."""
    exchange = await asked(connection)
    for piece in pieces:
        connection.data_received(piece)
    await asyncio.wait([exchange], timeout=0)
    if not exchange.done():
        wire.closing = True
        connection.connection_lost(error)
    try:
        response = await asyncio.wait_for(exchange, DEADLINE)
        assert len(whole(response.stream)) <= MOST
    except httpx.RequestError:
        assert not connection.reusable


@settings(max_examples=300)
@given(
    before=NOISE | st.just([]),
    during=NOISE,
    after=NOISE,
    error=st.sampled_from([None, OSError("reset")]),
)
async def test_a_call_ends_in_a_reply_or_an_error_for_any_bytes_at_any_time(
    before: list[bytes], during: list[bytes], after: list[bytes], error: Exception | None
) -> None:
    connection, wire = connected()
    for piece in before:
        connection.data_received(piece)
    assert connection.reusable is not bool(before)
    await call(connection, wire, during, error)
    await call(connection, wire, after, error)
    if not wire.closing:
        wire.closing = True
        connection.connection_lost(error)
    assert not connection.reusable
    with pytest.raises(httpx.ConnectError):
        await asyncio.wait_for(await asked(connection), DEADLINE)
