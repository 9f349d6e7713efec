"""Runs worlds in this process with a mapping file whose system replies as its tests say."""

import asyncio
from pathlib import Path
from random import Random, seed
from tempfile import TemporaryDirectory

from connector.ledger.records import Ledger
from connector.ledger.sqlite import SqliteLedger
from connector.mapping.load import load
from connector.mapping.script import Script
from connector.system import System
from connector_tools.mapping_tests.values import test_settings
from connector_tools.quiet import quiet
from connector_tools.simulation.clock import Clock, VirtualLoop
from connector_tools.simulation.faults import NSPS, WORLD
from connector_tools.simulation.fleet import Fleet, InstanceFactory
from connector_tools.simulation.functions import LEAK
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.scripted_network import ScriptedClient, ScriptedNetwork
from connector_tools.simulation.world import OnProgress, World, no_progress

FAULTS = NSPS | {name: WORLD[name] for name in ("maintenance", "kill", "ledger")}
"""The faults that happen beside the failures which the tests script."""
_BUDGET = 50.0  # virtual seconds: EVENT_BUDGET


class ScriptedSimulation:
    """Runs worlds with `instances` instances on one SQLite ledger, on virtual time."""

    def __init__(self, mapping: Path, instances: int) -> None:
        self._mapping = load(mapping)
        self._instances = instances

    def run(self, scenario: Scenario, progress: OnProgress = no_progress) -> SimulationResult:
        """Run a world from beginning to end."""
        seed(scenario.seed)
        runs = asyncio.Runner(loop_factory=VirtualLoop)
        with quiet(), TemporaryDirectory() as folder, runs as runner:
            return runner.run(self._run(scenario, Path(folder), progress))

    async def _run(
        self, scenario: Scenario, folder: Path, progress: OnProgress
    ) -> SimulationResult:
        mapping, random = self._mapping, Random(f"{scenario.seed} network")
        values = test_settings(mapping, {})
        network = ScriptedNetwork(mapping, random)

        def system() -> System:
            script = Script(mapping.protocol.scripted_reply())
            return ScriptedClient(
                network, mapping.protocol.scripted(mapping.system, values, script), script
            )

        def ledger(_: int) -> Ledger:
            loop = asyncio.get_running_loop()
            return SqliteLedger(folder / "ledger", b"simulation", 600, loop.time)

        factory = InstanceFactory(mapping, values, ledger, system, _BUDGET, random)
        async with Fleet(factory, self._instances) as fleet:
            ended = await World(scenario, Clock(), fleet, network, progress).run()
        leaking = [message for _, message in ended.answers if LEAK.search(message)]
        ended.wrong += ["personal data in an answer"] * len(leaking)
        return ended
