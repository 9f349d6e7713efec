"""One connection to an HTTP system; it carries one request and its reply at a time.

It speaks the part of HTTP/1.1 that a connector needs (RFC 9112). `ReplyReader` reads the reply; the
event loop does TCP and TLS. This module knows whether the connection can be reused. It raises every
failure as an error of httpx.
"""

import asyncio
from typing import cast

import httpx

from connector.systems.causes import cause_of, is_refusal
from connector.systems.http.coding import unpacked
from connector.systems.http.faults import CertificateRefused, Fault
from connector.systems.http.reader import ReplyReader


class HttpConnection(asyncio.Protocol):
    """A connection, with the callbacks of asyncio.

    `most_bytes` limits the unpacked body of a reply. Over TLS, `below` is the transport of TCP.
    """

    below: asyncio.Transport | None = None

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._sound = True  # False once bytes came that make the end of a reply unclear
        self._reply: asyncio.Future[httpx.Response] | None = None
        self._reader = ReplyReader(most_bytes)

    @property
    def reusable(self) -> bool:
        """True if another request may be sent.

        If the system closes the connection, the loop marks the transport as closing one turn before
        it calls `connection_lost`. An instance without CPU between events can handle its next event
        in that turn, so the transport is asked, too.
        """
        return self._sound and self._reply is None and not self._transport.is_closing()

    @property
    def status(self) -> int | None:
        """The status of the last reply, as soon as it was read."""
        return self._reader.status

    async def exchange(self, request: bytes) -> httpx.Response:
        """Send the bytes of a request; returns the reply with its complete body.

        Raises:
            httpx.ConnectError: the connection was closed before the request was sent.
            CertificateRefused: the system refused the client certificate, after the request was
                sent (TLS 1.3).
            httpx.ReadError: the connection was lost before a byte of the reply came.
            Fault: a reply came that cannot be used.
        """
        if self._transport.is_closing():
            raise httpx.ConnectError("closed before the request was sent")
        self._reply = asyncio.get_running_loop().create_future()
        self._reader = ReplyReader(self._most)
        self._transport.write(request)
        try:
            return await self._reply
        except BaseException:
            self._sound = False  # the reply may still come
            raise
        finally:
            self._sound = self._sound and self._gone()
            self._reply = None

    def close(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._waits:
            self._sound = False  # bytes came without a request
            return
        try:
            self._reader.feed(data)
            if self._reader.done:
                self._finish()
        except Fault as fault:
            self._fail(fault)

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if not self._waits:
            return
        if not self._reader.begun:
            if error and is_refusal(error):
                self._fail(CertificateRefused(cause_of(error)))
                return
            cause = cause_of(error) if error else "connection closed"
            self._fail(httpx.ReadError(f"{cause} before the end of the reply"))
            return
        try:
            self._reader.end(error)
            self._finish()
        except Fault as fault:
            self._fail(fault)

    @property
    def _waits(self) -> bool:
        return self._reply is not None and not self._reply.done()

    def _gone(self) -> bool:
        """True if the whole request was sent; a reply can come before that.

        The transport of TLS does not count the bytes that wait for the socket in the one below.
        """
        waiting = self._transport.get_write_buffer_size()
        return waiting == 0 and (self.below is None or self.below.get_write_buffer_size() == 0)

    def _finish(self) -> None:
        """Complete the exchange with the reply that was read.

        Raises:
            Fault: its body cannot be unpacked.
        """
        reader = self._reader
        assert reader.head and self._reply  # noqa: S101 - the reader is done
        head = reader.head
        body = unpacked(bytes(reader.body), head.headers, self._most, head.status)
        self._sound = self._sound and reader.sound
        stream = httpx.ByteStream(body)
        self._reply.set_result(httpx.Response(head.status, headers=head.headers, stream=stream))

    def _fail(self, error: httpx.RequestError) -> None:
        self._sound = False
        if self._reply and not self._reply.done():
            self._reply.set_exception(error)
