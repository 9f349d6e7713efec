"""The connections of an HTTP system: pyreqwest's, behind the interface of httpx's transports.

Not httpx's own pool, which collapses at 100 concurrent calls (design, "System";
docs/decisions/0002-pyreqwest-transport.md). Requests and replies carry their bodies whole, in
`httpx.ByteStream`: what httpx does beyond that costs more than the rest of a call (0011).
"""

from datetime import timedelta

import httpx
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectTimeoutError, PyreqwestError


class TooLarge(httpx.ReadError):
    """A reply has more bytes than are taken."""


def http_transport(connect_timeout: float, most_bytes: int) -> httpx.AsyncBaseTransport:
    """A transport; it needs a running event loop.

    `connect_timeout` is in seconds, `most_bytes` the size of a reply, unpacked, above which it is
    `TooLarge`.
    """
    client = (
        ClientBuilder()
        .connect_timeout(timedelta(seconds=connect_timeout))
        .follow_redirects(False)
        .pool_idle_timeout(timedelta(seconds=20))
        .http1_only()
        .build()
    )
    return _Transport(client, most_bytes)


def whole(stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> bytes:
    """The bytes of a body that is there already."""
    assert isinstance(stream, httpx.ByteStream)  # noqa: S101 - of all that is sent and taken here
    return b"".join(stream)


class _Transport(httpx.AsyncBaseTransport):
    """Fails as httpx does."""

    def __init__(self, client: Client, most_bytes: int) -> None:
        self._client = client
        self._most = most_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        builder = self._client.request(request.method, str(request.url))
        builder = builder.headers(request.headers.multi_items()).body_bytes(whole(request.stream))
        try:
            async with builder.build_streamed() as response:
                body = bytearray()
                while (chunk := await response.body_reader.read()) is not None:
                    body += chunk
                    if len(body) > self._most:
                        raise TooLarge("the reply is too large")
                headers = list(response.headers.items())
                stream = httpx.ByteStream(bytes(body))
                return httpx.Response(response.status, headers=headers, stream=stream)
        except PyreqwestError as error:
            raise _as_httpx(error) from None

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        await self._client.close()


def _as_httpx(error: PyreqwestError) -> httpx.TransportError:
    """The error of httpx; pyreqwest 0.15 names a lost connection like one that was never made."""
    details = getattr(error, "details", None) or {}
    causes = [str(cause["message"]) for cause in details.get("causes", ())]
    text = causes[-1] if causes else type(error).__name__
    if isinstance(error, ConnectTimeoutError):
        return httpx.ConnectTimeout(text)
    never = "client error (Connect)" in causes
    return httpx.ConnectError(text) if never else httpx.ReadError(text)
