"""A proxy between a ledger and its server, which counts requests and loses answers."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Self

_CARRIED_OUT = 0.3  # seconds that the server needs at most to carry out a request


class LedgerWire(ABC):
    """A proxy that listens on `port` of 127.0.0.1. `behind` is the port of the server.

    `requests` counts what it has passed on. A request that `loses` is passed on, and then the
    connection is closed before the answer arrives; `lost` counts them.
    """

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests = 0
        self.lost = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def preface(self, client: asyncio.StreamReader) -> bytes:
        """What a client sends before its first request."""
        return b""

    @abstractmethod
    async def piece(self, client: asyncio.StreamReader) -> bytes:
        """What a client sends next, counted if a request begins in it; empty at its end."""

    @abstractmethod
    def loses(self, piece: bytes) -> bool:
        """Whether the answer to this piece is lost."""

    async def _connect(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        server, forth = await asyncio.open_connection("127.0.0.1", self._behind)
        answers = asyncio.create_task(_carry_back(server, back))
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await self._carry_forth(client, forth, answers)
        finally:
            answers.cancel()
            back.close()
            forth.close()
            self._tasks.discard(task)

    async def _carry_forth(
        self,
        client: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        answers: asyncio.Task[None],
    ) -> None:
        server.write(await self.preface(client))
        while piece := await self.piece(client):
            lost = self.loses(piece)
            if lost:
                answers.cancel()
            server.write(piece)
            await server.drain()
            if lost:
                self.lost += 1
                await asyncio.sleep(_CARRIED_OUT)
                return


async def _carry_back(server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await server.read(65536):
            client.write(data)
            await client.drain()
