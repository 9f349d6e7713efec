"""A proxy between a Firestore client and the emulator, which counts requests and loses answers."""

import asyncio
from contextlib import suppress
from typing import Self

_PREFACE = 24  # bytes: the preface of an HTTP/2 connection
_FRAME = 9  # bytes: a frame's header, which is length (3), type (1), flags (1), stream (4)
_HEADERS = 1  # the type of the frame that begins a request


class Wire:
    """A proxy that listens at `address`. `requests` counts what it has passed on.

    After `lose(word)`, it passes on the next request that contains the word, and then closes the
    connection before the answer arrives. `lost` counts how often it did.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._word: bytes | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests = 0
        self.lost = 0

    def lose(self, word: bytes) -> None:
        self._word = word

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)

    async def _connect(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        server, forth = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.create_task(self._carry_back(server, back))
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
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
        server.write(await client.readexactly(_PREFACE))
        while True:
            head = await client.readexactly(_FRAME)
            body = await client.readexactly(int.from_bytes(head[:3]))
            self.requests += head[3] == _HEADERS
            lose = self._word is not None and self._word in body
            if lose:
                answers.cancel()
            server.write(head + body)
            await server.drain()
            if lose:
                self._word = None
                self.lost += 1
                await asyncio.sleep(0.3)  # time for the emulator to carry it out
                return

    async def _carry_back(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await server.read(65536):
                client.write(data)
                await client.drain()
