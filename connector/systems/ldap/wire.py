"""A connection to an LDAP server: TLS, bind, and one request at a time."""

import asyncio
import ssl
from typing import cast

from connector.systems.causes import cause_of
from connector.systems.connect import NoConnection, connect
from connector.systems.ldap import messages
from connector.systems.ldap.call import LdapCall
from connector.systems.ldap.messages import Reply, Unreadable
from connector.systems.ldap.names import under
from connector.systems.ldap.place import Login, Place
from connector.systems.ldap.result import REFERRAL, FoundEntry, LdapFailure, LdapResult

_MOST_BYTES = 1_000_000  # of a reply with all its entries


async def open_connection(place: Place, login: Login | None) -> "LdapConnection":
    """Connect, begin TLS, and bind, all within the place's time for a connection.

    Raises:
        LdapFailure: the connection cannot be opened, or the server refuses the bind.
    """
    context, within = place.context if place.tls == "ldaps" else None, place.connect_timeout
    deadline = asyncio.get_running_loop().time() + within
    try:
        connection, _ = await connect(
            lambda: LdapConnection(place.base), (place.host, place.port), within, context
        )
    except NoConnection as error:
        raise LdapFailure(str(error), sent=False) from None
    try:
        async with asyncio.timeout_at(deadline):
            await _begin(connection, place, login)
    except BaseException as error:
        connection.close()
        raise _not_begun(error, within) from None
    return connection


async def _begin(connection: "LdapConnection", place: Place, login: Login | None) -> None:
    if place.tls == "starttls" and place.context:
        _check("StartTLS", await connection.exchange(messages.start_tls()))
        await connection.start_tls(place.context, place.host)
    if login:
        _check("the bind", await connection.exchange(messages.bind(*login)))


def _check(step: str, result: LdapResult) -> None:
    if result.code:
        raise LdapFailure(f"{step} was refused", sent=False, code=result.code)


def _not_begun(error: BaseException, within: float) -> BaseException:
    """What to raise for an error of the beginning: the call itself was not sent."""
    if isinstance(error, LdapFailure):
        return LdapFailure(str(error), sent=False, code=error.code)
    if isinstance(error, TimeoutError) and error.errno is None:
        return LdapFailure(f"no bind within {within:g} s", sent=False)
    if isinstance(error, OSError):
        return LdapFailure(cause_of(error), sent=False)
    return error


class LdapConnection(asyncio.Protocol):
    """A connection for one request at a time; names are relative to `base`.

    After any failure it must be closed, because the reply may still come.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._number = 0
        self._received = bytearray()
        self._size = 0
        """Bytes that came since the last request was sent."""
        self._arrived: asyncio.Queue[bytes | LdapFailure] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None
        self._waiting = False
        self._ended = False

    @property
    def reusable(self) -> bool:
        """True if another request may be sent: the server has not ended the connection."""
        return not self._ended and not self._waiting and self._arrived.empty()

    async def ask(self, call: LdapCall) -> LdapResult:
        """Send the request of a call; returns its result.

        Raises:
            LdapFailure: the connection was lost before the result.
        """
        name = under(self._base, call.dn)
        return await self.exchange(*messages.operation(call, name))

    async def exchange(self, operation: bytes, controls: bytes = b"") -> LdapResult:
        """Send an operation; returns its result. Raises as `ask`."""
        if not self.reusable or self._transport is None:
            raise LdapFailure("connection closed", sent=False)
        self._number += 1
        self._waiting, self._size = True, 0
        self._transport.write(messages.message(self._number, operation, controls))
        result = await self._result()
        self._waiting = False
        return result

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS on the connection.

        Raises:
            OSError: the handshake fails.
        """
        plain = self._transport
        if plain is None or self._received or not self.reusable:
            raise ConnectionResetError  # bytes that were sent before TLS prove nothing
        start = asyncio.get_running_loop().start_tls
        self._transport = None  # until TLS has begun, nothing can be sent
        try:
            self._transport = await start(plain, self, context, server_hostname=host)
        except BaseException:
            plain.abort()
            raise

    def close(self) -> None:
        """End the connection at once; a server that waits for the next request is told."""
        if self._transport is None:
            return
        if self.reusable:
            self._transport.write(messages.message(self._number + 1, messages.UNBIND))
            self._transport.close()
        else:
            self._transport.abort()
        self._ended = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._received += data
        self._size += len(data)
        if self._size > _MOST_BYTES:
            self._end("too many bytes")
            return
        try:
            while size := messages.length(self._received):
                if len(self._received) < size:
                    break
                self._arrived.put_nowait(bytes(self._received[:size]))
                del self._received[:size]
        except Unreadable as error:
            self._end(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._end(cause_of(exc) if isinstance(exc, OSError) else "connection closed")

    def _end(self, cause: str) -> None:
        self._ended = True
        failure = LdapFailure(f"{cause} before the end of the reply", sent=True)
        self._arrived.put_nowait(failure)
        if self._transport:
            self._transport.abort()

    async def _result(self) -> LdapResult:
        """The result of the last request, with the entries that come before it."""
        entries: list[FoundEntry] = []
        refers = False
        while True:
            reply = await self._next()
            if reply.entry:
                entries.append(reply.entry)
                await asyncio.sleep(0)  # decoding many entries takes long
            refers = refers or reply.is_reference
            if reply.result:
                code = reply.result.code or (REFERRAL if refers else 0)
                return LdapResult(code, reply.result.message, tuple(entries))

    async def _next(self) -> Reply:
        """The next reply to the last request; others are skipped.

        Message 0 is the notice that the server ends the connection (RFC 4511, 4.4.1).
        """
        while True:
            found = await self._arrived.get()
            if isinstance(found, LdapFailure):
                raise found
            try:
                reply = messages.decoded(found)
            except Unreadable as error:
                raise LdapFailure(str(error), sent=True) from None
            if reply.number == 0:
                raise LdapFailure("the server ended the connection", sent=True)
            if reply.number == self._number:
                return reply
