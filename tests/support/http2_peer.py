"""The other end of HTTP/2 connections: a server on the test's own event loop, with all faults."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self, cast

import httpx
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from h2.settings import Settings as H2Settings

from connector.systems.http.http2.transport import http2_transport
from connector.systems.trust import Trust
from tests.support.peer import DEADLINE, until

Headers = list[tuple[bytes, bytes]]
Settings = dict[SettingCodes, int]
JSON: Headers = [(b"content-type", b"application/json")]


@dataclass
class Asked:
    """A request as it arrived; connections count from 1."""

    connection: "Connection" = field(repr=False)
    stream: int
    headers: Headers
    body: bytearray = field(default_factory=bytearray)

    async def reply(self, status: int = 200, headers: Headers = JSON, body: bytes = b"{}") -> None:
        """Send a whole reply, as fast as the connector takes it."""
        h2 = self.connection.h2
        h2.send_headers(self.stream, [(b":status", b"%d" % status), *headers])
        for at in range(0, max(len(body), 1), 16_384):
            part = body[at : at + 16_384]
            await until(lambda part=part: h2.local_flow_control_window(self.stream) >= len(part))  # type: ignore[misc]
            h2.send_data(self.stream, part, end_stream=at + 16_384 >= len(body))
            self.connection.flush()

    def begin(self, status: int = 200) -> None:
        """Send the head of a reply and no more."""
        self.connection.h2.send_headers(self.stream, [(b":status", b"%d" % status), *JSON])
        self.connection.flush()

    def reset(self, code: ErrorCodes) -> None:
        self.connection.h2.reset_stream(self.stream, code)
        self.connection.flush()

    def go_away(self, last: int, code: int = 0) -> None:
        """Say that streams above `last` are not carried out; by hand, so that h2 goes on."""
        payload = last.to_bytes(4) + code.to_bytes(4)
        self.connection.raw(b"\0\0\x08\x07\0\0\0\0\0" + payload)


Answer = Callable[[Asked], Awaitable[None]]


async def answers(asked: Asked) -> None:
    await asked.reply()


class Connection(asyncio.Protocol):
    def __init__(self, peer: "Http2Peer") -> None:
        self._peer = peer
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._asked: dict[int, Asked] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._peer.connections.append(self)
        if self._peer.greets:
            self.h2.local_settings = H2Settings(client=False, initial_values=self._peer.settings)
            self.h2.initiate_connection()
            self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case RequestReceived():
                    asked = Asked(self, event.stream_id, list(event.headers))
                    self._asked[event.stream_id] = asked
                case DataReceived():
                    self._asked[event.stream_id].body += event.data
                    if self._peer.takes_bodies:
                        length = event.flow_controlled_length
                        self.h2.acknowledge_received_data(length, event.stream_id)
                case StreamEnded():
                    self._peer.arrived(self._asked[event.stream_id])
                case StreamReset():
                    self._peer.resets.append(event.stream_id)
        self.flush()

    def flush(self) -> None:
        self.raw(self.h2.data_to_send())

    def raw(self, data: bytes) -> None:
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._peer.lost.append(self)


class Http2Peer:
    """Gives each request to `answer`.

    `settings` are those that it tells. With `greets` false it never speaks; with `takes_bodies`
    false it takes only as much of a body as its window allows at first.
    """

    def __init__(
        self,
        answer: Answer = answers,
        tls: ssl.SSLContext | None = None,
        settings: Settings | None = None,
        greets: bool = True,
        takes_bodies: bool = True,
    ) -> None:
        self.connections: list[Connection] = []
        self.lost: list[Connection] = []
        self.requests: list[Asked] = []
        self.resets: list[int] = []
        self.settings = settings or {}
        self.greets = greets
        self.takes_bodies = takes_bodies
        self._answer = answer
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def arrived(self, asked: Asked) -> None:
        self.requests.append(asked)

        async def answer() -> None:
            await self._answer(asked)

        task = asyncio.create_task(answer())
        self._tasks.add(task)

    async def __aenter__(self) -> Self:
        make, loop = (lambda: Connection(self)), asyncio.get_running_loop()
        self._server = await loop.create_server(make, "127.0.0.1", 0, ssl=self._tls, backlog=500)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for one in self.connections:
            one.transport.abort()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, AssertionError):
                raise result


@asynccontextmanager
async def http2_to(
    url: str,
    most_bytes: int = 1_000_000,
    connect_timeout: float = DEADLINE,
    trust: Trust | None = None,
) -> AsyncIterator[httpx.AsyncBaseTransport]:
    trust = trust or Trust(protocols=("h2",))
    transport = http2_transport(httpx.URL(url), connect_timeout, most_bytes, trust)
    try:
        yield transport
    finally:
        await transport.aclose()
