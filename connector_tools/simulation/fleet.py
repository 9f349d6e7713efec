"""Several instances of the connector in process, which share a network and perhaps a ledger."""

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
from connector_tools.simulation.instance import Instance, LedgerTrouble, MortalLedger
from connector_tools.simulation.network import Network
from connector_tools.simulation.nsps import Delivery, HttpAnswer

_DEAD: HttpAnswer = (0, "")


class Credentials:
    """The connector's secret for the network: renewed a while after the network wants another.

    Serves the instances as settings (`values`) and as `connector.systems.http.credentials.Renewal`.
    """

    def __init__(self, values: dict[str, Any], network: Network, clock: Clock, key: str) -> None:
        self.values = values
        self.generation = 0
        self._network = network
        self._clock = clock
        self._key = key

    async def renewed(self, since: int) -> bool:
        """See `connector.systems.http.credentials.Renewal`."""
        return self.generation > since

    async def rotate(self) -> None:
        """Another token from now on; the secret follows."""
        self._network.token = f"token-{self.generation + 1}"
        try:
            await self._clock.sleep(30)
        finally:
            self.values[self._key] = self._network.token
            self.generation += 1


@dataclass(slots=True)
class InstanceFactory:
    """How the parts of an instance are made, each time one starts; `number` is the instance's."""

    mapping: MappingFile
    settings: dict[str, Any]
    ledger: Callable[[int], Ledger]
    system: Callable[[], System]
    budget: float
    random: Random
    trouble: LedgerTrouble = field(init=False)

    def __post_init__(self) -> None:
        """The trouble is shared by all."""
        self.trouble = LedgerTrouble(self.random)

    def instance(self, number: int) -> Instance:
        """A new instance."""
        ledger = MortalLedger(self.ledger(number), self.trouble)
        parts = (self.mapping, self.settings, ledger, self.system())
        return Instance(Pipeline(*parts, budget=self.budget), ledger)


class Fleet:
    """See `world.Connector`; use it as a context manager."""

    def __init__(self, makes: InstanceFactory, count: int) -> None:
        self._makes = makes
        self._count = count
        self._instances: list[Instance] = []
        self._turn = 0

    async def __aenter__(self) -> "Fleet":
        """Start them."""
        for number in range(self._count):
            self._instances.append(await self._makes.instance(number).__aenter__())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop them."""
        for instance in self._instances:
            await instance.__aexit__(*exc)

    async def post(self, posted: Delivery) -> HttpAnswer:
        """See `world.Connector`: each in turn."""
        self._turn += 1
        return await self._instances[self._turn % len(self._instances)].post(posted)

    async def kill(self) -> None:
        """See `world.Connector`."""
        number = self._makes.random.randrange(len(self._instances))
        killed = self._instances[number]
        killed.kill()
        await asyncio.sleep(self._makes.random.uniform(0, 2))
        self._instances[number] = await self._makes.instance(number).__aenter__()
        await killed.__aexit__()

    async def trouble_ledger(self, seconds: float) -> None:
        """See `world.Connector`."""
        trouble = self._makes.trouble
        if self._makes.random.random() < 0.5:
            trouble.slow = 2.0
        else:
            trouble.away = True
        try:
            await asyncio.sleep(seconds)
        finally:
            trouble.slow, trouble.away = 0.0, False
