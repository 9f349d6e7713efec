"""A fast external system: any request is answered 200 with `{"result": true}`, after a delay.

    python -m benchmarks.external_system PORT MILLISECONDS

It does no more than HTTP asks for, so that it is not the bottleneck.
"""

import asyncio
import sys
from typing import cast

import httptools
import uvloop

_REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"result": true}'
)


class ExternalSystem(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def __init__(self, delay: float) -> None:
        self._delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """The parser's call: a request is whole."""
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, _REPLY)
        else:
            self._transport.write(_REPLY)


async def serve(port: int, delay: float) -> None:
    """Serve until the process is stopped; `delay` is in seconds."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ExternalSystem(delay), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]) / 1000))
