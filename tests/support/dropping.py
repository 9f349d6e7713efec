"""A relay that carries a request to the system and then loses the reply."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Dropping:
    """Loses the replies to requests that have one of the texts of `lose` in them, each once."""

    system: tuple[str, int]
    lose: list[bytes]
    lost: list[bytes] = field(default_factory=list)
    place: tuple[str, int] = ("", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self.system)
        try:
            while request := await reader.read(65536):
                back.write(request)
                reply = await there.read(65536)
                found = next((text for text in self.lose if text in request), None)
                if found:
                    self.lose.remove(found)
                    self.lost.append(found)
                    return
                writer.write(reply)
        finally:
            back.close()
            writer.close()


@asynccontextmanager
async def dropping(system: tuple[str, int], *lose: bytes) -> AsyncIterator[Dropping]:
    """A relay to a system; the requests and replies must be small."""
    relay = Dropping(system, list(lose))
    async with await asyncio.start_server(relay._serve, "127.0.0.1", 0) as server:
        relay.place = server.sockets[0].getsockname()
        yield relay
