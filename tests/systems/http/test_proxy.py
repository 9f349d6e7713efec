"""Calls through a proxy use other connections, but must have the same results as direct calls."""

import gzip

import httpx
import pytest

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End
from connector.systems.http.faults import TooLarge
from connector.systems.http.outcomes import of_exception
from connector.systems.http.transport import http_transport, whole
from tests.support.calls import client, forget_proxies, send_once
from tests.support.function import free_port
from tests.support.peer import Peer, call, replies, transport_to

OK = b"HTTP/1.1 200 OK\r\n"
SHORT = OK + b"Content-Length: 2\r\n\r\nok"
URL = "http://hlr.example/prov"
MOST = 10_000


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)


async def test_a_request_goes_to_the_proxy_and_its_reply_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Peer(replies(SHORT)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with transport_to(URL) as transport:
            for _ in range(2):
                response = await call(transport, URL, "PUT", b"{}", {"X-Name": "1"})
                assert whole(response.stream) == b"ok"
            await transport.aclose()
            await proxy.opened(0)
    request = proxy.requests[0]
    assert request.head.startswith(b"PUT http://hlr.example/prov HTTP/1.1\r\n")
    assert request.body == b"{}"
    assert {("host", "hlr.example"), ("x-name", "1")} <= set(request.headers)
    assert proxy.connections == 1


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_larger_than_the_limit_is_too_large_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    def raw(body: bytes) -> bytes:
        sent = gzip.compress(body) if packed else body
        encoding = b"Content-Encoding: gzip\r\n" if packed else b""
        return OK + encoding + b"Content-Length: %d\r\n\r\n" % len(sent) + sent

    answers = replies(raw(b"a" * MOST), raw(b"a" * (MOST + 1)), SHORT)
    async with Peer(answers) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with transport_to(URL, MOST) as transport:
            assert whole((await call(transport, URL)).stream) == b"a" * MOST
            with pytest.raises(TooLarge):
                await call(transport, URL)
            assert whole((await call(transport, URL)).stream) == b"ok"
            await proxy.opened(1)


async def test_a_proxy_that_is_down_is_an_outage_and_the_request_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    async with transport_to(URL) as transport:
        with pytest.raises(httpx.TransportError) as caught:
            await call(transport, URL)
    assert of_exception(caught.value) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    reply = await send_once(URL)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)


async def test_a_refused_tunnel_is_an_outage_and_the_request_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Peer(replies(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with transport_to("https://hlr.example") as transport:
            with pytest.raises(httpx.TransportError) as caught:
                await call(transport, "https://hlr.example/prov")
    assert of_exception(caught.value) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert proxy.requests[0].head.startswith(b"CONNECT hlr.example:443 HTTP/1.1\r\n")


async def test_a_proxy_without_an_answer_is_a_connect_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy's URL is of https, but the server does not speak TLS, so it never answers."""
    async with Peer(replies(SHORT)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"https://127.0.0.1:{proxy.port}")
        async with transport_to(URL, connect_timeout=0.1) as transport:
            with pytest.raises(httpx.ConnectTimeout):
                await call(transport, URL)


@pytest.mark.parametrize(
    "proxy",
    [
        "gopher://x",
        "proxy:3128",
        "/proxy",
        "http://proxy:port",
        "http://proxy\n",
        "http://127.0.0.1:99999",
    ],
)
async def test_an_unusable_proxy_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ValueError):
        http_transport(httpx.URL(URL), 1, MOST)
    with pytest.raises(BadSettings):
        await client(URL).__aenter__()


async def test_a_proxy_that_needs_a_missing_package_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(BadSettings):
        await client(URL).__aenter__()
