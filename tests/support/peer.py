"""The other end of connections: a server on the test's own event loop, seen byte by byte."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Self

import httpx
import pytest
import uvloop

from connector.systems.http.transport import http_transport
from connector.systems.trust import Trust

DEADLINE = 10.0  # seconds for what happens at once, on a machine that is busy


@dataclass
class Arrived:
    """A request as it arrived; connections count from 1."""

    connection: int
    head: bytes
    writer: asyncio.StreamWriter = field(repr=False)
    body: bytes = b""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """In order, names in lower case."""
        lines = (line.partition(": ") for line in self.head.decode().split("\r\n")[1:-2])
        return [(name.lower(), value) for name, _, value in lines]

    async def reply(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def close(self) -> None:
        """End the connection; all that was written arrives."""
        self.writer.close()
        await self.writer.wait_closed()

    def reset(self) -> None:
        """End the connection as a machine does that knows nothing of it."""
        number = self.writer.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(number)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Answer = Callable[[Arrived], Awaitable[None]]


def replies(*raw: bytes) -> Answer:
    """Answers each request with the next of these, byte for byte; with the last one for ever."""
    numbers = count()

    async def answer(request: Arrived) -> None:
        await request.reply(raw[min(next(numbers), len(raw) - 1)])

    return answer


class Peer:
    """Reads a request, answers as the test says, reads the next.

    With `reads_bodies` false it stops reading after a request's head. `open` are the connections
    that neither end has closed.
    """

    def __init__(
        self, answer: Answer, tls: ssl.SSLContext | None = None, reads_bodies: bool = True
    ) -> None:
        self.requests: list[Arrived] = []
        self.connections = 0
        self.open = 0
        self._answer, self._tls, self._reads_bodies = answer, tls, reads_bodies
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        begin = self._begin
        self._server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=self._tls, backlog=500)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def arrived(self, requests: int) -> None:
        """Until that many requests have arrived; which must happen."""
        await until(lambda: len(self.requests) == requests)

    async def opened(self, connections: int) -> None:
        """Until that many connections are open; which must happen."""
        await until(lambda: self.open == connections)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.add(asyncio.create_task(self._serve(self.connections, reader, writer)))

    async def _serve(
        self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.open += 1
        try:
            while not writer.is_closing():
                request = Arrived(connection, await reader.readuntil(b"\r\n\r\n"), writer)
                if self._reads_bodies:
                    length = int(dict(request.headers).get("content-length", 0))
                    request.body = await reader.readexactly(length)
                self.requests.append(request)
                await self._answer(request)
                if not self._reads_bodies:
                    await asyncio.Event().wait()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the caller has gone, which may be what is tested
        finally:
            self.open -= 1
            writer.transport.abort()


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what must happen at once."""
    async with asyncio.timeout(DEADLINE):
        while not happened():  # noqa: ASYNC110 - of what no event tells: the other side's socket
            await asyncio.sleep(0.005)


@asynccontextmanager
async def transport_to(
    url: str, most_bytes: int = 1_000_000, connect_timeout: float = DEADLINE
) -> AsyncIterator[httpx.AsyncBaseTransport]:
    transport = http_transport(httpx.URL(url), connect_timeout, most_bytes, Trust())
    try:
        yield transport
    finally:
        await transport.aclose()


async def call(
    transport: httpx.AsyncBaseTransport,
    url: str,
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """One request, made as the HTTP system makes it."""
    request = httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(body))
    async with asyncio.timeout(DEADLINE):
        return await transport.handle_async_request(request)


Loop = Callable[[], asyncio.AbstractEventLoop]
LOOPS: dict[str, Loop] = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
on_both_loops = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
"""For what asyncio's own event loop and the one under uvicorn do each in its way."""


def run(loop: Loop, calls: Callable[[], Coroutine[None, None, None]]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(calls())
