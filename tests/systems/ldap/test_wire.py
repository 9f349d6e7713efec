"""A connection, with bytes that a real server does not send on demand."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.systems.ldap import messages
from connector.systems.ldap.messages import Unreadable
from connector.systems.ldap.place import Login, Place
from connector.systems.ldap.result import FoundEntry, LdapFailure, LdapResult
from connector.systems.ldap.wire import LdapConnection, open_connection
from tests.support.ldap import call

LOGIN = Login("cn=connector", "secret")
BOUND = bytes.fromhex("300c02010161070a010004000400")
STARTED = bytes.fromhex("300c02010178070a010004000400")  # go ahead with TLS
ENTRY = bytes.fromhex("301802010264130404636e3d61300b30090402636e3103040161")
DONE = bytes.fromhex("300c02010265070a010004000400")
REFERENCE = bytes.fromhex("300d02010273080406") + b"ldap:/"
NOTICE = bytes.fromhex("300c02010078070a013404000400")  # of disconnection, with code 52
OTHER = bytes.fromhex("300c02010765070a010004000400")  # the result of request 7
SEARCH = call(ldap_search="cn=a", texts=["cn"])


@asynccontextmanager
async def server(*pieces: bytes, close: bool = True) -> AsyncIterator[Place]:
    """A server that accepts the bind, then answers the next request with these pieces."""

    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(BOUND)
        await reader.read(1000)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if not close:
            await reader.read()
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        served.set()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield Place("127.0.0.1", port, "none", None, "", 10, 5)
        async with asyncio.timeout(5):
            await served.wait()


async def ask(place: Place) -> LdapResult:
    connection = await open_connection(place, LOGIN)
    try:
        return await connection.ask(SEARCH)
    finally:
        connection.close()


FOUND = FoundEntry("cn=a", {"cn": [b"a"]})


@pytest.mark.parametrize(
    "pieces",
    [
        (ENTRY, DONE),
        (ENTRY + DONE,),
        tuple(bytes([byte]) for byte in ENTRY + DONE),
        (OTHER, ENTRY, OTHER, DONE),
    ],
)
async def test_a_reply_is_put_together_from_its_messages(pieces: tuple[bytes, ...]) -> None:
    async with server(*pieces) as place:
        assert await ask(place) == LdapResult(0, "", (FOUND,))


async def test_a_search_that_refers_to_another_server_has_no_complete_result() -> None:
    async with server(REFERENCE, DONE) as place:
        assert (await ask(place)).code == 10


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (ENTRY,),
        (ENTRY, DONE[:5]),
        (NOTICE,),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
        (b"\x30\x80\x00\x00",),
        (b"\x30\x85\x01\x01\x01\x01\x01",),
        (b"\x30\x03abc",),
        (b"\x30\x00",),
    ],
)
async def test_a_request_whose_result_does_not_come_counts_as_sent(
    pieces: tuple[bytes, ...],
) -> None:
    async with server(*pieces) as place:
        with pytest.raises(LdapFailure) as caught:
            await ask(place)
    assert caught.value.sent


async def test_a_reply_without_end_is_cut_off() -> None:
    endless = bytes.fromhex("308400ffffff"), b"x" * 1_000_000
    async with server(*endless, close=False) as place:
        with pytest.raises(LdapFailure, match="too many bytes"):
            await ask(place)


async def test_nothing_is_sent_on_a_connection_that_the_server_has_ended() -> None:
    async with server() as place:
        connection = await open_connection(place, LOGIN)
        with pytest.raises(LdapFailure) as first:
            await connection.ask(SEARCH)
        assert not connection.reusable
        with pytest.raises(LdapFailure) as second:
            await connection.ask(SEARCH)
    assert (first.value.sent, second.value.sent) == (True, False)


async def test_a_server_that_never_answers_the_bind_has_received_nothing() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(LdapFailure, match=r"no bind within 0\.1 s") as caught:
            await open_connection(Place("127.0.0.1", port, "none", None, "", 1, 0.1), LOGIN)
        await ended.wait()
    assert not caught.value.sent


@pytest.mark.parametrize("said", [b"", NOTICE, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_bind_that_breaks_off_has_sent_no_request(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(said)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(LdapFailure) as caught:
            await open_connection(Place("127.0.0.1", port, "none", None, "", 10, 5), LOGIN)
    assert not caught.value.sent


@pytest.mark.parametrize("more", [DONE, BOUND[:5]])
async def test_bytes_that_come_before_tls_end_the_connection(more: bytes) -> None:
    """Somebody on the way could have added them: nothing is encrypted yet."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(STARTED + more)
        received.set_result(await reader.read(1000))
        writer.close()

    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        context = ssl.create_default_context()
        place = Place("127.0.0.1", port, "starttls", context, "", 10, 5)
        with pytest.raises(LdapFailure) as caught:
            await open_connection(place, LOGIN)
        assert not (await received).startswith(b"\x16"), "no handshake follows"
    assert not caught.value.sent


async def test_a_connection_that_was_cancelled_in_a_request_is_not_used_again() -> None:
    async with server(close=False) as place:
        connection: LdapConnection = await open_connection(place, LOGIN)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.ask(SEARCH)
        assert not connection.reusable
        connection.close()


def test_a_server_without_the_assertion_control_must_refuse_the_request() -> None:
    """The control is critical: otherwise such a server makes the change without the condition."""
    change = call({}, ldap_modify="cn=a", replace={"sn": "b"}, **{"assert": "(sn=a)"})
    controls = messages.operation(change, "cn=a")[1]
    assert b"\x04\x0c1.3.6.1.1.12\x01\x01\xff\x04" in controls


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    message = b"\x30" + bytes([len(data)]) + data
    try:
        assert messages.length(message) == len(message)
        messages.decoded(message)
    except Unreadable:
        return


@given(st.integers(0, len(ENTRY) - 1), st.integers(0, 255))
def test_a_message_with_a_wrong_byte_is_read_or_refused(at: int, byte: int) -> None:
    try:
        messages.decoded(ENTRY[:at] + bytes([byte]) + ENTRY[at + 1 :])
    except Unreadable:
        return
