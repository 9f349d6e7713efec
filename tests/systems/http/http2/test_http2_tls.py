"""HTTP/2 over TLS: who is trusted, which protocol is chosen, which certificate is shown."""

import ssl
from pathlib import Path

import httpx
import pytest

from connector.mapping.system_entry import Tls
from connector.systems.http.faults import CertificateRefused
from connector.systems.trust import Trust
from tests.support.certificates import Authority
from tests.support.http2_peer import Http2Peer, http2_to
from tests.support.mutual_tls import MutualTls
from tests.support.peer import Arrived, Loop, Peer, call, on_both_loops, replies, run

HTTP1 = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def trust(authority: Authority, certificate: str | None = None) -> Trust:
    tls = Tls.model_validate(
        {"ca": authority.path.read_text(), **({"certificate": certificate} if certificate else {})}
    )
    return Trust(tls, protocols=("h2",))


def speaks_http2(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["h2"])
    return context


@on_both_loops
def test_http2_is_spoken_over_tls_with_an_authority_of_ones_own(
    loop: Loop, authority: Authority
) -> None:
    async def calls() -> None:
        async with Http2Peer(tls=speaks_http2(authority.server())) as peer:
            async with http2_to(peer.url, trust=trust(authority)) as transport:
                for _ in range(2):
                    reply = await call(transport, peer.url, "PUT", b"x" * 300_000)
                    assert reply.status_code == 200
            assert len(peer.connections) == 1
            assert dict(peer.requests[0].headers)[b":scheme"] == b"https"

    run(loop, calls)


async def test_a_certificate_of_an_unknown_authority_is_refused(
    tmp_path: Path, authority: Authority
) -> None:
    other = Authority(tmp_path, "other")
    async with (
        Http2Peer(tls=speaks_http2(other.server())) as peer,
        http2_to(peer.url, trust=trust(authority)) as transport,
    ):
        with pytest.raises(httpx.ConnectError, match="unknown authority"):
            await call(transport, peer.url)


@pytest.mark.parametrize("chosen", [None, "http/1.1"])
async def test_a_system_that_speaks_only_http1_over_tls_gets_no_request(
    chosen: str | None, authority: Authority
) -> None:
    context = authority.server()
    if chosen:
        context.set_alpn_protocols([chosen])
    async with (
        Peer(replies(HTTP1), context) as peer,
        http2_to(peer.url, trust=trust(authority)) as transport,
    ):
        with pytest.raises(httpx.ConnectError, match=r"HTTP/2|application protocol"):
            await call(transport, peer.url)
    assert peer.requests == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_refused_certificate_is_told_from_a_lost_connection(
    version: ssl.TLSVersion, tmp_path: Path, authority: Authority
) -> None:
    """In TLS 1.3 the refusal comes after the handshake, but before any request was sent."""
    wrong = Authority(tmp_path, "other").certificate().read_text()
    with MutualTls(version, authority, authority) as server:
        server._context.set_alpn_protocols(["h2"])
        async with http2_to(server.url, trust=trust(authority, wrong)) as transport:
            with pytest.raises(CertificateRefused, match="certificate was refused"):
                await call(transport, server.url)
    assert server.requests == 0


async def test_a_certificate_is_shown(authority: Authority) -> None:
    own = authority.certificate().read_text()
    context = speaks_http2(authority.server_that_asks(ssl.TLSVersion.TLSv1_3, authority))
    async with Http2Peer(tls=context) as peer:
        async with http2_to(peer.url, trust=trust(authority, own)) as transport:
            assert (await call(transport, peer.url)).status_code == 200
        tls = peer.connections[0].transport.get_extra_info("ssl_object")
        assert tls.getpeercert(binary_form=True)


async def test_a_system_that_hangs_up_has_perhaps_refused_the_certificate(
    authority: Authority,
) -> None:
    """Some systems do not say why; here it is the end of a connection before HTTP/2 began."""
    own = authority.certificate().read_text()
    async with (
        Peer(Arrived.close, speaks_http2(authority.server())) as peer,
        http2_to(peer.url, trust=trust(authority, own)) as transport,
    ):
        with pytest.raises(httpx.ConnectError, match="perhaps the connector's certificate"):
            await call(transport, peer.url)
