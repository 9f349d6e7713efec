"""Runs worlds with any mapping file: real functions, its counterpart, and a faulty wire between.

Real time, in which the time of PortaBilling and NSPS passes 60 times faster.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from connector.mapping.load import load
from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.counterpart_network import CounterpartNetwork
from connector_tools.simulation.faulty_wire import FaultyWire
from connector_tools.simulation.functions import Functions
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.store import Store
from connector_tools.simulation.world import OnProgress, World, no_progress

_BUDGET = 4.0  # real seconds: EVENT_BUDGET
_HANG = 1.2 * _BUDGET  # seconds: longer than any event may take
_SCALE = 60.0  # simulated seconds per real second


class MappingSimulation:
    """Runs worlds with `instances` functions that serve `mapping`, and its counterpart."""

    def __init__(
        self,
        mapping: Path,
        counterpart: type[Counterpart],
        make_store: Callable[[Path], Store],
        instances: int,
    ) -> None:
        self._mapping = mapping
        self._counterpart = counterpart
        self._make_store = make_store
        self._instances = instances

    def run(self, scenario: Scenario, progress: OnProgress = no_progress) -> SimulationResult:
        """Run a world from beginning to end.

        Raises:
            NotInstalled: the counterpart or the store needs a program that is not on this machine.
            DidNotStart: a function or the counterpart does not start.
        """
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "counterpart").mkdir()
            with (
                self._make_store(folder) as store,
                self._counterpart(folder / "counterpart") as counterpart,
            ):
                return asyncio.run(self._run(scenario, folder, store, counterpart, progress))

    async def _run(
        self,
        scenario: Scenario,
        folder: Path,
        store: Store,
        counterpart: Counterpart,
        progress: OnProgress,
    ) -> SimulationResult:
        clock, random = Clock(_SCALE), Random(f"{scenario.seed} network")
        secrets = folder / "secrets"
        secrets.mkdir()
        async with FaultyWire(counterpart.place, random, _HANG) as wire:
            variables = counterpart.variables(*wire.place)
            for name in self._secret_names():
                if name in variables:
                    (secrets / name).write_text(variables.pop(name))
            variables |= {
                "MAPPING_FILE": str(self._mapping),
                "EVENT_BUDGET": str(_BUDGET),
                "SECRETS_REFRESH": "5",
            }
            network = CounterpartNetwork(counterpart, wire, secrets, clock)
            functions = Functions(self._instances, secrets, variables, store, random)
            async with functions:
                ended = await World(scenario, clock, functions, network, progress).run()
        ended.wrong += functions.leaks
        if counterpart.by == "nothing":
            ended.subscribers = 0
        return ended

    def _secret_names(self) -> list[str]:
        found = load(self._mapping).settings.values()
        return [setting.secret for setting in found if setting.secret]
