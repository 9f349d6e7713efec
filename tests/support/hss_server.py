"""The simulated HSS on a socket, with thousands of subscribers and a log of what it was sent.

It runs in the event loop of the test: a server in a thread would share the interpreter with the
connector, and a request would take several times as long.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import Any

from connector_tools.counterparts.rules.hss import Hss, HssReply, Subscriber
from tests.support.events import event

TOKEN = "token-of-the-hss"


class HssServer:
    """Counts `reads`, and notes each request that can write in `writes`.

    It answers 500 to all requests about `broken` subscribers. `asked` has the path of each read.
    """

    def __init__(self) -> None:
        self.hss = Hss()
        self.writes: list[str] = []
        self.asked: list[str] = []
        self.broken: set[str] = set()
        self.status: int | None = None  # of every answer, while it is away
        self.place = ("", 0)
        self._awaited: tuple[int, asyncio.Event] | None = None

    @property
    def reads(self) -> int:
        return len(self.asked)

    async def read_times(self, times: int) -> None:
        """Wait until it was asked so many times."""
        self._awaited = times, asyncio.Event()
        await self._awaited[1].wait()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["HssServer"]:
        """Listen in this event loop."""
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), "127.0.0.1", 0
        )
        self.place = server.sockets[0].getsockname()
        async with server:
            yield self
            for transport in list(_Connection.open):
                transport.abort()

    @contextmanager
    def in_thread(self) -> Iterator["HssServer"]:
        """Listen in a thread, for commands that run an event loop of their own."""
        loop = asyncio.new_event_loop()
        stopped, started = asyncio.Event(), asyncio.Event()

        async def main() -> None:
            async with self.listening():
                started.set()
                await stopped.wait()

        thread = Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
        thread.start()
        asyncio.run_coroutine_threadsafe(started.wait(), loop).result(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(stopped.set)
            thread.join(10)
            loop.close()

    def answer(self, method: str, path: str, body: bytes) -> HssReply:
        """Carry out one request."""
        if method == "GET":
            self.asked.append(path)
            if self._awaited and self.reads >= self._awaited[0]:
                self._awaited[1].set()
        else:
            self.writes.append(f"{method} {path}")
        if self.status:
            return HssReply(self.status, {"error": "away"})
        if self.broken and path.rpartition("/")[2].removeprefix("s-") in self.broken:
            return HssReply(500, {"error": "internal"})
        return self.hss.handle(method, path, json.loads(body) if body else None)

    def variables(self) -> dict[str, str]:
        """The settings and secrets of a function at this HSS."""
        host, port = self.place[:2]
        return {"HSS_API_URL": f"http://{host}:{port}", "HSS_API_TOKEN": TOKEN}

    def serve(self, imsi: str, number: str) -> None:
        """Hold a subscriber in service, as if the connector had written it."""
        self.hss.keys.add(imsi)
        fields = {"state": "active", "services": [], "speed": 0, "roaming": True}
        self.hss.subscribers[imsi] = Subscriber(f"s-{imsi}", fields, number)


class _Connection(asyncio.Protocol):
    """A connection: requests with a Content-Length or without a body, one after the other."""

    open: set[asyncio.Transport] = set()

    def __init__(self, server: HssServer) -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            line, *fields = head.decode().split("\r\n")
            lengths = [one for one in fields if one.lower().startswith("content-length:")]
            length = int(lengths[0].partition(":")[2]) if lengths else 0
            if len(rest) < length:
                return
            self._received = rest[length:]
            method, path, _ = line.split(" ")
            reply = self._server.answer(method, path, rest[:length])
            body = b"" if reply.document is None else json.dumps(reply.document).encode()
            size = "" if reply.status == 204 else f"Content-Length: {len(body)}\r\n"
            kind = "Content-Type: application/json\r\n"
            self._transport.write(f"HTTP/1.1 {reply.status} x\r\n{kind}{size}\r\n".encode() + body)


def number_of(imsi: str) -> str:
    """The number of a subscriber."""
    return f"4207{imsi[-8:]}"


def served(imsi: str, **change: Any) -> dict[str, Any]:
    """An event of a subscriber in service."""
    account = {
        "pb_data.account_info.id": f"{number_of(imsi)}@msisdn",
        "pb_data.account_info.i_account": int(imsi[-8:]),
        "pb_data.sim_info.i_account": int(imsi[-8:]),
        "pb_data.sim_info.i_sim_card": int(imsi[-8:]),
    }
    return event("sim-updated", imsi=imsi, change={**account, **change})
