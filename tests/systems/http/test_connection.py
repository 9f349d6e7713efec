"""One connection: the end of a reply, its size, its encoding, and when to reuse the connection."""

import asyncio
import gzip
import zlib
from functools import reduce

import httpx
import pytest

from connector.systems.http.connection import HttpConnection
from connector.systems.http.faults import TooLarge
from connector.systems.http.transport import whole
from tests.support.peer import Arrived, Peer, call, replies, transport_to, until

OK = b"HTTP/1.1 200 OK\r\n"
SHORT = OK + b"Content-Length: 2\r\n\r\nok"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
MOST = 10_000


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


# The end of a reply


FRAMED = {
    "a length": (SHORT, b"ok"),
    "no reason": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", b"ok"),
    "a length of zero": (OK + b"Content-Length: 0\r\n\r\n", b""),
    "chunks": (CHUNKED + b"3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n", b"abc0123456789"),
    "no chunk": (CHUNKED + b"0\r\n\r\n", b""),
    "extensions": (CHUNKED + b'3;a=b;c="d; e"\r\nabc\r\n0;last\r\n\r\n', b"abc"),
    "trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Time: 2\r\n\r\n", b"abc"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\n" + SHORT, b"ok"),
    "many interim": (EARLY + b"HTTP/1.1 102 Processing\r\n\r\n" + EARLY + SHORT, b"ok"),
    "1.0": (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    "an upgrade offered": (OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + SHORT[17:], b"ok"),
}


@pytest.mark.parametrize(("raw", "body"), FRAMED.values(), ids=FRAMED)
async def test_a_reply_with_a_clear_end_leaves_the_connection_reusable(
    raw: bytes, body: bytes
) -> None:
    async with Peer(replies(raw)) as peer, transport_to(peer.url) as transport:
        for _ in range(3):
            response = await call(transport, peer.url)
            assert whole(response.stream) == body
            assert response.status_code in (200, 204, 304)
            assert "link" not in response.headers
    assert peer.connections == 1


ENDED = {
    "close": OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
    "close among others": OK + b"Connection: x, Close\r\nContent-Length: 2\r\n\r\nok",
    "close of chunks": OK + b"Connection: close\r\n" + CHUNKED[17:] + b"2\r\nok\r\n0\r\n\r\n",
    "1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a second reply": SHORT + SHORT,
    "a second reply to chunks": CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + SHORT,
    "the first byte of a second reply": SHORT + b"H",
    "an interim reply too late": SHORT + EARLY,
    "a byte that is not a reply": SHORT + b"\0",
    "LF in the head": OK + b"X: 1\n" + SHORT[17:],
    "a folded header": OK + b"X: 1\r\n 2\r\n" + SHORT[17:],
    "a length given twice": OK + b"Content-Length: 2\r\n" + SHORT[17:],
    "no transfer encoding": OK + b"Transfer-Encoding: identity\r\n" + SHORT[17:],
    "LF after a chunk": CHUNKED + b"2\r\nok\n0\r\n\r\n",
    "LF at the end": CHUNKED + b"2\r\nok\r\n0\r\n\n",
}


@pytest.mark.parametrize("raw", ENDED.values(), ids=ENDED)
async def test_a_reply_that_closes_or_has_an_unclear_end_needs_a_new_connection(
    raw: bytes,
) -> None:
    async with Peer(replies(raw, SHORT)) as peer, transport_to(peer.url) as transport:
        assert whole((await call(transport, peer.url)).stream) == b"ok"
        await peer.opened(0)
        assert whole((await call(transport, peer.url)).stream) == b"ok"
    assert [request.connection for request in peer.requests] == [1, 2]


@pytest.mark.parametrize("pieces", [(), (b"a" * 100,), (b"a" * 200_000, b"b" * 200_000, b"c")])
async def test_a_body_without_a_length_ends_with_the_connection(pieces: tuple[bytes, ...]) -> None:
    async def answer(request: Arrived) -> None:
        await request.reply(OK + b"X-Name: 1\r\n\r\n", *pieces)
        await request.close()

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        response = await call(transport, peer.url)
        assert (response.status_code, response.headers["x-name"]) == (200, "1")
        assert whole(response.stream) == b"".join(pieces)
        assert whole((await call(transport, peer.url)).stream) == b"".join(pieces)
    assert peer.connections == 2


@pytest.mark.parametrize("body", [b"", b"a" * 100, b"a" * 200_000])
async def test_a_reset_during_a_body_without_a_length_is_a_read_error(body: bytes) -> None:
    async def answer(request: Arrived) -> None:
        await request.reply(OK + b"\r\n" + body)
        request.reset()

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.ReadError):
            await call(transport, peer.url)


CUT = {
    "nothing": b"",
    "the status": OK,
    "headers": OK + b"X-Name: 1\r\n",
    "a length": SHORT[:-1],
    "chunks": CHUNKED + b"2\r\nok\r\n",
    "the last chunk": CHUNKED + b"2\r\nok\r\n0\r\n",
    "interim": EARLY,
    "interim and more": EARLY + OK,
}


@pytest.mark.parametrize("raw", CUT.values(), ids=CUT)
async def test_a_connection_that_ends_before_the_reply_is_a_read_error(raw: bytes) -> None:
    async def answer(request: Arrived) -> None:
        await request.reply(raw)
        await request.close()

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.ReadError):
            await call(transport, peer.url)
    assert len(peer.requests) == 1


UNSOUND = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 7\r\n\r\nok",
    "a length and chunks": OK + b"Content-Length: 2\r\n" + CHUNKED[17:] + b"2\r\nok\r\n0\r\n\r\n",
    "a malformed length": OK + b"Content-Length: +2\r\n\r\nok",
    "a malformed chunk size": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "a chunk longer than it says": CHUNKED + b"1\r\nok\r\n0\r\n\r\n",
    "a NUL": OK + b"X-Name: a\0b\r\n" + SHORT[17:],
    "an upgrade": b"HTTP/1.1 101 \r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + SHORT,
    "an upgrade to nothing": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
}


@pytest.mark.parametrize("raw", UNSOUND.values(), ids=UNSOUND)
async def test_a_malformed_reply_is_a_protocol_error_and_closes_the_connection(raw: bytes) -> None:
    async with Peer(replies(raw, SHORT)) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await call(transport, peer.url)
        await peer.opened(0)
        assert whole((await call(transport, peer.url)).stream) == b"ok"


async def test_a_reply_without_a_request_makes_the_connection_unusable() -> None:
    later = asyncio.Event()

    async def answer(request: Arrived) -> None:
        await request.reply(SHORT)
        if request.connection == 1:
            await later.wait()
            await request.reply(SHORT)

    async with Peer(answer) as peer:
        connect = asyncio.get_running_loop().create_connection
        _, connection = await connect(lambda: HttpConnection(MOST), "127.0.0.1", peer.port)
        await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.reusable
        later.set()
        await until(lambda: not connection.reusable)
        connection.close()


async def test_a_closing_connection_sends_no_request() -> None:
    """The loop closes the transport like this if the system closes the connection.

    It calls `connection_lost` one turn later. A request written in between would be lost, but
    count as sent.
    """
    async with Peer(replies(SHORT)) as peer:
        connect = asyncio.get_running_loop().create_connection
        transport, connection = await connect(lambda: HttpConnection(MOST), "127.0.0.1", peer.port)
        assert connection.reusable
        transport.close()
        assert not connection.reusable
        with pytest.raises(httpx.ConnectError):
            await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("trailer", [b"X-Sum: 1", b"Content-Encoding: br", b"Retry-After: 60"])
async def test_trailers_are_not_merged_into_the_headers(trailer: bytes) -> None:
    """RFC 9110, 6.5.1: a trailer may be merged only if its definition allows that."""
    raw = CHUNKED + b"2\r\nok\r\n0\r\n" + trailer + b"\r\n\r\n"
    async with Peer(replies(raw)) as peer, transport_to(peer.url) as transport:
        response = await call(transport, peer.url)
    assert list(response.headers) == ["transfer-encoding"]


# The size of a reply


def sized(kind: str, body: bytes) -> bytes:
    if kind == "length":
        return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    if kind == "chunks":
        return CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    if kind == "connection":
        return OK + b"\r\n" + body
    packed = gzip.compress(body)
    return OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


@pytest.mark.parametrize("kind", ["length", "chunks", "connection", "gzip"])
async def test_a_body_larger_than_the_limit_is_too_large(kind: str) -> None:
    async def answer(request: Arrived) -> None:
        body = b"a" * (MOST + len(peer.requests) - 1)
        await request.reply(sized(kind, body))
        if kind == "connection" and len(body) == MOST:
            await request.close()  # a larger body is refused before its end

    async with Peer(answer) as peer, transport_to(peer.url, MOST) as transport:
        assert whole((await call(transport, peer.url)).stream) == b"a" * MOST
        with pytest.raises(TooLarge):
            await call(transport, peer.url)
        await peer.opened(0)


async def test_the_limit_counts_each_reply_alone() -> None:
    raw = OK + b"Content-Length: 400000\r\n\r\n" + b"a" * 400_000
    async with Peer(replies(raw)) as peer, transport_to(peer.url, 400_000) as transport:
        for _ in range(5):
            assert len(whole((await call(transport, peer.url)).stream)) == 400_000
    assert peer.connections == 1


ENDLESS = {
    "body": (OK + b"\r\n", b"a" * 1000),
    "headers": (OK, b"X: " + b"a" * 1000),
    "interim": (b"", EARLY),
    "chunks": (CHUNKED, b"1;" + b"a" * 1000 + b"\r\na\r\n"),
    "trailers": (CHUNKED + b"0\r\nX: ", b"a" * 1000),
}


@pytest.mark.parametrize(("head", "more"), ENDLESS.values(), ids=ENDLESS)
async def test_a_reply_without_an_end_is_too_large(head: bytes, more: bytes) -> None:
    async def answer(request: Arrived) -> None:
        await request.reply(head)
        while True:
            await request.reply(more * 10)

    async with Peer(answer) as peer, transport_to(peer.url, MOST) as transport:
        with pytest.raises(TooLarge):
            await call(transport, peer.url)
        await peer.opened(0)


async def test_the_headers_of_a_reply_are_limited_by_their_bytes() -> None:
    def raw(length: int) -> bytes:
        return OK + b"X: 1\r\n" * ((length - 40) // 6) + b"Content-Length: 0\r\n\r\n"

    async with Peer(replies(raw(300_000), raw(300_100))) as peer, transport_to(peer.url) as wire:
        assert len((await call(wire, peer.url)).headers.raw) > 40_000
        with pytest.raises(TooLarge):
            await call(wire, peer.url)


# Compressed bodies


def packed(encoding: bytes, body: bytes) -> bytes:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return OK + b"Content-Encoding: " + encoding + b"\r\n" + length + body


BODY = b'{"result": true}' * 50


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", gzip.compress(BODY)),
        (b"GZip ", gzip.compress(BODY)),
        (b"x-gzip", gzip.compress(BODY)),
        (b"deflate", zlib.compress(BODY)),
        (b"identity", BODY),
        (b"deflate\r\nContent-Encoding: gzip", gzip.compress(zlib.compress(BODY))),
    ],
    ids="gzip case x-gzip deflate identity both".split(),
)
async def test_a_compressed_body_is_unpacked(encoding: bytes, body: bytes) -> None:
    async with Peer(replies(packed(encoding, body))) as peer, transport_to(peer.url) as transport:
        for _ in range(2):
            assert whole((await call(transport, peer.url)).stream) == BODY
    assert peer.connections == 1


async def test_an_empty_body_with_a_content_encoding_is_empty() -> None:
    async with Peer(replies(packed(b"gzip", b""))) as peer, transport_to(peer.url) as transport:
        assert whole((await call(transport, peer.url)).stream) == b""


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"br", b"\x0b\x02\x80ok\x03"),
        (b"zstd", b"(\xb5/\xfd \x02\x11\x00\x00ok"),
        (b"gzip, br", gzip.compress(BODY)),
        (b"gzip", gzip.compress(BODY)[:-1]),
        (b"gzip", gzip.compress(BODY)[:20]),
        (b"gzip", gzip.compress(BODY)[:-8] + b"\0" * 8),
        (b"deflate", zlib.compress(BODY)[:-1]),
        (b"deflate", BODY),
        (b"gzip", gzip.compress(b"") * 101),
        (b"gzip, " * 6, reduce(lambda body, _: gzip.compress(body), range(6), BODY)),
    ],
    ids="br zstd two cut shorter sum deflate plain members codings".split(),
)
async def test_a_body_that_cannot_be_unpacked_is_a_decoding_error(
    encoding: bytes, body: bytes
) -> None:
    async with Peer(replies(packed(encoding, body))) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.DecodingError):
            await call(transport, peer.url)
        await peer.opened(0)
