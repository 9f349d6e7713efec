"""The connections of an HTTP system, as transports of httpx.

Connections are kept open and reused. The pool of httpx collapses at 100 concurrent calls; other
libraries need several times the CPU (docs/decisions/0014-own-connections.md). Only calls through a
proxy use the connections of httpx. The bodies of requests and replies are always complete, in an
`httpx.ByteStream` (docs/decisions/0011-no-httpx-client.md).
"""

import asyncio
import re
from collections import defaultdict
from functools import cached_property, partial
from ssl import SSLContext

import httpx

from connector.systems.causes import cause_of
from connector.systems.connect import NoConnection, connect
from connector.systems.http.coding import unpacked
from connector.systems.http.connection import HttpConnection
from connector.systems.http.faults import Cut, Fault, TooLarge, Unreadable
from connector.systems.http.proxy import port_of, proxy_for
from connector.systems.http.trust import trust
from connector.systems.idle import LONGEST, Idle

_WITH_BODY = ("POST", "PUT", "PATCH")  # send a length even for an empty body (RFC 9110, 8.6)

Origin = tuple[str, str, int]
"""Scheme, host, port."""


def http_transport(
    url: httpx.URL, connect_timeout: float, most_bytes: int
) -> httpx.AsyncBaseTransport:
    """A transport for a system at `url`; it needs a running event loop.

    `connect_timeout` is in seconds; `most_bytes` limits the unpacked body of a reply. The
    environment may name a proxy, see `proxy_for`.

    Raises:
        ValueError: the proxy cannot be used.
        ImportError: the proxy needs a package that is not installed.
    """
    proxy = proxy_for(url)
    if proxy:
        return _Proxied(proxy, connect_timeout, most_bytes)
    return _Direct(connect_timeout, most_bytes)


def whole(stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> bytes:
    """The bytes of a body; `stream` must be a complete body, an `httpx.ByteStream`."""
    assert isinstance(stream, httpx.ByteStream)  # noqa: S101 - all bodies here are complete
    return b"".join(stream)


class _Direct(httpx.AsyncBaseTransport):
    """Pooled connections. The pool is unbounded: the caller limits concurrency."""

    def __init__(self, connect_timeout: float, most_bytes: int) -> None:
        self._timeout = connect_timeout
        self._most = most_bytes
        self._idle: defaultdict[Origin, Idle[HttpConnection]] = defaultdict(Idle)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        data, origin = _wire(request), _origin(request.url)
        idle = self._idle[origin]
        connection = idle.take() or await self._open(origin)
        try:
            return await connection.exchange(data)
        except asyncio.CancelledError:
            _note_status(request, connection.status)
            raise
        finally:
            idle.keep(connection)

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        for idle in self._idle.values():
            idle.close()

    async def _open(self, origin: Origin) -> HttpConnection:
        scheme, host, port = origin
        make, tls = partial(HttpConnection, self._most), self._tls if scheme == "https" else None
        try:
            connection, plain = await connect(make, (host, port), self._timeout, tls)
        except NoConnection as error:
            kind = httpx.ConnectError if error.in_time else httpx.ConnectTimeout
            raise kind(str(error)) from None
        if tls:
            connection.below = plain
        return connection

    @cached_property
    def _tls(self) -> SSLContext:
        return trust()


class _Proxied(httpx.AsyncBaseTransport):
    """Connections of httpx through a proxy. They are slower, but rarely needed."""

    def __init__(self, proxy: httpx.Proxy, connect_timeout: float, most_bytes: int) -> None:
        self._timeouts = httpx.Timeout(None, connect=connect_timeout).as_dict()
        self._most = most_bytes
        limits = httpx.Limits(keepalive_expiry=LONGEST)
        tls = trust()  # httpx would trust the authorities of certifi
        if proxy.url.scheme == "https":
            proxy = httpx.Proxy(proxy.url, ssl_context=tls, auth=proxy.auth)
        self._inner = httpx.AsyncHTTPTransport(verify=tls, proxy=proxy, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        sent = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=whole(request.stream),
            extensions=request.extensions | {"timeout": self._timeouts},
        )
        try:
            return await self._exchange(sent)
        except Fault:
            raise
        except httpx.RequestError as error:
            raise type(error)(_words(error, self._timeouts["connect"])) from None

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except httpx.RemoteProtocolError as error:
            if request.url.scheme == "https" or str(error).startswith("Server disconnected"):
                raise  # it may be the proxy that spoke; or not a byte came
            raise Unreadable("its head is not HTTP") from None
        status, body = response.status_code, bytearray()
        _note_status(request, status)
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._most:
                    raise TooLarge(status)
        except Fault:
            raise
        except (httpx.ReadError, httpx.RemoteProtocolError):
            raise Cut("connection closed", status) from None
        finally:
            await response.aclose()
        plain = unpacked(bytes(body), response.headers.raw, self._most, status)
        stream = httpx.ByteStream(plain)
        return httpx.Response(status, headers=response.headers, stream=stream)

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        await self._inner.aclose()


def _note_status(request: httpx.Request, status: int | None) -> None:
    """Note the status of a reply that may never end, in `connector.systems.guard.Progress`."""
    if progress := request.extensions.get("progress"):
        progress.status = status


def _words(error: httpx.RequestError, connect_timeout: float | None) -> str:
    """The cause of an error of httpx; its own text may quote a header or the other side."""
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {connect_timeout:g} s"
        case httpx.ProxyError():
            status = re.match(r"\d{3}\b", str(error))
            return (
                f"the proxy answered HTTP {status[0]}" if status else "the proxy refused the call"
            )
        case httpx.LocalProtocolError():
            return "a header that cannot be sent"
        case httpx.RemoteProtocolError():
            return "the reply is not HTTP, or ends too early"
    return cause_of(error)


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.raw_host.decode(), port_of(url)


def _wire(request: httpx.Request) -> bytes:
    """The bytes of a request (RFC 9112).

    Raises:
        httpx.LocalProtocolError: a header has a line break or a NUL character in it.
    """
    body, headers = whole(request.stream), request.headers.raw
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    if "host" not in request.headers:
        lines.append(b"Host: " + request.url.netloc)
    if body or request.method in _WITH_BODY:
        lines.append(b"Content-Length: %d" % len(body))
    lines += [b"%b: %b" % header for header in headers]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
        raise httpx.LocalProtocolError("a header that cannot be sent")
    return b"%b\r\n\r\n%b" % (head, body)
