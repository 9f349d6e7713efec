"""A proxy between a Firestore client and the emulator, which counts requests and loses answers."""

import asyncio
from contextlib import suppress

from tests.support.ledger_wire import LedgerWire

_PREFACE = 24  # bytes: the preface of an HTTP/2 connection
_FRAME = 9  # bytes: a frame's header, which is length (3), type (1), flags (1), stream (4)
_HEADERS = 1  # the type of the frame that begins a request


class Wire(LedgerWire):
    """See `LedgerWire`; it passes on frame by frame."""

    _word: bytes | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def lose(self, word: bytes) -> None:
        """Lose the answer to the next request that contains the word."""
        self._word = word

    async def preface(self, client: asyncio.StreamReader) -> bytes:
        return await _whole(client, _PREFACE)

    async def piece(self, client: asyncio.StreamReader) -> bytes:
        head = await _whole(client, _FRAME)
        self.requests += head[3:4] == bytes([_HEADERS])
        return head and head + await _whole(client, int.from_bytes(head[:3]))

    def loses(self, piece: bytes) -> bool:
        if self._word is None or self._word not in piece:
            return False
        self._word = None
        return True


async def _whole(client: asyncio.StreamReader, size: int) -> bytes:
    """So many bytes; none if the client has gone before."""
    with suppress(asyncio.IncompleteReadError):
        return await client.readexactly(size)
    return b""
