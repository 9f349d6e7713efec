"""The connections of an HTTP system, as transports of httpx.

Connections are kept open and reused. The pool of httpx collapses at 100 concurrent calls; other
libraries need several times the CPU (docs/decisions/0014-own-connections.md). Only calls through a
proxy use the connections of httpx. The bodies of requests and replies are always complete, in an
`httpx.ByteStream` (docs/decisions/0011-no-httpx-client.md).
"""

import asyncio
import ssl
from collections import deque
from functools import partial
from urllib.request import getproxies, proxy_bypass

import httpx

from connector.systems.http.coding import unpacked
from connector.systems.http.connection import HttpConnection
from connector.systems.http.faults import TooLarge

_IDLE = 20.0  # seconds; a connection that is idle for longer may be dead without notice
_WITH_BODY = ("POST", "PUT", "PATCH")  # send a length even for an empty body (RFC 9110, 8.6)

Origin = tuple[str, str, int]
"""Scheme, host, port."""


def http_transport(
    url: httpx.URL, connect_timeout: float, most_bytes: int
) -> httpx.AsyncBaseTransport:
    """A transport for a system at `url`; it needs a running event loop.

    `connect_timeout` is in seconds; `most_bytes` limits the unpacked body of a reply. The
    environment variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are respected.

    Raises:
        ValueError: the proxy cannot be used.
        ImportError: the proxy needs a package that is not installed.
    """
    proxy = getproxies().get(url.scheme)
    if proxy and not proxy_bypass(url.host):
        return _Proxied(_proxy(proxy), connect_timeout, most_bytes)
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
        self._clock = asyncio.get_running_loop().time
        self._idle: dict[Origin, deque[HttpConnection]] = {}  # most recently used at the right
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        data, origin = _wire(request), _origin(request.url)
        connection = self._kept(origin) or await self._open(origin)
        try:
            return await connection.exchange(data)
        finally:
            self._keep(origin, connection)

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        self._closed = True
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.close()

    def _kept(self, origin: Origin) -> HttpConnection | None:
        """The most recently used idle connection; None if none can be reused."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if connection.reusable and connection.idle_since > self._clock() - _IDLE:
                return connection
            connection.close()
        return None

    def _keep(self, origin: Origin, connection: HttpConnection) -> None:
        if self._closed or not connection.reusable:
            connection.close()
            return
        now = connection.idle_since = self._clock()
        kept = self._idle.setdefault(origin, deque())
        kept.append(connection)
        while kept[0].idle_since < now - _IDLE:  # a burst of calls is over
            kept.popleft().close()

    async def _open(self, origin: Origin) -> HttpConnection:
        scheme, host, port = origin
        connect = asyncio.get_running_loop().create_connection
        try:
            async with asyncio.timeout(self._timeout):
                tls = self._trust() if scheme == "https" else None
                made = await connect(partial(HttpConnection, self._most), host, port, ssl=tls)
        except TimeoutError:
            raise httpx.ConnectTimeout("no connection in time") from None
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{type(error).__name__}: {error}") from None
        return made[1]

    def _trust(self) -> ssl.SSLContext:
        """Trust in the certificate authorities of the machine or of `SSL_CERT_FILE`; read once."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class _Proxied(httpx.AsyncBaseTransport):
    """Connections of httpx through a proxy. They are slower, but rarely needed."""

    def __init__(self, proxy: httpx.Proxy, connect_timeout: float, most_bytes: int) -> None:
        self._timeouts = httpx.Timeout(None, connect=connect_timeout).as_dict()
        self._most = most_bytes
        limits = httpx.Limits(keepalive_expiry=_IDLE)
        self._inner = httpx.AsyncHTTPTransport(proxy=proxy, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        sent = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=whole(request.stream),
            extensions={"timeout": self._timeouts},
        )
        response = await self._inner.handle_async_request(sent)
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._most:
                    raise TooLarge(response.status_code)
        finally:
            await response.aclose()
        headers, status = response.headers, response.status_code
        stream = httpx.ByteStream(unpacked(bytes(body), headers.raw, self._most, status))
        return httpx.Response(status, headers=headers, stream=stream)

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        await self._inner.aclose()


def _proxy(text: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(text)
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from None
    if (proxy.url.port or 0) > 65_535:
        raise ValueError("a port above 65535")
    return proxy


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.raw_host.decode(), url.port or (443 if url.scheme == "https" else 80)


def _wire(request: httpx.Request) -> bytes:
    """The bytes of a request (RFC 9112).

    Raises:
        httpx.LocalProtocolError: a header has a line break or a NUL character in it.
    """
    body, headers = whole(request.stream), request.headers.raw
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    if "host" not in request.headers:
        lines.append(b"host: " + request.url.netloc)
    if body or request.method in _WITH_BODY:
        lines.append(b"content-length: %d" % len(body))
    lines += [b"%b: %b" % header for header in headers]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
        raise httpx.LocalProtocolError("a header that cannot be sent")
    return b"%b\r\n\r\n%b" % (head, body)
