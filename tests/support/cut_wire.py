"""A relay on the test's own event loop that cuts its first connection after some bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

Way = Literal["there", "back"]


@asynccontextmanager
async def cut_wire(port: int, way: Way, after: int, *, hard: bool) -> AsyncIterator[int]:
    """Relay to a port of this machine; gives the port of the relay.

    The first connection ends once `after` bytes have passed `there` (to the system) or `back`;
    all others are whole. A `hard` end is a reset.
    """
    wires: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []
    made = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        limits = {way: after} if made == 1 else {}
        system = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((writer, system[1]))
        ends = [
            asyncio.create_task(_carry(reader, system[1], limits.get("there"))),
            asyncio.create_task(_carry(system[0], writer, limits.get("back"))),
        ]
        wires.extend(ends)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.005)  # what has passed arrives before the end
        for one in (writer, system[1]):
            one.transport.abort() if hard else one.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for wire in wires:
            wire.cancel()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def _carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, most: int | None
) -> None:
    """Carry bytes until the source ends, or `most` have passed."""
    left = most
    while left != 0 and (data := await source.read(left or 65_536)):
        target.write(data)
        left = None if left is None else left - len(data)
