"""A console over TCP that a test plays: what it answers to each command, and what it received."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.system import Renewal, Reply
from connector.systems.line.call import LineCall
from connector.systems.line.client import LineSystem
from connector.systems.line.entry import LineSystemEntry
from connector.systems.line.protocol import PROTOCOL
from tests.support.calls import turn_of

OK = "+++    HLR\r\n%%{command}%%\r\nRETCODE = 0  SUCCESS\r\n  IMSI = 001\r\n---    END\r\n"
REFUSED = "RETCODE = 5001  ERR5001:wrong password\r\n---    END\r\n"
REPLY: dict[str, Any] = {
    "ends": "---    END",
    "status": "RETCODE = ([0-9]+).*",
    "success": ["0"],
    "fields": "=",
    "example": "RETCODE = 0",
}
LOGIN: dict[str, Any] = {
    "login": [{"send": 'LGI:OPNAME="op",PWD="{{ settings.password }}";'}],
    "logout": "LGO;",
}


@dataclass
class Console:
    """One of `Answer` for each line; by default a success. `sessions` has the lines of each."""

    answer: Callable[["Session", str], Awaitable[None]] | None = None
    greeting: bytes = b""
    sessions: list[list[str]] = field(default_factory=list)
    open: int = 0
    most: int = 0
    port: int = 0

    @property
    def received(self) -> list[str]:
        return [line for session in self.sessions for line in session]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer, [])
        self.sessions.append(session.lines)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            writer.write(self.greeting)
            while line := (await reader.readline()).decode():
                session.lines.append(line.rstrip("\r\n"))
                await (self.answer or succeed)(session, line.rstrip("\r\n"))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()


@dataclass
class Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lines: list[str]

    async def send(self, data: str | bytes) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)
        await self.writer.drain()


async def succeed(session: Session, line: str) -> None:
    await session.send(OK.format(command=line))


@asynccontextmanager
async def console(
    answer: Callable[[Session, str], Awaitable[None]] | None = None,
    greeting: bytes = b"",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Console]:
    played = Console(answer, greeting)
    server = await asyncio.start_server(played.serve, "127.0.0.1", 0, ssl=tls)
    played.port = server.sockets[0].getsockname()[1]
    try:
        yield played
    finally:
        server.close()


def client(
    port: int, settings: dict[str, Any] | None = None, renewal: Renewal | None = None, **line: Any
) -> LineSystem:
    """A client as a mapping with this `system.line` makes it; to be opened."""
    given = {"host": "127.0.0.1", "port": port, "timeout": "2s", "reply": REPLY, **line}
    replies = given.pop("replies", [])
    entry = LineSystemEntry.model_validate({"line": given, "replies": replies}, context=PROTOCOL)
    made = PROTOCOL.client(entry, settings or {"password": "p"}, renewal)
    assert isinstance(made, LineSystem)
    return made


def call(command: str = "LST SUB;", **more: Any) -> LineCall:
    return LineCall("c", "LINE", "LST SUB;", command=command, **more)


async def send(system: LineSystem, wanted: LineCall | None = None, budget: float = 10) -> Reply:
    turn = turn_of(budget)
    try:
        return await system.send(wanted or call(), turn)
    finally:
        system.leave(turn)
