"""What is known of a request over HTTP/2 that got no usable reply."""

import asyncio
import gzip

import httpx
import pytest
from h2.errors import ErrorCodes

from connector.outcome import Outcome
from connector.system import End
from connector.systems.guard import Progress
from connector.systems.http.faults import Cut, Packed, TooLarge, Unreadable
from connector.systems.http.outcomes import of_exception
from connector.systems.http.transport import whole
from tests.support.http2_peer import JSON, Answer, Asked, Http2Peer, http2_to
from tests.support.peer import Arrived, Peer, call, replies, until


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


async def failure(answer: Answer, most_bytes: int = 1_000_000) -> httpx.RequestError:
    """The error of a call whose request this answers."""
    async with Http2Peer(answer) as peer, http2_to(peer.url, most_bytes) as transport:
        with pytest.raises(httpx.RequestError) as caught:
            await call(transport, peer.url)
    return caught.value


async def test_a_refused_stream_was_not_carried_out() -> None:
    async def refuse(asked: Asked) -> None:
        asked.reset(ErrorCodes.REFUSED_STREAM)

    error = await failure(refuse)
    assert of_exception(error) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert str(error) == "the system did not take the request"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ErrorCodes.INTERNAL_ERROR, "request reset by the system"),
        (ErrorCodes.CANCEL, "request reset by the system"),
        (ErrorCodes.HTTP_1_1_REQUIRED, "the system wants HTTP/1.1 for this request"),
        (ErrorCodes.ENHANCE_YOUR_CALM, "the system wants fewer requests"),
    ],
)
async def test_a_reset_stream_may_have_been_carried_out(code: ErrorCodes, words: str) -> None:
    async def reset(asked: Asked) -> None:
        asked.reset(code)

    error = await failure(reset)
    assert of_exception(error) == (Outcome.UNAVAILABLE, End.UNKNOWN)
    assert str(error) == f"{words} before the end of the reply"


async def test_a_lost_connection_leaves_the_end_unknown() -> None:
    async def lose(asked: Asked) -> None:
        asked.connection.transport.abort()

    error = await failure(lose)
    assert of_exception(error) == (Outcome.UNAVAILABLE, End.UNKNOWN)
    assert not isinstance(error, Cut)


async def test_a_reply_that_is_cut_is_told_from_silence() -> None:
    async def cut(asked: Asked) -> None:
        asked.begin(202)
        asked.connection.transport.close()

    error = await failure(cut)
    assert isinstance(error, Cut)
    assert error.status == 202


async def test_a_reply_that_is_reset_is_cut() -> None:
    async def cut(asked: Asked) -> None:
        asked.begin()
        await asyncio.sleep(0.05)
        asked.reset(ErrorCodes.INTERNAL_ERROR)

    assert isinstance(await failure(cut), Cut)


async def test_go_away_tells_which_requests_were_not_carried_out() -> None:
    """The reply to the request that the system has taken still comes; h2 alone would refuse it."""
    both = asyncio.Event()

    async def go_away(asked: Asked) -> None:
        if asked.stream == 3:
            asked.go_away(last=1)
            both.set()
        if asked.stream == 1 and len(peer.connections) == 1:
            await both.wait()
            await asyncio.sleep(0.05)
            await asked.reply(body=b"the first")
        if len(peer.connections) == 2:
            await asked.reply(body=b"the third")

    async with Http2Peer(go_away) as peer, http2_to(peer.url) as transport:
        first = asyncio.create_task(call(transport, peer.url))
        await until(lambda: len(peer.requests) == 1)
        with pytest.raises(httpx.ConnectError, match="did not take"):
            await call(transport, peer.url)
        third = await call(transport, peer.url)
        assert whole((await first).stream) == b"the first"
        assert whole(third.stream) == b"the third"
        await until(lambda: len(peer.lost) == 1)


async def test_after_a_graceful_go_away_replies_come_and_new_requests_use_another_connection() -> (
    None
):
    async def go_away(asked: Asked) -> None:
        asked.go_away(last=2**31 - 1)
        await asyncio.sleep(0.05)
        await asked.reply()

    async with Http2Peer(go_away) as peer, http2_to(peer.url) as transport:
        for _ in range(3):
            assert (await call(transport, peer.url)).status_code == 200
        await until(lambda: len(peer.lost) == 3)


async def test_bytes_that_are_not_http2_leave_the_end_unknown() -> None:
    async def garbage(asked: Asked) -> None:
        asked.connection.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    error = await failure(garbage)
    assert isinstance(error, Unreadable)
    assert of_exception(error) == (Outcome.FAILED, End.UNKNOWN)


FLOODS = {
    "settings": b"\0\0\0\x04\0\0\0\0\0",
    "pings": b"\0\0\x08\x06\0\0\0\0\0" + bytes(8),
    "unknown frames": b"\0\0\0\xc8\0\0\0\0\0",
    "priorities": b"\0\0\x05\x02\0\0\0\0\1" + bytes(5),
    "goodbyes": b"\0\0\x08\x07\0\0\0\0\0\x7f\xff\xff\xff" + bytes(4),
    "interim replies": b"\0\0\5\1\4\0\0\0\1\x08\x03103",
}


@pytest.mark.parametrize("frame", FLOODS.values(), ids=FLOODS)
async def test_frames_without_end_end_the_request_and_the_connection(frame: bytes) -> None:
    async def flood(asked: Asked) -> None:
        while not asked.connection.transport.is_closing():
            asked.connection.raw(frame * 1_000)
            await asyncio.sleep(0.001)

    async with Http2Peer(flood) as peer, http2_to(peer.url) as transport:
        with pytest.raises(httpx.RequestError) as caught:
            await call(transport, peer.url)
        assert of_exception(caught.value) == (Outcome.FAILED, End.UNKNOWN)
        await until(lambda: len(peer.lost) == 1)


async def test_empty_parts_of_a_reply_without_end_end_the_request() -> None:
    async def flood(asked: Asked) -> None:
        asked.begin()
        while not asked.connection.transport.is_closing():
            asked.connection.raw(b"\0\0\0\0\0\0\0\0\1" * 1_000)
            await asyncio.sleep(0.001)

    assert isinstance(await failure(flood), Unreadable)


async def test_many_frames_that_are_spread_over_replies_are_no_flood() -> None:
    async def answer(asked: Asked) -> None:
        asked.connection.raw(FLOODS["pings"] * 1_000)
        await asked.reply()

    async with Http2Peer(answer) as peer, http2_to(peer.url) as transport:
        for _ in range(8):
            assert (await call(transport, peer.url)).status_code == 200
        assert len(peer.connections) == 1


async def test_a_reply_that_is_too_large_ends_only_its_own_request() -> None:
    async def large(asked: Asked) -> None:
        path = dict(asked.headers)[b":path"]
        await asked.reply(body=b"x" * (20_001 if path == b"/large" else 20_000))

    async with Http2Peer(large) as peer, http2_to(peer.url, most_bytes=20_000) as transport:
        with pytest.raises(TooLarge) as caught:
            await call(transport, f"{peer.url}/large")
        assert caught.value.status == 200
        assert len(whole((await call(transport, f"{peer.url}/small")).stream)) == 20_000
        assert len(peer.connections) == 1


async def test_a_packed_reply_is_limited_after_unpacking() -> None:
    async def packed(asked: Asked) -> None:
        coding = (b"content-encoding", b"gzip")
        await asked.reply(headers=[*JSON, coding], body=gzip.compress(b"x" * 2_000))

    assert isinstance(await failure(packed, most_bytes=1_000), TooLarge)
    async with Http2Peer(packed) as peer, http2_to(peer.url) as transport:
        assert whole((await call(transport, peer.url)).stream) == b"x" * 2_000


async def test_a_body_that_cannot_be_unpacked_is_a_fault() -> None:
    async def packed(asked: Asked) -> None:
        await asked.reply(headers=[*JSON, (b"content-encoding", b"br")], body=b"{}")

    assert isinstance(await failure(packed), Packed)


async def test_a_call_that_is_cancelled_notes_the_status_and_retires_its_connection() -> None:
    """The connection may be dead; the other requests on it may still end."""

    async def half(asked: Asked) -> None:
        if asked.stream == 1:
            asked.begin(201)
        else:
            await until(lambda: bool(peer.resets))
            await asked.reply()

    progress = Progress()
    async with Http2Peer(half) as peer, http2_to(peer.url) as transport:
        request = httpx.Request(
            "GET", peer.url, stream=httpx.ByteStream(b""), extensions={"progress": progress}
        )
        slow = asyncio.create_task(transport.handle_async_request(request))
        await until(lambda: progress.status == 201)
        other = asyncio.create_task(call(transport, peer.url))
        await until(lambda: len(peer.requests) == 2)
        slow.cancel()
        assert (await other).status_code == 200
        assert peer.resets == [1]
        await until(lambda: len(peer.lost) == 1)


# A system that does not speak HTTP/2


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"\0" * 20,
    ],
)
async def test_a_system_that_speaks_another_protocol_gets_no_request(raw: bytes) -> None:
    async with Peer(replies(raw)) as peer, http2_to(peer.url) as transport:
        with pytest.raises(httpx.ConnectError, match="does not speak HTTP/2") as caught:
            await call(transport, peer.url, "POST", b"{}")
    assert of_exception(caught.value) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert peer.requests[0].head.startswith(b"PRI * HTTP/2.0")
    assert not any(b"POST" in request.head for request in peer.requests)


async def test_a_system_that_is_silent_gets_no_request() -> None:
    async with (
        Http2Peer(greets=False) as peer,
        http2_to(peer.url, connect_timeout=0.2) as transport,
    ):
        with pytest.raises(httpx.ConnectTimeout, match=r"no HTTP/2 within 0\.2 s"):
            await call(transport, peer.url)
        assert peer.requests == []
        await until(lambda: len(peer.lost) == 1)


async def test_a_system_that_hangs_up_before_http2_begins_gets_no_request() -> None:
    async with Peer(Arrived.close) as peer, http2_to(peer.url) as transport:
        with pytest.raises(httpx.ConnectError, match="connection closed before HTTP/2 began"):
            await call(transport, peer.url)


async def test_a_port_where_nobody_listens_is_not_reached() -> None:
    async with Http2Peer() as peer:
        url = peer.url
    async with http2_to(url) as transport:
        with pytest.raises(httpx.ConnectError, match="connection refused"):
            await call(transport, url)
