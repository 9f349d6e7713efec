"""A wire to a real server that loses one answer, in a thread of its own."""

import asyncio
from random import Random
from threading import Thread
from typing import Self

from connector_tools.simulation.faulty_wire import FaultyWire


class LossyWire(FaultyWire):
    """Loses the answer to request number `lose` and closes its connection; use it with `with`.

    What the connector sends after it has got an answer is a new request.
    """

    def __init__(self, target: tuple[str, int], lose: int = 0) -> None:
        super().__init__(target, Random(0), hang=1)  # noqa: S311 - nothing depends on it
        self.lose = lose
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def fault(self) -> str | None:
        """See `FaultyWire`."""
        return "drop-after" if self.requests == self.lose else None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.__aenter__(), self._loop).result(10)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
