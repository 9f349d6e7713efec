"""One connection over HTTP/2; it carries any number of requests at a time (RFC 9113).

The event loop does TCP and TLS. This module knows when the connection may be used. It raises every
failure as an error of httpx.
"""

import asyncio
from typing import cast

import httpx

from connector.systems.causes import cause_of, is_refusal
from connector.systems.guard import Progress
from connector.systems.http.faults import CertificateRefused, Unreadable
from connector.systems.http.http2.exchange import Exchange
from connector.systems.http.http2.fields import Fields
from connector.systems.http.http2.frames import NotHttp2
from connector.systems.http.http2.streams import Streams
from connector.systems.idle import LONGEST

PROTOCOL = "h2"
"""The name of HTTP/2 in a TLS handshake (ALPN)."""
_NO_HTTP2 = "the system does not speak HTTP/2"
_NOT_SENT = "closed before the request was sent"


class Http2Connection(asyncio.Protocol):
    """A connection, with the callbacks of asyncio. `most_bytes` limits the body of a reply."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._streams = Streams()
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._idle_since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    async def ready(self) -> None:
        """Wait until the system has spoken HTTP/2; no request is sent before.

        Raises:
            httpx.ConnectError: it speaks another protocol, or closed the connection.
            CertificateRefused: it refused the client certificate (TLS 1.3).
        """
        await self._ready

    @property
    def usable(self) -> bool:
        """True if the connection takes requests, now or once others have ended.

        An instance without CPU between events runs its timers late, so the age is checked, too.
        """
        if self._streams.retired or self._transport is None or self._transport.is_closing():
            return False
        return self._streams.busy or self._idle_since > self._loop.time() - LONGEST

    @property
    def has_room(self) -> bool:
        """True if the connection takes a request now."""
        return self.usable and self._streams.have_room

    async def exchange(self, fields: Fields, body: bytes, progress: Progress) -> httpx.Response:
        """Send a request; returns the reply with its complete body.

        If the caller is cancelled, the connection takes no more requests: it may be dead.

        Raises:
            httpx.ConnectError: the system did not take the request; it was not carried out.
            httpx.LocalProtocolError: h2 refuses the header fields; nothing was sent.
            httpx.ReadError: the reply did not come, or not whole.
            Fault: a reply came that cannot be used.
        """
        if not self.has_room:
            raise httpx.ConnectError(_NOT_SENT)
        exchange = Exchange(body, self._most, progress)
        number = self._streams.open(fields, exchange)
        self._flush()
        try:
            return await exchange.reply
        except asyncio.CancelledError:
            self._streams.retired = True
            raise
        finally:
            self._streams.close(number)
            self._flush()
            self._rest()

    def retire(self) -> None:
        """Take no more requests, and close the connection as soon as none is under way."""
        self._streams.retired = True
        self._rest()

    def close(self) -> None:
        """Close the connection at once."""
        self._streams.retired = True
        if self._timer:
            self._timer.cancel()
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`. Over TLS, bytes of the system can come before this."""
        self._transport = cast(asyncio.Transport, transport)
        tls = transport.get_extra_info("ssl_object")
        if tls and tls.selected_alpn_protocol() != PROTOCOL:
            self._break(httpx.ConnectError(_NO_HTTP2))
            return
        self._flush()
        self._rest()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._ready.done() and self._ready.exception():
            return
        try:
            self._streams.receive(data)
        except NotHttp2:
            begun = self._streams.begun
            self._break(Unreadable("it is not HTTP/2") if begun else httpx.ConnectError(_NO_HTTP2))
            return
        if self._streams.begun and not self._ready.done():
            self._ready.set_result(None)
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        cause = cause_of(error) if error else "connection closed"
        if not self._ready.done():
            refused = error is not None and is_refusal(error)
            kind = CertificateRefused if refused else httpx.ConnectError
            self._ready.set_exception(kind(cause if refused else f"{cause} before HTTP/2 began"))
        self._streams.lose(cause)

    def _rest(self) -> None:
        """If no request is under way, close a retired connection; another one after 20 s."""
        if self._streams.busy:
            return
        if self._streams.retired:
            self.close()
            return
        self._idle_since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._idle_since + LONGEST, self._close_old)

    def _close_old(self) -> None:
        self._timer = None
        due = self._idle_since + LONGEST
        if self._streams.busy:
            return  # `_rest` sets the timer again
        if due <= self._loop.time():
            self.close()
        else:
            self._timer = self._loop.call_at(due, self._close_old)

    def _break(self, error: httpx.RequestError) -> None:
        """End the connection, which cannot be understood."""
        if not self._ready.done():
            self._ready.set_exception(error)
        self._streams.fail(error)
        self._flush()
        if self._transport:
            self._transport.close()

    def _flush(self) -> None:
        """Send what is to be sent."""
        if self._transport is None or self._transport.is_closing():
            return
        if data := self._streams.to_send():
            self._transport.write(data)
