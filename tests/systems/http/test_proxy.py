"""Calls through a proxy use other connections, but must have the same results as direct calls."""

import asyncio
import contextlib
import gzip
import os
from pathlib import Path

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import given

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End
from connector.systems.http.faults import TooLarge
from connector.systems.http.outcomes import of_exception
from connector.systems.http.proxy import proxy_for
from connector.systems.http.transport import http_transport, whole
from connector.systems.trust import Trust
from tests.support.calls import client, forget_proxies, send_once
from tests.support.certificates import Authority
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
        "/proxy",
        "http://",
        "http://user:secret@:3128",
        "http://proxy:port",
        "socks4://user:secret@proxy:1080",
        "http://user:sec/ret@proxy:3128",
        "http://pro\nxy",
        "http://127.0.0.1:99999",
    ],
)
async def test_an_unusable_proxy_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ValueError, match="HTTP_PROXY must be a URL such as") as caught:
        http_transport(httpx.URL(URL), 1, MOST, Trust())
    assert "sec" not in str(caught.value)
    with pytest.raises(BadSettings):
        await client(URL).__aenter__()


async def test_a_proxy_that_needs_a_missing_package_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(BadSettings):
        await client(URL).__aenter__()


# Which proxy, and for which hosts


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({"HTTP_PROXY": "http://a:1"}, "http://x", "http://a:1"),
        ({"HTTP_PROXY": "http://a:1"}, "https://x", None),
        ({"HTTPS_PROXY": "https://a:1"}, "https://x", "https://a:1"),
        ({"ALL_PROXY": "http://a:1"}, "http://x", "http://a:1"),
        ({"all_proxy": "socks5h://a:1"}, "https://x", "socks5h://a:1"),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "https://x", "http://b:2"),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "http://x", "http://a:1"),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "https://x", "http://a:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:2"}, "https://x", None),
        ({"HTTP_PROXY": "a:1"}, "http://x", "http://a:1"),
        ({"HTTP_PROXY": " http://a:1\n"}, "http://x", "http://a:1"),
        ({"HTTP_PROXY": " "}, "http://x", None),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "x"}, "http://x", None),
        ({"ALL_PROXY": "http://a:1", "no_proxy": "y", "NO_PROXY": "x"}, "http://x", "http://a:1"),
        ({}, "http://x", None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(httpx.URL(url))
    assert (str(found.url) if found else None) == proxy


EXCEPTIONS = {  # entries of NO_PROXY; hosts called directly; hosts called through the proxy
    "example.com": (["example.com", "a.b.example.com", "EXAMPLE.com."], ["badexample.com", "com"]),
    ".example.com": (["example.com", "a.example.com"], ["badexample.com"]),
    "*.example.com": (["a.example.com", "a.b.example.com"], ["example.com", "badexample.com"]),
    "hlr-*.example.com": (["hlr-1.example.com"], ["hlr.example.com", "x.hlr-1.example.com"]),
    "Example.COM": (["example.com"], []),
    "hlr": (["hlr", "a.hlr"], ["hlr.example.com"]),
    "*": (["example.com", "10.0.0.1", "[::1]", "10.0.0.1:8080"], []),
    "10.0.0.1": (["10.0.0.1", "[::ffff:10.0.0.1]"], ["10.0.0.10", "1.10.0.0.1.example"]),
    "10.0.0.0/8": (["10.1.2.3", "10.255.0.1:8080"], ["11.0.0.1", "10.example.com"]),
    "10.0.0.77/8": (["10.1.2.3"], ["11.0.0.1"]),
    "10.*": (["10.1.2.3", "10.example.com"], ["11.0.0.1"]),
    "192.168.1.0/255.255.255.0": (["192.168.1.9"], ["192.168.2.9"]),
    "::1": (["[::1]", "[0:0:0:0:0:0:0:1]"], ["[::2]"]),
    "[::1]": (["[::1]", "[::1]:8080"], ["[::2]"]),
    "[::1]:8080": (["[::1]:8080"], ["[::1]", "[::1]:80"]),
    "fd00::/8": (["[fd12::1]", "[fd00::1]:8080"], ["[fe80::1]", "fd00.example"]),
    "[fd00::]/8": (["[fd12::1]"], ["[fe80::1]"]),
    "example.com:8080": (["example.com:8080", "a.example.com:8080"], ["example.com"]),
    "example.com:80": (["example.com", "example.com:80"], ["example.com:443"]),
    "10.0.0.0/8:8080": (["10.0.0.1:8080"], ["10.0.0.1"]),
    "a.example , b.example;": (["a.example"], ["c.example"]),
    "a.example b.example,,": (["a.example", "b.example"], ["c.example", "example"]),
    "b\u00fccher.example": (["b\u00fccher.example", "xn--bcher-kva.example"], ["bucher.example"]),
    "xn--bcher-kva.example": (["b\u00fccher.example"], ["bcher.example"]),
    ", ,": ([], ["example.com"]),
    ".": ([], ["example.com"]),
    "10.0.0.0/99": ([], ["10.0.0.1"]),
    "[::1": ([], ["10.0.0.1"]),
    "example.com:http": ([], ["example.com"]),
    "a[b-c]d?.example": ([], ["abde.example"]),
}


@pytest.mark.parametrize("entry", EXCEPTIONS)
def test_no_proxy_names_the_hosts_that_are_called_directly(
    monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", entry)
    direct, proxied = EXCEPTIONS[entry]
    found = [host for host in direct + proxied if proxy_for(httpx.URL(f"http://{host}/")) is None]
    assert found == direct


@given(
    no_proxy=st.text("*.[]:/,-a1 \x00\u00e9%", max_size=20) | st.text(max_size=20),
    host=st.sampled_from(["a.a", "1.1.1.1", "[::1]", "a-1", "xn--9ca"]),
)
def test_any_text_in_no_proxy_is_read(no_proxy: str, host: str) -> None:
    """Other programs read the variable, too, and do not agree about what it means."""
    with pytest.MonkeyPatch.context() as patch:
        forget_proxies(patch)
        patch.setenv("ALL_PROXY", "http://proxy:3128")
        patch.setenv("NO_PROXY", no_proxy.replace("\0", "").encode(errors="ignore").decode())
        listed = proxy_for(httpx.URL(f"http://{host}:8080")) is None
        patch.setenv("NO_PROXY", f"{os.environ['NO_PROXY']},{host.strip('[]')}")
        assert proxy_for(httpx.URL(f"http://{host}:8080")) is None
        patch.setenv("NO_PROXY", f"{os.environ['NO_PROXY']},*")
        assert proxy_for(httpx.URL("https://other.example")) is None
    assert listed in (True, False)


# Which certificates


async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy for one connection over TLS."""
    head = await reader.readuntil(b"\r\n\r\n")
    host, _, port = head.split()[1].decode().rpartition(":")
    system_reader, system_writer = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while some := await source.read(65_536):
                sink.write(some)
        sink.close()

    with contextlib.closing(writer), contextlib.closing(system_writer):
        await asyncio.gather(copy(reader, system_writer), copy(system_reader, writer))


@pytest.mark.parametrize("trusted", ["authority.pem", "stranger.pem"])
async def test_a_proxy_does_not_change_which_authorities_are_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trusted: str
) -> None:
    authority, _ = Authority(tmp_path), Authority(tmp_path, "stranger")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / trusted))
    async with (
        Peer(replies(OK + b"Content-Length: 2\r\n\r\n{}"), authority.server()) as peer,
        await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy,
    ):
        direct = await send_once(peer.url)
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        proxied = await send_once(peer.url)
    assert (proxied.outcome, proxied.reason) == (direct.outcome, direct.reason)
    assert (direct.outcome is Outcome.APPLIED) is (trusted == "authority.pem")
    assert direct.reason in (None, "API Core: certificate is signed by an unknown authority")


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b"HTTP/1.1 403 secret\r\nContent-Length: 0\r\n\r\n", "the proxy answered HTTP 403"),
        (b"secret\r\n\r\n", "the reply is not HTTP, or ends too early"),
    ],
    ids=["403", "no HTTP"],
)
async def test_the_text_of_a_proxy_is_not_in_the_cause(
    monkeypatch: pytest.MonkeyPatch, raw: bytes, cause: str
) -> None:
    async with Peer(replies(raw)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        reply = await send_once("https://hlr.example")
    assert (reply.outcome, reply.reason) == (Outcome.UNAVAILABLE, f"API Core: {cause}")
    assert "secret" not in str(reply.cause)
