"""The connector with a mapping file of the catalogue, its counterpart, and a wire between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from connector.outcome import Result
from connector.pipeline import Pipeline
from connector.startup import start
from connector_tools.counterparts.catalogue import mapping_file
from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.simulation.faulty_wire import FaultyWire
from tests.support.events import event
from tests.support.function import TOKEN

_HANG = 3.0  # seconds of the longest fault of the wire: longer than the timeout of a test


class PlannedWire(FaultyWire):
    """A wire whose requests meet the faults of `planned`, one after the other; None is no fault."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(target, Random(1), _HANG)  # noqa: S311 - of a test
        self.planned: list[str | None] = []

    def fault(self) -> str | None:
        """See `FaultyWire`."""
        return self.planned.pop(0) if self.planned else None


@dataclass
class Served:
    """A connector that serves; its ledger is in memory."""

    pipeline: Pipeline
    wire: PlannedWire

    async def handle(self, event: Any, faults: Sequence[str | None] = ()) -> Result:
        """Handle an event; its requests meet these faults."""
        self.wire.planned = list(faults)
        return await self.pipeline.handle(json.dumps(event).encode())

    async def handle_new(self, name: str, **more: Any) -> Result:
        """Handle a new event, as `events.event` makes it."""
        return await self.handle(event(name, **more))

    async def burst(self, *events: Any) -> list[Result]:
        """Handle events at once."""
        handled = (self.pipeline.handle(json.dumps(event).encode()) for event in events)
        return list(await asyncio.gather(*handled))


@asynccontextmanager
async def served(
    counterpart: Counterpart, place: tuple[str, int] | None = None, **variables: str
) -> AsyncIterator[Served]:
    """Serve the mapping file of a counterpart that runs, with these settings besides its own.

    It is reached at `place`, if that is given: another wire stands there.
    """
    async with PlannedWire(place or counterpart.place) as wire:
        environ = {
            "API_TOKEN": TOKEN,
            "MAPPING_FILE": str(mapping_file(counterpart.mapping)),
            **counterpart.variables(*wire.place),
            **variables,
        }
        startup = await asyncio.to_thread(start, environ)
        async with startup.serve() as pipeline:
            yield Served(pipeline, wire)
