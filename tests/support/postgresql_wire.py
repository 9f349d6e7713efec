"""A proxy between a ledger and PostgreSQL, which counts round trips and loses answers."""

import asyncio

from tests.support.ledger_wire import LedgerWire


class Wire(LedgerWire):
    """See `LedgerWire`; `requests` counts what the clients have sent at once."""

    _until_loss = 0

    def lose(self, number: int) -> None:
        """Lose the answer to the request that comes as the `number`-th from now."""
        self._until_loss = number

    async def piece(self, client: asyncio.StreamReader) -> bytes:
        data = await client.read(65536)
        self.requests += bool(data)
        return data

    def loses(self, piece: bytes) -> bool:
        self._until_loss -= 1
        return self._until_loss == 0
