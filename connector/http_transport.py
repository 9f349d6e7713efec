"""The connections under httpx: pyreqwest's.

Not httpx's own pool, which collapses at 100 concurrent calls (design, "System";
docs/decisions/0002-pyreqwest-transport.md).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport
from pyreqwest.exceptions import PyreqwestError


def http_transport(connect_timeout: float) -> httpx.AsyncBaseTransport:
    """A transport; it needs a running event loop. `connect_timeout` is in seconds."""
    client = (
        ClientBuilder()
        .connect_timeout(timedelta(seconds=connect_timeout))
        .follow_redirects(False)
        .pool_idle_timeout(timedelta(seconds=20))
        .http1_only()
        .build()
    )
    return _Transport(client)


class _Transport(HttpxTransport):
    """Fails as httpx does.

    pyreqwest 0.15 names a connection that was lost like one that was never made; and what ends
    a reply while its body is read comes as an error of its own.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        with _as_httpx():
            response = await super().handle_async_request(request)
        response.stream = _Body(response.stream)
        return response


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for chunk in self._stream:
                yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except (PyreqwestError, httpx.ConnectError) as error:
        source = error if isinstance(error, PyreqwestError) else error.__cause__
        details = getattr(source, "details", None) or {}
        causes = [str(cause["message"]) for cause in details.get("causes", ())]
        connected = "client error (Connect)" not in causes
        kind = httpx.ReadError if connected else httpx.ConnectError
        raise kind(causes[-1] if causes else type(error).__name__) from None
