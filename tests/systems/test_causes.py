"""What NSPS shows of a system that cannot be reached: real failures, over both protocols."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from connector.outcome import Outcome, Result, answer
from connector.system import End, Reply
from connector.systems.causes import CERTIFICATES, NAMES, SYSTEM, cause_of
from connector.systems.connect import NoConnection, connect
from connector.systems.ctrl.call import CtrlCall
from connector.systems.ctrl.client import CtrlSystem
from connector.systems.ctrl.entry import CtrlSystemEntry
from tests.support.calls import PUT, forget_proxies, send_once, turn_of
from tests.support.certificates import Authority
from tests.support.function import free_port
from tests.support.names import silence
from tests.support.peer import Arrived, Peer, replies

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HOUR = timedelta(hours=1)
UNSENT = (Outcome.UNAVAILABLE, End.NOT_SENT)
UNKNOWN = (Outcome.UNAVAILABLE, End.UNKNOWN)
PENDING = (Outcome.UNAVAILABLE, End.PENDING)


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority that the connector trusts; no proxy."""
    forget_proxies(monkeypatch)
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority


def told(reply: Reply) -> str:
    """The cause in the answer that NSPS keeps, whose other fields are those of the contract."""
    result = answer(Result(reply.outcome, reply.reason, retry_after=reply.retry_after))
    body = dict(result.body)
    error = str(body.pop("error"))
    assert body == {"message": "Core service is not available", "type": "CONNECTION_ERROR"}
    assert result.status == 503
    return error.removeprefix("API Core: ")


async def http(url: str, **times: float) -> Reply:
    return await send_once(url, PUT, **times)


async def ctrl(host: str, port: int, **times: float) -> Reply:
    entry = {"ctrl": {"host": host, "port": port, **times}}
    call = CtrlCall("", "GET", "version", True, True, "version")
    async with CtrlSystem(CtrlSystemEntry.model_validate(entry), {}) as system:
        return await system.send(call, turn_of(10))


async def test_a_certificate_that_is_not_acceptable_is_named(
    trusted: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    for tls, cause in [
        (trusted.server(begins=-2 * HOUR, ends=-HOUR), "certificate has expired"),
        (trusted.server(begins=HOUR), "certificate is not valid yet"),
        (trusted.server(["other.example"]), "certificate is for another name"),
        (trusted.server(["127.0.0.2"]), "certificate is for another name"),
        (stranger.server(), "certificate is signed by an unknown authority"),
    ]:
        async with Peer(replies(OK), tls) as peer:
            reply = await http(peer.url)
            assert (told(reply), (reply.outcome, reply.end)) == (cause, UNSENT)
            assert not peer.requests


async def reset(request: Arrived) -> None:
    request.reset()


async def close(request: Arrived) -> None:
    await request.close()


async def never(request: Arrived) -> None:
    await asyncio.Event().wait()


async def test_a_system_that_accepts_a_request_and_does_not_answer_is_named() -> None:
    for behaviour, cause, end in [
        (reset, "connection reset before the end of the reply", UNKNOWN),
        (close, "connection closed before the end of the reply", UNKNOWN),
        (never, "no reply within 0.3 s", PENDING),
    ]:
        async with Peer(behaviour) as peer:
            reply = await http(peer.url, timeout=0.3)
            assert (told(reply), (reply.outcome, reply.end)) == (cause, end)


@asynccontextmanager
async def speaking(serve: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[int]:
    """The port of a server that does this after the first bytes of a caller; `greet` before."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError):
            if serve is not greet:
                await reader.read(1)
            serve(writer)
            await reader.read()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def hang_up(writer: asyncio.StreamWriter) -> None:
    Arrived(1, b"", writer).reset()


def greet(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hlr.example\r\n")


def speak(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def test_a_failed_handshake_is_named() -> None:
    async with speaking(speak) as plain, speaking(hang_up) as gone, speaking(greet) as eager:
        for port, cause in [
            (eager, "TLS handshake failed: the port does not speak TLS"),
            (plain, "TLS handshake failed: the port does not speak TLS"),
            (gone, "TLS handshake failed: connection reset"),
        ]:
            reply = await http(f"https://127.0.0.1:{port}")
            assert (told(reply), (reply.outcome, reply.end)) == (cause, UNSENT)


async def test_a_handshake_without_a_common_version_is_named(trusted: Authority) -> None:
    old = trusted.server()
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    new = ssl.create_default_context()
    new.minimum_version = ssl.TLSVersion.TLSv1_3
    async with Peer(replies(OK), old) as peer:
        with pytest.raises(NoConnection, match=r"^TLS handshake failed: [a-z0-9 ]+$"):
            await connect(asyncio.Protocol, ("127.0.0.1", peer.port), 5, new)


async def test_an_unreachable_system_is_named_over_every_protocol() -> None:
    async with AsyncExitStack() as stack:
        silent = stack.enter_context(silence())
        gone = await stack.enter_async_context(speaking(hang_up))
        for (host, port), connect_timeout, cause, end in [
            (("127.0.0.1", free_port()), 5, "connection refused", UNSENT),
            (("localhost", free_port()), 5, "connection refused", UNSENT),
            (("nowhere.invalid", 80), 5, "name not found", UNSENT),
            (("a" * 64 + ".example", 80), 5, "name not found", UNSENT),
            (silent, 0.1, "no connection within 0.1 s", UNSENT),
            (("127.0.0.1", gone), 5, "connection reset before the end of the reply", UNKNOWN),
        ]:
            for reply in await asyncio.gather(
                http(f"http://{host}:{port}", connect_timeout=connect_timeout),
                ctrl(host, port, connect_timeout=connect_timeout),
            ):
                assert told(reply).startswith(cause), reply
                assert (reply.outcome, reply.end) == end
                assert cause in str(reply.cause)


async def test_without_a_reply_the_seconds_are_named_over_every_protocol() -> None:
    async with speaking(lambda _: None) as port:
        for reply in (
            await http(f"http://127.0.0.1:{port}", timeout=0.3),
            await ctrl("127.0.0.1", port, timeout=0.3),
        ):
            assert told(reply) == "no reply within 0.3 s"
            assert (reply.outcome, reply.end) == PENDING


async def test_connecting_ends_before_the_attempt_so_that_nothing_counts_as_sent() -> None:
    """By default, `connect_timeout` is longer than a short `timeout`."""
    with silence() as (host, port):
        for reply in await asyncio.gather(
            http(f"http://{host}:{port}", timeout=0.5), ctrl(host, port, timeout=0.5)
        ):
            assert (reply.outcome, reply.end) == UNSENT
            assert told(reply) == "no connection within 0.45 s"


async def test_a_network_without_a_way_is_named() -> None:
    """2001:db8::1 is for documents: no machine has a way to it, or it is silent."""
    with pytest.raises(NoConnection) as caught:
        await connect(asyncio.Protocol, ("2001:db8::1", 80), 0.3)
    assert str(caught.value) in (
        "network unreachable",
        "no address or port free on this machine",
        "system error 97",  # a machine without IPv6
        "no connection within 0.3 s",
    )


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.EMFILE, "secret"), "too many open files in the connector"),
        (OSError(12_345, "secret"), "system error 12345"),
        (OSError("Multiple exceptions: [Errno 101] secret, [Errno 111] x"), SYSTEM[101] + ", "),
        (ConnectionAbortedError("secret"), SYSTEM[errno.ECONNABORTED]),
        (OSError("secret"), "connection failed: OSError"),
        (ValueError("secret"), "connection failed: ValueError"),
        (socket.gaierror(12_345, "secret"), "name not found"),
        (ssl.SSLError(1, "secret"), "TLS handshake failed: no reason given"),
        (ssl.SSLEOFError(8, "secret"), "TLS handshake failed: connection closed"),
        (ExceptionGroup("secret", [ConnectionRefusedError(111, "secret")]), SYSTEM[111]),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_error_that_is_not_in_a_table_is_named_by_its_kind(error: Exception, cause: str) -> None:
    """The words come from the tables; an error's own text may hold what the other side sent."""
    assert cause_of(error).startswith(cause)
    assert "secret" not in cause_of(error)
    wrapped = RuntimeError("secret")
    wrapped.__cause__ = error
    if not isinstance(error, ValueError) and str(error) != "secret":
        assert cause_of(wrapped) == cause_of(error)


def test_every_error_of_a_connection_has_words() -> None:
    """Those that connect(2), getaddrinfo(3) and OpenSSL's verification of names and dates have."""
    system = "EACCES EPERM EADDRNOTAVAIL ECONNREFUSED ENETUNREACH EHOSTUNREACH ETIMEDOUT ECONNRESET"
    assert {getattr(errno, name) for name in system.split()} <= {*SYSTEM}
    names = "EAI_AGAIN EAI_FAIL EAI_NONAME"
    assert {getattr(socket, name) for name in names.split()} <= {*NAMES}
    assert {2, 9, 10, 18, 19, 20, 21, 62, 64} <= {*CERTIFICATES}
