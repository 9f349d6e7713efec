"""One connection to an HTTP system; it carries one request and its reply at a time.

It speaks the part of HTTP/1.1 that a connector needs (RFC 9112). httptools parses replies; the
event loop does TCP and TLS. This module collects a reply, limits its size and knows whether the
connection can be reused. It raises every failure as an error of httpx.
"""

import asyncio
import zlib
from typing import cast

import httptools
import httpx

from connector.systems.causes import cause_of

_MOST_FRAMING = 1_000_000  # bytes of a reply outside its body: head, sizes of chunks, trailers
_MOST_HEADERS = 100
_GZIP_OR_ZLIB = 47  # wbits: zlib finds out which of the two formats the data has
_PACKED = (b"gzip", b"x-gzip", b"deflate")
_LENGTHS = (b"content-length", b"transfer-encoding")


class TooLarge(httpx.ReadError):
    """The reply is larger than the limit."""


class HttpConnection(asyncio.Protocol):
    """A connection, with the callbacks of asyncio and httptools.

    `most_bytes` limits the unpacked body of a reply. Over TLS, `below` is the transport of TCP.
    """

    below: asyncio.Transport | None = None

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._sound = True  # False once bytes came that make the end of a reply unclear
        self._reply: asyncio.Future[httpx.Response] | None = None
        self._parser = httptools.HttpResponseParser(self)

    @property
    def reusable(self) -> bool:
        """True if another request may be sent.

        If the system closes the connection, the loop marks the transport as closing one turn before
        it calls `connection_lost`. An instance without CPU between events can handle its next event
        in that turn, so the transport is asked, too.
        """
        return self._sound and self._reply is None and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> httpx.Response:
        """Send the bytes of a request; returns the reply with its complete body.

        Raises:
            httpx.ConnectError: the connection was closed before the request was sent.
            httpx.ReadError: the connection was lost before the end of the reply.
            httpx.RemoteProtocolError: the received bytes are not an HTTP reply.
            httpx.DecodingError: the body cannot be unpacked.
            TooLarge: the reply is larger than the limit.
        """
        if self._transport.is_closing():
            raise httpx.ConnectError("closed before the request was sent")
        self._reply = asyncio.get_running_loop().create_future()
        self._begin()
        self._received = 0
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
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._sound = False
            self._fail(httpx.RemoteProtocolError(type(error).__name__))
        if self._received > self._most + _MOST_FRAMING or len(self._body) > self._most:
            self._fail(TooLarge("the reply is too large"))

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if not self._waits:
            return
        if error is None and self._headed and not self._has_length():
            self._finish()  # the reply ends with the connection
        else:
            cause = cause_of(error) if error else "connection closed"
            self._fail(httpx.ReadError(f"{cause} before the end of the reply"))

    def on_message_begin(self) -> None:
        """See httptools."""
        if not self._waits:
            self._sound = False  # a second reply to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools; an exception here makes the parser, and so the exchange, fail."""
        if self._headed:
            return  # a trailer; trailers are not merged into the headers (RFC 9110, 6.5.1)
        if len(self._headers) == _MOST_HEADERS or not value.isascii():
            raise ValueError("a header")
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._headed = True

    def on_body(self, data: bytes) -> None:
        """See httptools."""
        self._body += data

    def on_message_complete(self) -> None:
        """See httptools."""
        status = self._parser.get_status_code()
        if status < 200:
            self._begin()  # an interim reply: the final reply follows
            return
        self._sound = self._sound and self._parser.should_keep_alive()
        self._finish()

    @property
    def _waits(self) -> bool:
        return self._reply is not None and not self._reply.done()

    def _gone(self) -> bool:
        """True if the whole request was sent; a reply can come before that.

        The transport of TLS does not count the bytes that wait for the socket in the one below.
        """
        waiting = self._transport.get_write_buffer_size()
        return waiting == 0 and (self.below is None or self.below.get_write_buffer_size() == 0)

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._headed = False
        self._body = bytearray()

    def _has_length(self) -> bool:
        return any(name.lower() in _LENGTHS for name, _ in self._headers)

    def _finish(self) -> None:
        try:
            stream = httpx.ByteStream(self._unpacked())
        except httpx.RequestError as error:
            self._fail(error)
            return
        if self._reply and not self._reply.done():
            status = self._parser.get_status_code()
            self._reply.set_result(httpx.Response(status, headers=self._headers, stream=stream))

    def _fail(self, error: httpx.RequestError) -> None:
        if self._reply and not self._reply.done():
            self._reply.set_exception(error)

    def _unpacked(self) -> bytes:
        """The body, unpacked: some systems compress it although the request forbids that."""
        body = bytes(self._body)
        if len(body) > self._most:
            raise TooLarge("the reply is too large")
        for name, value in self._headers:
            encoding = value.strip().lower()
            if name.lower() == b"content-encoding" and encoding not in (b"", b"identity"):
                body = _unpack(body, encoding, self._most)
        return body


def _unpack(body: bytes, encoding: bytes, most: int) -> bytes:
    if encoding not in _PACKED:
        raise httpx.DecodingError("the reply has an unsupported content encoding")
    if not body:
        return body
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise httpx.DecodingError("the reply does not match its content encoding") from None
    if len(plain) > most:
        raise TooLarge("the reply is too large")
    if not unpacker.eof:
        raise httpx.DecodingError("the compressed reply is truncated")
    return plain
