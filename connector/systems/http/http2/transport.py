"""The connections over HTTP/2 to each host, as a transport of httpx.

A connection carries as many requests at a time as the system allows. If all connections are full,
another one is opened; only one at a time is opened to a host, and all requests that wait share it.
"""

import asyncio
from collections import defaultdict
from functools import partial

import httpx

from connector.system import End
from connector.systems.connect import NoConnection, connect
from connector.systems.http.faults import CertificateRefused
from connector.systems.http.http2.connection import Http2Connection
from connector.systems.http.http2.fields import fields_of
from connector.systems.http.proxy import port_of, proxy_for
from connector.systems.http.transport import (
    Origin,
    no_connection,
    perhaps_refused,
    progress_of,
    whole,
)
from connector.systems.trust import Trust


def http2_transport(
    url: httpx.URL, connect_timeout: float, most_bytes: int, trust: Trust
) -> httpx.AsyncBaseTransport:
    """A transport for a system at `url`; arguments as of `transport.http_transport`.

    Raises:
        ValueError: the environment names a proxy for this system.
    """
    if proxy_for(url):
        raise ValueError("system.http.http2: goes through no proxy; name the host in NO_PROXY")
    return _Transport(connect_timeout, most_bytes, trust)


class _Place:
    """The connections to one host. `opening` is the one that is being opened."""

    def __init__(self) -> None:
        self.connections: list[Http2Connection] = []
        self.opening: asyncio.Task[None] | None = None

    def free(self) -> Http2Connection | None:
        """The oldest connection that takes a request now; None if there is none."""
        for one in [one for one in self.connections if not one.usable]:
            self.connections.remove(one)
            one.retire()
        return next((one for one in self.connections if one.has_room), None)


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, connect_timeout: float, most_bytes: int, trust: Trust) -> None:
        self._timeout = connect_timeout
        self._most = most_bytes
        self._trust = trust
        self._places: defaultdict[Origin, _Place] = defaultdict(_Place)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        body = whole(request.stream)
        fields = fields_of(request, len(body))
        progress = progress_of(request)
        progress.end = End.NOT_SENT  # if time is over while a connection opens
        connection = await self._connection(request.url)
        progress.end = End.PENDING
        return await connection.exchange(fields, body, progress)

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        for place in self._places.values():
            if place.opening:
                place.opening.cancel()
            for connection in place.connections:
                connection.close()

    async def _connection(self, url: httpx.URL) -> Http2Connection:
        """A connection that takes a request now."""
        origin = url.scheme, url.raw_host.decode(), port_of(url)
        place = self._places[origin]
        if found := place.free():
            return found
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    await self._one_more(place, origin)
                    if found := place.free():
                        return found
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no HTTP/2 within {self._timeout:g} s") from None

    async def _one_more(self, place: _Place, origin: Origin) -> None:
        """Wait until one more connection is open, which all that wait share."""
        if place.opening is None:
            place.opening = asyncio.create_task(self._open(place, origin))
            place.opening.add_done_callback(partial(_opened, place))
        await asyncio.shield(place.opening)

    async def _open(self, place: _Place, origin: Origin) -> None:
        """Open a connection.

        Raises:
            httpx.ConnectError: there is none, or the system does not speak HTTP/2 or takes no
                request at all.
        """
        scheme, host, port = origin
        tls = self._trust.context() if scheme == "https" else None
        try:
            async with asyncio.timeout(self._timeout):
                make = partial(Http2Connection, self._most)
                connection, _ = await connect(make, (host, port), self._timeout, tls)
                await _ready(connection)
        except NoConnection as error:
            raise no_connection(error) from None
        except httpx.ConnectError as error:
            if self._trust.shows_certificate and not isinstance(error, CertificateRefused):
                raise perhaps_refused(error) from None
            raise
        if not connection.has_room:
            connection.close()
            raise httpx.ConnectError("the system takes no request over HTTP/2")
        place.connections.append(connection)


async def _ready(connection: Http2Connection) -> None:
    """Wait until a connection may be used; close it if it may not."""
    try:
        await connection.ready()
    except BaseException:
        connection.close()
        raise


def _opened(place: _Place, task: asyncio.Task[None]) -> None:
    """Let the next request open another connection; an error is that of those who waited."""
    place.opening = None
    if not task.cancelled():
        task.exception()
