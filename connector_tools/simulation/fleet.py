"""Several instances of the connector in this process, which share a network."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from connector.ledger.records import Ledger
from connector.mapping.schema import MappingFile
from connector.pipeline import Pipeline
from connector.system import System
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.faulty_network import FaultyNetwork
from connector_tools.simulation.held_events import Delivery
from connector_tools.simulation.instance import Instance, LedgerTrouble, MortalLedger
from connector_tools.simulation.nsps import HttpAnswer

_DEAD: HttpAnswer = (0, "")


class Credentials:
    """The connector's secret for the network; it is renewed a while after the network's token.

    Instances use it as their settings (`values`, the secret has the name `key`) and as
    `connector.systems.http.credentials.Renewal`.
    """

    def __init__(
        self, values: dict[str, Any], network: FaultyNetwork, clock: Clock, key: str
    ) -> None:
        self.values = values
        self.generation = 0
        self._network = network
        self._clock = clock
        self._key = key

    async def renewed(self, since: int) -> bool:
        """Whether there is a newer secret: see `connector.systems.http.credentials.Renewal`."""
        return self.generation > since

    async def rotate(self) -> None:
        """Change the network's token, and 30 simulated seconds later the connector's secret."""
        self._network.token = f"token-{self.generation + 1}"
        try:
            await self._clock.sleep(30)
        finally:
            self.values[self._key] = self._network.token
            self.generation += 1


@dataclass(slots=True)
class InstanceFactory:
    """Makes an instance each time one starts.

    `ledger` gets the number of the instance; `budget` is in seconds, as EVENT_BUDGET; `trouble` is
    shared by all instances.
    """

    mapping: MappingFile
    settings: dict[str, Any]
    ledger: Callable[[int], Ledger]
    system: Callable[[], System]
    budget: float
    random: Random
    trouble: LedgerTrouble = field(init=False)

    def __post_init__(self) -> None:
        """Create the trouble."""
        self.trouble = LedgerTrouble(self.random)

    def instance(self, number: int) -> Instance:
        """Make the instance of this number."""
        ledger = MortalLedger(self.ledger(number), self.trouble)
        parts = (self.mapping, self.settings, ledger, self.system())
        return Instance(Pipeline(*parts, budget=self.budget), ledger)


class Fleet:
    """`count` instances; use it as a context manager. See `world.Connector`."""

    def __init__(self, factory: InstanceFactory, count: int) -> None:
        self._factory = factory
        self._count = count
        self._instances: list[Instance] = []
        self._turn = 0

    async def __aenter__(self) -> "Fleet":
        """Start all instances."""
        for number in range(self._count):
            self._instances.append(await self._factory.instance(number).__aenter__())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop all instances."""
        for instance in self._instances:
            await instance.__aexit__(*exc)

    async def post(self, posted: Delivery) -> HttpAnswer:
        """Post to the instances in turn: see `world.Connector`."""
        self._turn += 1
        return await self._instances[self._turn % len(self._instances)].post(posted)

    async def kill(self) -> None:
        """Kill an instance, and start another one: see `world.Connector`."""
        number = self._factory.random.randrange(len(self._instances))
        killed = self._instances[number]
        killed.kill()
        await asyncio.sleep(self._factory.random.uniform(0, 2))
        self._instances[number] = await self._factory.instance(number).__aenter__()
        await killed.__aexit__()

    async def trouble_ledger(self, seconds: float) -> None:
        """Make the ledger slow or unreachable: see `world.Connector`."""
        trouble = self._factory.trouble
        if self._factory.random.random() < 0.5:
            trouble.slow = 2.0
        else:
            trouble.away = True
        try:
            await asyncio.sleep(seconds)
        finally:
            trouble.slow, trouble.away = 0.0, False
