"""The connections of an HTTP system, as transports of httpx.

Connections are kept open and reused. The pool of httpx collapses at 100 concurrent calls; other
libraries need several times the CPU (docs/decisions/0014-own-connections.md). Only calls through a
proxy use the connections of httpx. The bodies of requests and replies are always complete, in an
`httpx.ByteStream` (docs/decisions/0011-no-httpx-client.md).
"""

import asyncio
import re
import ssl
from collections import defaultdict
from functools import partial

import httpx

from connector.system import End
from connector.systems.causes import cause_of, is_refusal
from connector.systems.connect import NoConnection, connect
from connector.systems.guard import Progress
from connector.systems.http.coding import unpacked
from connector.systems.http.connection import HttpConnection
from connector.systems.http.faults import CertificateRefused, Cut, Fault, TooLarge, Unreadable
from connector.systems.http.proxy import port_of, proxy_for
from connector.systems.idle import LONGEST, Idle
from connector.systems.trust import Trust

_WITH_BODY = ("POST", "PUT", "PATCH")  # send a length even for an empty body (RFC 9110, 8.6)
_PERHAPS_REFUSED = "perhaps the connector's certificate was refused"  # some systems do not say it

Origin = tuple[str, str, int]
"""Scheme, host, port."""


def http_transport(
    url: httpx.URL, connect_timeout: float, most_bytes: int, trust: Trust
) -> httpx.AsyncBaseTransport:
    """A transport for a system at `url`; it needs a running event loop.

    `connect_timeout` is in seconds; `most_bytes` limits the unpacked body of a reply; `trust` makes
    the TLS contexts of new connections. The environment may name a proxy, see `proxy_for`.

    Raises:
        ValueError: the proxy cannot be used.
        ImportError: the proxy needs a package that is not installed.
    """
    proxy = proxy_for(url)
    if proxy:
        return _Proxied(proxy, connect_timeout, most_bytes, trust)
    return _Direct(connect_timeout, most_bytes, trust)


def whole(stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> bytes:
    """The bytes of a body; `stream` must be a complete body, an `httpx.ByteStream`."""
    assert isinstance(stream, httpx.ByteStream)  # noqa: S101 - all bodies here are complete
    return b"".join(stream)


def no_connection(error: NoConnection) -> httpx.TransportError:
    """The error of httpx for a connection that could not be opened."""
    if error.refused:
        return CertificateRefused(str(error))
    return (httpx.ConnectError if error.in_time else httpx.ConnectTimeout)(str(error))


def perhaps_refused(error: httpx.NetworkError) -> httpx.NetworkError:
    """The error of a connection that was lost, if the connector has shown a certificate."""
    return type(error)(f"{error}; {_PERHAPS_REFUSED}")


class _Direct(httpx.AsyncBaseTransport):
    """Pooled connections. The pool is unbounded: the caller limits concurrency."""

    def __init__(self, connect_timeout: float, most_bytes: int, trust: Trust) -> None:
        self._timeout = connect_timeout
        self._most = most_bytes
        self._trust = trust
        self._idle: defaultdict[Origin, Idle[HttpConnection]] = defaultdict(Idle)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        data, origin = _wire(request), _origin(request.url)
        idle = self._idle[origin]
        used = idle.take()
        connection = used or await self._open(origin, progress_of(request))
        try:
            return await connection.exchange(data)
        except httpx.ReadError as error:
            if used or isinstance(error, Fault) or not self._trust.shows_certificate:
                raise
            raise perhaps_refused(error) from None
        except asyncio.CancelledError:
            _note_status(request, connection.status)
            raise
        finally:
            idle.keep(connection)

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        for idle in self._idle.values():
            idle.close()

    async def _open(self, origin: Origin, progress: Progress) -> HttpConnection:
        progress.end = End.NOT_SENT  # if time is over while it opens
        scheme, host, port = origin
        make = partial(HttpConnection, self._most)
        tls = self._trust.context() if scheme == "https" else None
        try:
            connection, plain = await connect(make, (host, port), self._timeout, tls)
        except NoConnection as error:
            raise no_connection(error) from None
        if tls:
            connection.below = plain
        progress.end = End.PENDING
        return connection


class _Proxied(httpx.AsyncBaseTransport):
    """Connections of httpx through a proxy. They are slower, but rarely needed."""

    def __init__(
        self, proxy: httpx.Proxy, connect_timeout: float, most_bytes: int, trust: Trust
    ) -> None:
        self._timeouts = httpx.Timeout(None, connect=connect_timeout).as_dict()
        self._most = most_bytes
        self._trust = trust
        if proxy.url.scheme == "https":  # for the machine's authorities, without a certificate
            proxy = httpx.Proxy(proxy.url, ssl_context=Trust().context(), auth=proxy.auth)
        self._proxy = proxy
        self._made_with = trust.context()  # httpx would trust the authorities of certifi
        self._inners = [self._inner()]

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
        except (httpx.RequestError, ssl.SSLError) as error:  # httpx lets alerts of TLS 1.3 through
            if is_refusal(error):
                raise CertificateRefused(cause_of(error)) from None
            if isinstance(error, ssl.SSLError):
                raise httpx.ReadError(cause_of(error)) from None
            raise type(error)(_words(error, self._timeouts["connect"])) from None

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._current().handle_async_request(request)
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
        for inner in self._inners:
            await inner.aclose()

    def _current(self) -> httpx.AsyncHTTPTransport:
        """The connections with the context that is in use now; those before may still be busy."""
        if (context := self._trust.context()) is not self._made_with:
            self._made_with = context
            self._inners.append(self._inner())
        return self._inners[-1]

    def _inner(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(keepalive_expiry=LONGEST)
        return httpx.AsyncHTTPTransport(verify=self._made_with, proxy=self._proxy, limits=limits)


def progress_of(request: httpx.Request) -> Progress:
    """Where the guard reads how far a request has come; logins have none that is read."""
    return request.extensions.get("progress") or Progress()


def _note_status(request: httpx.Request, status: int | None) -> None:
    """Note the status of a reply that may never end."""
    progress_of(request).status = status


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
