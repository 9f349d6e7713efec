"""The connections over HTTP/2: how many, for how long, and what they carry."""

import asyncio
import random
import time

import httpx
import pytest
from h2.settings import SettingCodes

from connector.systems.http.transport import whole
from tests.support.http2_peer import Asked, Http2Peer, Settings, http2_to
from tests.support.peer import Loop, call, on_both_loops, run, until

SMALL: Settings = {SettingCodes.INITIAL_WINDOW_SIZE: 1_000}
NAMES = {b":method", b":scheme", b":authority", b":path"}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


async def echo(asked: Asked) -> None:
    await asked.reply(body=bytes(asked.body))


def streams(most: int) -> Settings:
    return {SettingCodes.MAX_CONCURRENT_STREAMS: most}


@on_both_loops
def test_many_calls_share_one_connection_and_each_gets_its_own_reply(loop: Loop) -> None:
    async def calls() -> None:
        async with Http2Peer(echo) as peer, http2_to(peer.url) as transport:
            bodies = [b"%d" % number * number for number in range(1, 101)]
            sent = (call(transport, peer.url, "PUT", body) for body in bodies)
            found = await asyncio.gather(*sent)
            assert [whole(reply.stream) for reply in found] == bodies
            assert len(peer.connections) == 1

    run(loop, calls)


@pytest.mark.parametrize(("most", "connections"), [(1, 6), (2, 3), (100, 1)])
async def test_no_connection_carries_more_requests_than_the_system_allows(
    most: int, connections: int
) -> None:
    under_way = 0

    async def together(asked: Asked) -> None:
        nonlocal under_way
        under_way += 1
        await until(lambda: under_way == 6)
        await asked.reply()

    async with Http2Peer(together, settings=streams(most)) as peer:
        async with http2_to(peer.url) as transport:
            await asyncio.gather(*(call(transport, peer.url) for _ in range(6)))
        assert len(peer.connections) == connections


async def test_a_system_that_allows_no_request_is_not_asked_for_ever() -> None:
    async with Http2Peer(settings=streams(0)) as peer, http2_to(peer.url) as transport:
        with pytest.raises(httpx.ConnectError, match="takes no request"):
            await call(transport, peer.url)
        assert len(peer.connections) == 1


@pytest.mark.parametrize("size", [0, 1, 16_384, 65_535, 65_536, 1_000_000])
async def test_bodies_of_any_size_arrive_whole(size: int) -> None:
    body = random.Random(size).randbytes(size)  # noqa: S311 - the same in every run
    async with Http2Peer(echo) as peer, http2_to(peer.url) as transport:
        for _ in range(2):
            assert whole((await call(transport, peer.url, "PUT", body)).stream) == body
        lengths = [dict(asked.headers)[b"content-length"] for asked in peer.requests]
        assert lengths == [b"%d" % size] * 2


async def test_the_system_may_go_on_after_any_number_of_bytes() -> None:
    """The window of the connection, 16 MB, is opened again as replies are read."""

    async def large(asked: Asked) -> None:
        await asked.reply(body=b"x" * 1_000_000)

    async with Http2Peer(large) as peer, http2_to(peer.url) as transport:
        for _ in range(20):
            assert len(whole((await call(transport, peer.url)).stream)) == 1_000_000
        assert len(peer.connections) == 1


async def test_a_body_waits_until_the_system_takes_more_and_stops_nobody() -> None:
    """The window of one stream is full; another stream goes on."""
    async with (
        Http2Peer(settings=SMALL, takes_bodies=False) as peer,
        http2_to(peer.url) as transport,
    ):
        await call(transport, peer.url)
        large = asyncio.create_task(call(transport, peer.url, "PUT", b"x" * 2_500))
        await asyncio.sleep(0)  # it begins
        assert (await call(transport, peer.url, "PUT", b"x" * 900)).status_code == 200
        assert not large.done()
        for more in (1_000, 499, 1):
            connection = peer.connections[0]
            connection.h2.increment_flow_control_window(more, stream_id=3)
            connection.flush()
        assert (await large).status_code == 200
    assert len(peer.requests[2].body) == 2_500


async def test_a_reply_before_the_end_of_the_request_ends_it() -> None:
    """What is left of the body is not sent, and the connection goes on."""
    async with (
        Http2Peer(settings=SMALL, takes_bodies=False) as peer,
        http2_to(peer.url) as transport,
    ):
        await call(transport, peer.url)
        large = asyncio.create_task(call(transport, peer.url, "PUT", b"x" * 2_500))
        await asyncio.sleep(0)  # it begins
        await call(transport, peer.url)
        await Asked(peer.connections[0], 3, []).reply(413)
        assert (await large).status_code == 413
        assert (await call(transport, peer.url)).status_code == 200
        assert peer.resets == [3]
        assert len(peer.connections) == 1


async def test_an_idle_connection_is_used_again_and_closed_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connector.systems.http.http2.connection.LONGEST", 0.3)
    async with Http2Peer() as peer, http2_to(peer.url) as transport:
        for _ in range(3):
            await call(transport, peer.url)
            await asyncio.sleep(0.15)
        assert len(peer.connections) == 1
        await until(lambda: len(peer.lost) == 1)
        await call(transport, peer.url)
        assert len(peer.connections) == 2


async def test_a_connection_that_was_idle_for_too_long_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An instance without CPU between events runs its timers late."""
    monkeypatch.setattr("connector.systems.http.http2.connection.LONGEST", 0.05)
    async with Http2Peer() as peer, http2_to(peer.url) as transport:
        await call(transport, peer.url)
        time.sleep(0.1)  # noqa: ASYNC251 - the instance has no CPU
        await call(transport, peer.url)
        assert len(peer.connections) == 2
        await until(lambda: len(peer.lost) == 1)


async def test_a_connection_that_the_system_closed_is_not_used() -> None:
    async with Http2Peer() as peer, http2_to(peer.url) as transport:
        await call(transport, peer.url)
        peer.connections[0].transport.close()
        await until(lambda: len(peer.lost) == 1)
        assert (await call(transport, peer.url)).status_code == 200


async def test_requests_that_wait_for_one_connection_share_its_failure() -> None:
    async with (
        Http2Peer(greets=False) as peer,
        http2_to(peer.url, connect_timeout=0.3) as transport,
    ):
        calls = [call(transport, peer.url) for _ in range(20)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in found} == {httpx.ConnectTimeout}
        assert len(peer.connections) <= 2


async def test_a_request_that_is_cancelled_while_it_waits_leaves_the_connection_to_others() -> None:
    async with Http2Peer() as peer, http2_to(peer.url) as transport:
        first, second = (asyncio.create_task(call(transport, peer.url)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status_code == 200
        assert len(peer.connections) == 1
        assert len(peer.requests) == 1


async def test_closing_ends_the_connections_and_those_that_are_being_opened() -> None:
    async with Http2Peer() as peer, Http2Peer(greets=False) as silent:
        async with http2_to(peer.url) as transport:
            await call(transport, peer.url)
            waiting = asyncio.create_task(call(transport, silent.url))
            await until(lambda: len(silent.connections) == 1)
        await until(lambda: len(peer.lost) == len(silent.lost) == 1)
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_calls_that_end_at_random_moments_never_get_the_reply_of_another() -> None:
    chance = random.Random(7)  # noqa: S311 - the same in every run

    async def slowly(asked: Asked) -> None:
        await asyncio.sleep(chance.uniform(0, 0.02))
        await asked.reply(body=bytes(asked.body))

    async def caller(transport: httpx.AsyncBaseTransport, url: str, number: int) -> int:
        body = b"%d," % number * chance.randint(1, 9_000)
        try:
            async with asyncio.timeout(chance.choice([0.01, 10])):
                assert whole((await call(transport, url, "PUT", body)).stream) == body
        except TimeoutError:
            return 0
        return 1

    async with Http2Peer(slowly, settings=streams(7)) as peer, http2_to(peer.url) as transport:
        done = await asyncio.gather(*(caller(transport, peer.url, n) for n in range(200)))
    assert 20 < sum(done) < 200


# The header fields of a request


async def test_a_request_has_the_fields_of_http2() -> None:
    async with Http2Peer() as peer, http2_to(peer.url) as transport:
        headers = {"X-Name": " a: b ", "HOST": "udr.example", "TE": "trailers"}
        await call(transport, f"{peer.url}/a%2Fb/?c=d%20e", "POST", b"{}", headers)
        await call(transport, peer.url)
    assert peer.requests[0].headers == [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":authority", b"udr.example"),
        (b":path", b"/a%2Fb/?c=d%20e"),
        (b"content-length", b"2"),
        (b"x-name", b"a: b"),
        (b"te", b"trailers"),
    ]
    assert {name for name, _ in peer.requests[1].headers} == NAMES
    assert dict(peer.requests[1].headers)[b":authority"] == b"127.0.0.1:%d" % peer.port


@pytest.mark.parametrize(
    "headers",
    [
        *({"X-Name": f"a{text}b"} for text in ("\r\nx: 1", "\n", "\r", "\0")),
        *({f"X{text}": "1"} for text in ("\r\nY", "\n", "\0", " ", ":", "\u00e9")),
        {"host": "a\r\nb"},
        {":path": "/evil"},
        {"": "1"},
        {"Upgrade": "h2c"},
        {"Keep-Alive": "1"},
        {"Proxy-Connection": "close"},
        {"TE": "gzip"},
    ],
)
async def test_a_header_that_http2_does_not_allow_is_not_sent(headers: dict[str, str]) -> None:
    async with Http2Peer() as peer, http2_to(peer.url) as transport:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        request = httpx.Request("GET", peer.url, headers=raw, stream=httpx.ByteStream(b""))
        with pytest.raises(httpx.LocalProtocolError):
            await transport.handle_async_request(request)
        assert peer.connections == []
        assert (await call(transport, peer.url)).status_code == 200
