"""A wire with faults between the connector and any system that speaks TCP.

What the connector sends after it has got an answer is a new request, and may meet a fault. The wire
knows nothing of the protocol, so it cannot answer in the place of the system.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Self

from connector_tools.simulation.faults import Faults

WIRE = ("slow", "timeout", "late", "overdue", "drop", "drop-after")
"""The faults of a wire, of `faults.NETWORK`."""
_BYTES = 65_536  # read at once


class FaultyWire:
    """Passes connections on to `target`; use it as a context manager.

    `hang` is how many seconds the longest fault lasts: longer than the connector waits. `met`
    counts the faults, `requests` the requests. While `cut` is true, no connection is passed on.
    """

    def __init__(self, target: tuple[str, int], random: Random, hang: float) -> None:
        self.faults = Faults({})
        self.met: Counter[str] = Counter()
        self.requests = 0
        self.hang = hang
        self.random = random
        self._target = target
        self._cut = False
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen on 127.0.0.1."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop, and close all connections."""
        self._server.close()
        await self._close_all()

    @property
    def place(self) -> tuple[str, int]:
        """Address and port where the connector reaches the system."""
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def cut(self, yes: bool) -> None:
        """Cut the wire, which closes all connections, or mend it."""
        self._cut = yes
        if yes:
            await self._close_all()

    def fault(self) -> str | None:
        """The fault that the next request meets, counted; None if it meets none."""
        at = self.random.random()
        for name in WIRE:
            at -= self.faults[name]
            if at < 0:
                self.met[name] += 1
                return name
        return None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs it in a task
        self._open.add(task)
        try:
            if self._cut:
                self.met["outage"] += 1
                return
            with suppress(OSError, asyncio.CancelledError):
                far_reader, far_writer = await asyncio.open_connection(*self._target)
                try:
                    await _Connection(self, far_writer, writer).run(reader, far_reader)
                finally:
                    far_writer.transport.abort()
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _close_all(self) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.sleep(0)


async def _is_gone(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has closed the connection already.

    On a busy machine a request can lie here until the connector has given it up. It is not passed
    on then: only the fault `overdue` is later than the connector expects (docs/reliability.md).
    """
    await asyncio.sleep(0)  # so that the event loop reads what has come
    return reader.at_eof()


class _Connection:
    """One connection: `forth` writes to the system, `back` to the connector."""

    def __init__(
        self, wire: FaultyWire, forth: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        self._wire = wire
        self._forth = forth
        self._back = back
        self._answered = True
        self._fault: str | None = None

    async def run(self, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        """Pass bytes on in both directions until one side closes."""
        tasks = [asyncio.create_task(self._send(near)), asyncio.create_task(self._reply(far))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, near: asyncio.StreamReader) -> None:
        while data := await near.read(_BYTES):
            if await _is_gone(near):
                return
            if self._answered:
                self._answered = False
                self._wire.requests += 1
                self._fault = self._wire.fault()
                if not await self._may_pass():
                    return
            self._forth.write(data)
            await self._forth.drain()
            if self._fault == "overdue":  # the connector is gone, and reads no answer
                await asyncio.sleep(1)
                return

    async def _may_pass(self) -> bool:
        """Wait as long as the fault lasts; True if the request then goes to the system."""
        match self._fault:
            case "slow":
                await asyncio.sleep(self._wire.random.random() * self._wire.hang / 6)
            case "timeout":
                await asyncio.sleep(self._wire.hang)
                return False
            case "overdue":
                await asyncio.sleep(self._wire.hang)
            case "drop":
                return False
        return True

    async def _reply(self, far: asyncio.StreamReader) -> None:
        while data := await far.read(_BYTES):
            if self._fault == "late":
                await asyncio.sleep(self._wire.hang)
            if self._fault in ("late", "drop-after"):
                return
            self._answered = True
            self._back.write(data)
            await self._back.drain()
