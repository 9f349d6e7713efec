"""Runs worlds in this process on virtual time: a simulated month takes minutes."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random, seed
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from connector.ledger.memory import MemoryLedger
from connector.ledger.records import Ledger
from connector.ledger.sqlite import SqliteLedger
from connector.mapping.load import load
from connector.system import System
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector_tools.counterparts.rules import hss
from connector_tools.program import ROOT
from connector_tools.quiet import quiet
from connector_tools.simulation.clock import Clock, VirtualLoop
from connector_tools.simulation.faulty_network import FaultyNetwork
from connector_tools.simulation.fleet import Credentials, Fleet, InstanceFactory
from connector_tools.simulation.hss_network import HssNetwork
from connector_tools.simulation.instance import NetworkTransport
from connector_tools.simulation.network import Network
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.world import OnProgress, World, no_progress

_BUDGET, _TIMEOUT = 50.0, 30.0  # seconds, the defaults of the settings
_SKEW = 3.0  # seconds between the clocks of two instances

Sabotage = Callable[[Any], Any]


class SimulatedSystem(NamedTuple):
    """An external system that can be simulated: its mapping file, its settings, its network."""

    file: Path
    settings: Mapping[str, Any]
    network: type[FaultyNetwork]


WTL = SimulatedSystem(
    ROOT / "mappings" / "wtl-hlr-hss.yaml",
    {"cs_profile": "default", "eps_profile": "default", "imsi_regexp": None},
    Network,
)
HSS = SimulatedSystem(Path(hss.__file__).with_suffix(".yaml"), {}, HssNetwork)
SYSTEMS = {"wtl": WTL, "hss": HSS}
"""The external systems by name: one that is told a state, and one that holds resources."""


class VirtualTimeSimulation:
    """Runs worlds in this process, with a ledger `memory` or `sqlite`.

    `spoil_ledger` and `spoil_system` wrap the ledger and the external system of each instance.
    Tests disable a guard with them, and check that the simulation notices.
    """

    def __init__(
        self,
        ledger: str = "memory",
        instances: int = 1,
        spoil_ledger: Sabotage = lambda ledger: ledger,
        spoil_system: Sabotage = lambda system: system,
        system: SimulatedSystem = WTL,
    ) -> None:
        self._ledger = ledger
        self._instances = instances
        self._spoil_ledger = spoil_ledger
        self._spoil_system = spoil_system
        self._simulated = system

    def run(self, scenario: Scenario, progress: OnProgress = no_progress) -> SimulationResult:
        """Run a world from beginning to end."""
        seed(scenario.seed)  # for the jitter of the connector's retries
        runs = asyncio.Runner(loop_factory=VirtualLoop)
        with quiet(), TemporaryDirectory() as folder, runs as runner:
            return runner.run(self._run(scenario, Path(folder), progress))

    async def _run(
        self, scenario: Scenario, folder: Path, progress: OnProgress
    ) -> SimulationResult:
        clock, random = Clock(), Random(f"{scenario.seed} network")
        network = self._simulated.network(random, scenario.faults, "token-0", _TIMEOUT)
        values = dict(self._simulated.settings) | {
            "api_url": "http://network.invalid",
            "api_token": "token-0",
            "timeout": _TIMEOUT,
        }
        secret = Credentials(values, network, clock, "api_token")
        network.on_rotate = secret.rotate
        mapping = load(self._simulated.file)
        assert isinstance(mapping.system, HttpSystemEntry)  # noqa: S101 - it is in the file
        entry = mapping.system

        def system() -> System:
            wire = NetworkTransport(network)
            made = HttpSystem(entry, values, secret, wire)
            spoilt: System = self._spoil_system(made)
            return spoilt

        def ledger(number: int) -> Ledger:
            loop = asyncio.get_running_loop()
            made: Ledger = MemoryLedger(clock=loop.time)
            if self._ledger == "sqlite":
                skew = _SKEW * (number - (self._instances - 1) / 2)
                path = folder / "ledger"
                made = SqliteLedger(path, b"simulation", 600, lambda: loop.time() + skew)
            spoilt: Ledger = self._spoil_ledger(made)
            return spoilt

        factory = InstanceFactory(mapping, values, ledger, system, _BUDGET, random)
        async with Fleet(factory, self._instances) as fleet:
            return await World(scenario, clock, fleet, network, progress).run()
