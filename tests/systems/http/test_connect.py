"""Opening connections: names, ports, and trusted certificates over TLS."""

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import httpx
import pytest

from connector.systems.http.transport import whole
from tests.support.certificates import Authority
from tests.support.function import free_port
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
    until,
)

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"0123456789" * 30_000
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"


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


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS context of a server for 127.0.0.1; the client trusts its authority."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority.server()


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


@on_both_loops
def test_a_large_request_arrives_complete_over_tls_and_keeps_the_connection(
    server: ssl.SSLContext, loop: Loop
) -> None:
    sizes = (100, 16_384, 16_385, 100_000, 5_000_000)

    async def calls() -> None:
        async with Peer(replies(SHORT), server) as peer, transport_to(peer.url) as transport:
            for size in sizes:
                body = bytes(range(256)) * (size // 256 + 1)
                assert whole((await call(transport, peer.url, "PUT", body)).stream) == b"ok"
                assert peer.requests[-1].body == body
        assert peer.connections == 1

    run(loop, calls)


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
        with pytest.raises(httpx.ConnectError, match="certificate is for another name"):
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
    """Another request on this connection would have to wait behind the rest of the first one.

    The rest may be small: the transport of TLS does not count what lies in the one below.
    """

    async def calls() -> None:
        refusing = Peer(replies(TOO_LARGE), server, reads_bodies=False)
        async with refusing as peer, transport_to(peer.url) as transport:
            for _ in range(2):
                response = await call(transport, peer.url, "PUT", b"a" * 8_000_000)
                assert response.status_code == 413
            assert peer.connections == 2

    run(loop, calls)


@on_both_loops
def test_a_connection_is_kept_only_if_its_whole_request_has_left(
    server: ssl.SSLContext, loop: Loop
) -> None:
    """The sizes lie around what two sockets hold. While the server reads, the loop stands still."""

    async def calls() -> None:
        kept = []
        for size in range(3_000_000, 5_000_000, 200_000):
            system = Refusing(server)
            url = f"https://127.0.0.1:{system.port}"
            async with transport_to(url) as transport:
                assert (await call(transport, url, "PUT", b"a" * size)).status_code == 413
                await asyncio.sleep(0.01)  # the time to close the connection
                arrived, open_still = system.rest()
            kept.append(open_still)
            assert arrived > size or not open_still
        assert kept[0] and not kept[-1]

    run(loop, calls)


class Refusing:
    """A server that answers the first bytes of a request, and reads the rest when it is told to."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._read, self._received, self._kept = threading.Event(), 0, False
        self._thread = threading.Thread(target=self._serve, args=(tls,), daemon=True)
        self._thread.start()

    def rest(self) -> tuple[int, bool]:
        """The bytes that left the caller, and if it keeps the connection; blocks the caller."""
        self._read.set()
        self._thread.join()
        return self._received, self._kept

    def _serve(self, tls: ssl.SSLContext) -> None:
        plain, _ = self._listener.accept()
        with self._listener, tls.wrap_socket(plain, server_side=True) as secure:
            self._received = len(secure.recv(1))
            secure.sendall(TOO_LARGE)
            self._read.wait(DEADLINE)
            secure.settimeout(0.1)
            try:
                while some := len(secure.recv(65_536)):
                    self._received += some
            except TimeoutError:
                self._kept = True
            except OSError:
                pass
