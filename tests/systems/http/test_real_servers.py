"""Replies of real servers: our client reads what httpx and curl read, and keeps what curl keeps.

The servers are nginx, Apache, HAProxy and Caddy, which stand before a server with odd replies, and
Node.js, Go and Tomcat. docs/decisions/0028-replies-that-others-read.md has the rule.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.http.call import HttpCall
from tests.support.calls import POST, PUT, client, forget_proxies, send
from tests.support.real_servers import SERVERS, RealServer, running
from tests.support.real_servers.cases import CASES, OWN, Case
from tests.support.real_servers.clients import Clients, Readings
from tests.support.real_servers.replies import TOO_LARGE, raw_reply
from tests.support.scripted import Scripted, ScriptedServer

OUTCOMES = {
    404: Outcome.UNKNOWN_RESOURCE,
    429: Outcome.THROTTLED,
    502: Outcome.UNAVAILABLE,
    503: Outcome.UNAVAILABLE,
    504: Outcome.UNAVAILABLE,
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedServer]:
    """The server behind the proxies."""
    with ScriptedServer() as behind:
        behind.default = raw_reply
        yield behind


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, upstream: ScriptedServer) -> Iterator[RealServer]:
    with running(request.param, httpx.URL(upstream.url).port or 0) as started:
        yield started


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, server: RealServer) -> None:
    forget_proxies(monkeypatch)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))


def problems(case: Case, read: Readings) -> Iterator[str]:
    """How our reading of a case differs from the others', or from what the tables say."""
    ours, theirs = read.ours, [each for each in read.others if each]
    if not theirs:
        if ours.seen or (ours.outcome, ours.end) != (Outcome.UNAVAILABLE, End.UNKNOWN):
            yield f"read as {ours.status}, {ours.outcome}, {ours.end}; no other client reads it"
        return
    if not ours.seen:
        yield f"others read it, we say: {ours.cause}"
        return
    first = theirs[0]
    text = case.text
    if text is None:
        media = {"Content-Type": first.headers.get("content-type", "")}
        text = httpx.Response(200, headers=media, content=first.body).text
    end = End.ANSWERED if first.status < 500 else End.UNKNOWN
    outcome = Outcome.APPLIED if first.status < 300 else OUTCOMES.get(first.status, Outcome.FAILED)
    for what, found, wanted in (
        ("status", ours.status, case.status or first.status),
        ("text", ours.seen["text"], text),
        ("outcome", ours.outcome, outcome),
        ("end", ours.end, end),
        *(("other's status", each.status, ours.status) for each in theirs),
        *(("headers", read.our_headers, each.headers) for each in theirs),
        *(("other's body", each.body, first.body) for each in theirs),
        ("keeps the connection", read.kept, read.curl_kept if read.others[1] else read.kept),
    ):
        if found != wanted:
            yield f"{what}: {found!r:.300}, wanted {wanted!r:.300}"


async def compared(url: str, server: RealServer, cases: tuple[Case, ...]) -> None:
    wrong = []
    async with Clients(url, server.authority) as clients:
        for case in cases:
            found = problems(case, await clients.read(case))
            wrong += [f"{case.method} {case.path} {problem}" for problem in found]
    assert not wrong, "\n".join(wrong)


async def test_a_reply_is_read_as_httpx_and_curl_read_it(server: RealServer) -> None:
    await compared(server.url, server, CASES + OWN[server.name])


async def test_over_tls_a_reply_is_read_as_httpx_and_curl_read_it(server: RealServer) -> None:
    await compared(server.tls_url, server, CASES)


async def test_a_reply_above_a_megabyte_is_refused_and_its_connection_closed(
    server: RealServer,
) -> None:
    for url in (server.url, server.tls_url):
        async with Clients(url, server.authority) as clients:
            read = await clients.read(Case("/too-large"))
        assert (read.ours.outcome, read.ours.end) == (Outcome.FAILED, End.UNKNOWN)
        assert (read.ours.status, read.ours.reason) == (200, "API Core's reply is too large")
        assert (read.kept, read.ours.broken) == (False, False)
        assert [each and len(each.body) for each in read.others] == [TOO_LARGE, TOO_LARGE]


async def test_a_connection_that_closes_at_the_moment_of_its_reuse(server: RealServer) -> None:
    """The server closes idle connections after 100 ms; calls come just before and after that."""

    async def twice(call: HttpCall, pause: float) -> Reply:
        async with client(server.idle_url, reply="any") as opened:
            assert (await send(opened, call)).outcome is Outcome.APPLIED
            await asyncio.sleep(pause)
            return await send(opened, call)

    pauses = [0.09 + number / 1000 for number in range(20)]
    puts = await asyncio.gather(*(twice(replace(PUT, path="/port"), pause) for pause in pauses))
    posts = await asyncio.gather(*(twice(replace(POST, path="/port"), pause) for pause in pauses))
    assert {reply.outcome for reply in puts} == {Outcome.APPLIED}
    for reply in posts:
        lost = (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.UNKNOWN)
        assert reply.outcome is Outcome.APPLIED or lost, reply


@pytest.mark.parametrize("server", ["apache", "haproxy"], indirect=True)
async def test_a_kept_connection_that_ends_without_a_reply(
    server: RealServer, upstream: ScriptedServer
) -> None:
    """These proxies close it if the server behind them did, so that the client asks again."""
    for call, wanted in (
        (PUT, (Outcome.APPLIED, End.UNKNOWN, 2)),
        (POST, (Outcome.UNAVAILABLE, End.UNKNOWN, 1)),
    ):
        async with client(server.url, reply="any") as opened:
            assert (await send(opened, replace(call, path="/plain"))).outcome is Outcome.APPLIED
            upstream.script(Scripted(raw=b""))
            reply = await send(opened, replace(call, path="/plain"))
        assert (reply.outcome, reply.end, reply.attempts) == wanted
