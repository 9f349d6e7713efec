"""A transport: the bytes of its requests, and which connection each request uses."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import httpx
import pytest

from connector.systems.http.transport import whole
from tests.support.peer import (
    DEADLINE,
    Arrived,
    Loop,
    Peer,
    call,
    on_both_loops,
    replies,
    run,
    transport_to,
)

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


# The bytes of a request


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", b"", []),
        ("DELETE", b"", []),
        ("POST", b"", ["0"]),
        ("PUT", b"", ["0"]),
        ("PATCH", b"", ["0"]),
        ("POST", b"{}", ["2"]),
        ("DELETE", b"{}", ["2"]),
    ],
)
async def test_a_request_has_a_content_length_if_its_method_allows_a_body(
    method: str, body: bytes, length: list[str]
) -> None:
    async with Peer(replies(SHORT)) as peer, transport_to(peer.url) as transport:
        await call(transport, f"{peer.url}/a%2Fb/?c=d%20e", method, body, {"X-Name": "a: b"})
        await call(transport, peer.url)
    request = peer.requests[0]
    assert request.head.startswith(b"%b /a%%2Fb/?c=d%%20e HTTP/1.1\r\n" % method.encode())
    assert request.body == body
    lengths = [("content-length", value) for value in length]
    host = ("host", f"127.0.0.1:{peer.port}")
    assert sorted(request.headers) == sorted([host, *lengths, ("x-name", "a: b")])
    assert peer.requests[1].head.startswith(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("user", "headers", "host"),
    [
        ("", {}, "127.0.0.1:{}"),
        ("user:password@", {}, "127.0.0.1:{}"),
        ("", {"host": "hlr.example"}, "hlr.example"),
        ("", {"HOST": "hlr.example:1"}, "hlr.example:1"),
    ],
)
async def test_a_request_has_one_host_header(user: str, headers: dict[str, str], host: str) -> None:
    async with Peer(replies(SHORT)) as peer, transport_to(peer.url) as transport:
        await call(transport, peer.url.replace("//", f"//{user}"), headers=headers)
    assert peer.requests[0].headers == [("host", host.format(peer.port))]


async def test_a_body_of_five_megabytes_arrives_unchanged() -> None:
    body = random.Random(1).randbytes(5_000_000)  # noqa: S311 - the same in every run
    async with Peer(replies(SHORT)) as peer, transport_to(peer.url) as transport:
        for _ in range(2):
            await call(transport, peer.url, "PUT", body)
    assert [request.body == body for request in peer.requests] == [True, True]
    assert peer.connections == 1


@pytest.mark.parametrize(
    "text",
    ["a\r\nX-Evil: 1", "a\r\n\r\nGET /evil HTTP/1.1", "a\nX-Evil: 1", "a\rb", "a\0b", "\n", "a\r"],
)
@pytest.mark.parametrize("place", ["value", "name", "host"])
async def test_a_header_with_a_line_break_or_a_nul_is_not_sent(text: str, place: str) -> None:
    headers = {text: "1"} if place == "name" else {"host" if place == "host" else "X-Name": text}
    async with Peer(replies(SHORT)) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.LocalProtocolError):
            await call(transport, peer.url, headers=headers)
        assert peer.connections == 0
        assert whole((await call(transport, peer.url)).stream) == b"ok"
    assert len(peer.requests) == 1


# A reply belongs to its call


async def echo(request: Arrived, chance: random.Random) -> None:
    """Reply with the body of the request, after random pauses."""
    await asyncio.sleep(chance.uniform(0, 0.02))
    await request.reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(request.body))
    if chance.random() < 0.5:
        await asyncio.sleep(chance.uniform(0, 0.01))
    await request.reply(b"\r\n" + request.body)


async def many_calls(chance: random.Random) -> None:
    async def caller(number: int) -> None:
        for n in range(4):
            body = b"%d of %d" % (n, number) * chance.randint(1, 50)
            given = chance.uniform(0, 0.03) if chance.random() < 1 / 3 else DEADLINE
            try:
                async with asyncio.timeout(given):
                    response = await call(transport, peer.url, "POST", body)
            except TimeoutError:
                given_up.add(body)
            else:
                assert whole(response.stream) == body
                answered.add(body)

    given_up: set[bytes] = set()
    answered: set[bytes] = set()
    async with (
        Peer(lambda request: echo(request, chance)) as peer,
        transport_to(peer.url) as transport,
    ):
        await asyncio.gather(*(caller(number) for number in range(300)))
        assert len(answered) + len(given_up) == 1200
        assert len(given_up) > 150
        assert peer.connections < 900  # connections were reused
        ended: set[int] = set()
        for request in peer.requests:
            assert request.connection not in ended
            if request.body in given_up:
                ended.add(request.connection)


@on_both_loops
def test_each_call_gets_its_own_reply(loop: Loop) -> None:
    """1200 calls, up to 300 at a time; a third of them may be cancelled at any moment."""
    run(loop, lambda: many_calls(random.Random(3)))  # noqa: S311 - the same calls in every run


async def test_the_connection_of_a_cancelled_call_is_closed() -> None:
    late = asyncio.Event()

    async def answer(request: Arrived) -> None:
        if request.body == b"first":
            await late.wait()
        await request.reply(SHORT.replace(b"2", b"%d" % len(request.body))[:-2] + request.body)

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        await call(transport, peer.url, "POST", b"before")
        first = asyncio.create_task(call(transport, peer.url, "POST", b"first"))
        await peer.arrived(2)
        first.cancel()
        await asyncio.wait([first])
        late.set()
        second = await call(transport, peer.url, "POST", b"second")
        assert whole(second.stream) == b"second"
        await peer.opened(1)
    assert [request.connection for request in peer.requests] == [1, 1, 2]


@on_both_loops
def test_a_reply_before_the_end_of_the_request_is_returned_and_closes_the_connection(
    loop: Loop,
) -> None:
    """Another request on this connection would have to wait behind the rest of the first one."""

    async def calls() -> None:
        refusing = Peer(replies(TOO_LARGE), reads_bodies=False)
        async with refusing as peer, transport_to(peer.url) as transport:
            for _ in range(2):
                response = await call(transport, peer.url, "PUT", b"a" * 5_000_000)
                assert response.status_code == 413
        assert [request.connection for request in peer.requests] == [1, 2]

    run(loop, calls)


# Which connection is used


async def test_the_most_recently_used_connection_is_used_first() -> None:
    gates = [asyncio.Event() for _ in range(3)]

    async def answer(request: Arrived) -> None:
        if request.body:
            await gates[int(request.body)].wait()
        await request.reply(SHORT)

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        calls = []
        for number in range(3):  # on the connections 1, 2 and 3
            body = b"%d" % number
            calls.append(asyncio.create_task(call(transport, peer.url, "POST", body)))
            await peer.arrived(number + 1)
        for number in (2, 0, 1):
            gates[number].set()
            await calls[number]
        for _ in range(2):
            await call(transport, peer.url)
    assert [request.connection for request in peer.requests] == [1, 2, 3, 2, 2]


@pytest.mark.parametrize("more", [SHORT, b"\r\n", b""], ids=["a reply", "an empty line", "the end"])
async def test_a_connection_that_received_bytes_between_calls_is_not_reused(
    more: bytes,
) -> None:
    later = asyncio.Event()

    async def answer(request: Arrived) -> None:
        await request.reply(SHORT.replace(b"ok", request.body))
        if request.connection == 1:
            await later.wait()
            await request.reply(more)
            if not more:
                await request.close()

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        for body in (b"ab", b"cd", b"ef"):
            assert whole((await call(transport, peer.url, "POST", body)).stream) == body
            later.set()
            await asyncio.sleep(0.05)
    assert [request.connection for request in peer.requests] == [1, 2, 2]


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time the test moves forward."""

    moved = 0.0

    def time(self) -> float:
        return super().time() + self.moved


async def one_rests(clock: Clock) -> None:
    async with Peer(replies(SHORT)) as peer, transport_to(peer.url) as transport:
        for seconds, connection in [(0, 1), (19, 1), (19, 1), (21, 2), (0, 2)]:
            clock.moved += seconds
            await call(transport, peer.url)
            assert peer.requests[-1].connection == connection
            await peer.opened(1)


async def all_rest(clock: Clock) -> None:
    async with burst() as (peer, transport):
        clock.moved += 21
        await call(transport, peer.url)
        assert peer.requests[-1].connection == 51
        await peer.opened(1)


async def all_but_one_rest(clock: Clock) -> None:
    async with burst() as (peer, transport):
        clock.moved += 15
        await call(transport, peer.url)
        await peer.opened(50)
        clock.moved += 15
        await call(transport, peer.url)
        await peer.opened(1)
    assert peer.connections == 50
    assert peer.requests[-1].connection == peer.requests[-2].connection


async def nobody_calls_again(clock: Clock) -> None:
    async with burst() as (peer, transport):
        clock.moved += 19
        await call(transport, peer.url)
        await peer.opened(50)
        clock.moved += 2
        await peer.opened(1)
        clock.moved += 19
        await peer.opened(0)


@asynccontextmanager
async def burst() -> AsyncIterator[tuple[Peer, httpx.AsyncBaseTransport]]:
    """A server and a transport after fifty calls at once, which left fifty idle connections."""
    all_there = asyncio.Event()

    async def answer(request: Arrived) -> None:
        if len(peer.requests) == 50:
            all_there.set()
        await all_there.wait()
        await request.reply(SHORT)

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        await asyncio.gather(*(call(transport, peer.url) for _ in range(50)))
        assert peer.open == 50
        yield peer, transport


@pytest.mark.parametrize("scenario", [one_rests, all_rest, all_but_one_rest, nobody_calls_again])
def test_a_connection_idle_for_more_than_twenty_seconds_is_closed(
    scenario: Callable[[Clock], Coroutine[None, None, None]],
) -> None:
    with asyncio.Runner(loop_factory=Clock) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Clock)
        runner.run(scenario(loop))


async def test_closing_a_transport_closes_all_its_connections() -> None:
    async with burst() as (peer, transport):
        await transport.aclose()
        await peer.opened(0)


async def test_a_call_that_ends_after_its_transport_was_closed_closes_its_connection() -> None:
    closed = asyncio.Event()

    async def answer(request: Arrived) -> None:
        await closed.wait()
        await request.reply(SHORT)

    async with Peer(answer) as peer, transport_to(peer.url) as transport:
        last = asyncio.create_task(call(transport, peer.url))
        await peer.arrived(1)
        await transport.aclose()
        closed.set()
        await last
        await asyncio.sleep(0.05)
        left = peer.open
    assert left == 0


async def test_hosts_do_not_share_connections() -> None:
    """Two ports of one host do not share connections, either."""
    serve = replies(SHORT)
    async with Peer(serve) as one, Peer(serve) as two, transport_to(one.url) as transport:
        for peer in (one, two, one, two):
            await call(transport, peer.url)
        await call(transport, f"http://localhost:{one.port}")
    assert [len(one.requests), len(two.requests)] == [3, 2]
    assert [one.connections, two.connections] == [2, 1]
