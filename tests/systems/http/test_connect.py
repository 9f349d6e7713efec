"""Opening connections: names, ports, and trusted certificates over TLS."""

import asyncio
import ssl
import subprocess
from pathlib import Path
from shutil import which

import httpx
import pytest

from connector.systems.http.transport import whole
from tests.support.function import free_port
from tests.support.peer import (
    Arrived,
    Loop,
    Peer,
    call,
    on_both_loops,
    replies,
    run,
    transport_to,
    until,
)

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"0123456789" * 30_000
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
LEAF = "subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example", "a..example"])
async def test_a_host_without_an_address_is_a_connect_error(host: str) -> None:
    """Each part of a host name between dots must have 1 to 63 letters."""
    async with transport_to(f"http://{host}") as transport:
        with pytest.raises(httpx.ConnectError):
            await call(transport, f"http://{host}/")


async def test_a_closed_port_is_a_connect_error() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with transport_to(url) as transport:
        with pytest.raises(httpx.ConnectError):
            await call(transport, url)


async def test_a_call_after_a_failed_connect_succeeds() -> None:
    async with Peer(replies(SHORT)) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.ConnectError):
            await call(transport, f"http://127.0.0.1:{free_port()}")
        assert (await call(transport, peer.url)).status_code == 200


# Over TLS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's certificate, and one for 127.0.0.1 that the authority signed."""
    program = which("openssl")
    if program is None:
        pytest.skip("needs openssl to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "leaf.ext").write_text(LEAF)

    def openssl(command: str) -> None:
        subprocess.run([program, *command.split()], cwd=folder, check=True, capture_output=True)

    usage = "-addext keyUsage=critical,keyCertSign"
    openssl(f"req -x509 {KEY} -days 1 -subj /CN=authority {usage} -keyout ca.key -out ca.pem")
    openssl(f"req {KEY} -subj /CN=leaf -keyout leaf.key -out leaf.csr")
    signed = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile leaf.ext"
    openssl(f"x509 -req -in leaf.csr {signed} -days 1 -out leaf.pem")
    return folder


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS context of a server with this certificate; the client trusts its authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    return context


@on_both_loops
def test_a_server_with_a_trusted_certificate_is_called(server: ssl.SSLContext, loop: Loop) -> None:
    async def calls() -> None:
        async with Peer(replies(LONG), server) as peer, transport_to(peer.url) as transport:
            for _ in range(3):
                response = await call(transport, peer.url, "PUT", b"{}")
                assert whole(response.stream) == LONG[-300_000:]
            await transport.aclose()
            await peer.opened(0)
        assert {request.body for request in peer.requests} == {b"{}"}
        assert peer.connections == 1

    run(loop, calls)


async def test_a_large_request_arrives_complete_over_tls(server: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 20_000
    async with Peer(replies(SHORT), server) as peer, transport_to(peer.url) as transport:
        for _ in range(2):
            assert whole((await call(transport, peer.url, "PUT", body)).stream) == b"ok"
    assert [request.body == body for request in peer.requests] == [True, True]


@on_both_loops
def test_a_body_without_a_length_ends_with_the_connection_over_tls(
    server: ssl.SSLContext, loop: Loop
) -> None:
    async def answer(request: Arrived) -> None:
        await request.reply(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 200_000)
        await request.close()

    async def calls() -> None:
        async with Peer(answer, server) as peer, transport_to(peer.url) as transport:
            for _ in range(2):
                assert len(whole((await call(transport, peer.url)).stream)) == 200_000
        assert peer.connections == 2

    run(loop, calls)


async def test_a_certificate_for_another_name_is_a_connect_error(server: ssl.SSLContext) -> None:
    async with Peer(replies(SHORT), server) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.ConnectError, match="localhost"):
            await call(transport, f"https://localhost:{peer.port}", "POST", b"secret")
        await peer.opened(0)
        assert not peer.requests
        assert (await call(transport, peer.url)).status_code == 200


async def test_a_certificate_of_an_untrusted_authority_is_a_connect_error(
    server: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with Peer(replies(SHORT), server) as peer, transport_to(peer.url) as transport:
        with pytest.raises(httpx.ConnectError):
            await call(transport, peer.url, "POST", b"secret")
        await peer.opened(0)
    assert not peer.requests


@on_both_loops
def test_a_tls_handshake_without_an_end_is_a_connect_timeout(loop: Loop) -> None:
    async def calls() -> None:
        async with Peer(replies(SHORT)) as peer:
            url = f"https://127.0.0.1:{peer.port}"
            async with transport_to(url, connect_timeout=0.5) as transport:
                with pytest.raises(httpx.ConnectTimeout):
                    await call(transport, url)
                await until(lambda: peer.connections == 1)
                await peer.opened(0)

    run(loop, calls)


async def test_a_server_without_tls_is_a_connect_error() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SHORT)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with transport_to(url) as transport:
            with pytest.raises(httpx.ConnectError):
                await call(transport, url)


@on_both_loops
def test_a_reply_before_the_end_of_the_request_closes_the_connection_over_tls(
    server: ssl.SSLContext, loop: Loop
) -> None:
    """Another request on this connection would have to wait behind the rest of the first one."""

    async def calls() -> None:
        refusing = Peer(replies(TOO_LARGE), server, reads_bodies=False)
        async with refusing as peer, transport_to(peer.url) as transport:
            response = await call(transport, peer.url, "PUT", b"a" * 5_000_000)
            assert response.status_code == 413
            await call(transport, peer.url, "PUT", b"a")
        assert peer.connections == 2

    run(loop, calls)
