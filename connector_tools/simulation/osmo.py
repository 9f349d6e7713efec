"""Runs worlds against a real osmo-hlr, which is suspended, killed, and whose database is locked.

The connector runs in this process, over real sockets and in real time; the time of PortaBilling and
NSPS passes 60 times faster. At the end, the HLR's own database is compared with billing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random, seed
from tempfile import TemporaryDirectory

from connector.ledger.records import Ledger
from connector.ledger.sqlite import SqliteLedger
from connector.mapping.load import load
from connector.system import System
from connector_tools.counterparts.osmo_hlr import PORT, OsmoHlr
from connector_tools.program import ROOT
from connector_tools.quiet import quiet
from connector_tools.simulation.billing import Desired
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.fleet import Fleet, InstanceFactory
from connector_tools.simulation.world import (
    OnProgress,
    Scenario,
    SimulationResult,
    World,
    no_progress,
)

_OSMO = ROOT / "mappings" / "osmo-hlr.yaml"
_BUDGET, _TIMEOUT = 4.0, 1.0  # real seconds: EVENT_BUDGET, and the wait for osmo-hlr's reply
_SCALE = 60.0  # simulated seconds per real second


class OsmoNetwork:
    """The osmo-hlr as a network: see `world.ObservedNetwork`."""

    def __init__(self, hlr: OsmoHlr, random: Random) -> None:
        self.faults = Faults({})
        self.met: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.requests = 0
        self._hlr = hlr
        self._random = random
        self._end: Callable[[], None] = lambda: None

    async def outage(self, begins: bool) -> None:
        """Suspend osmo-hlr, kill it or lock its database, or end that: see `ObservedNetwork`."""
        if not begins:
            self._end()
            return
        kind = self._random.choice(["stopped", "killed", "locked"])
        self.met[kind] += 1
        if kind == "stopped":
            self._hlr.stop()
            self._end = self._hlr.go_on
        elif kind == "killed":
            self._hlr.kill()
            self._end = self._hlr.start
        else:
            lock = ExitStack()
            lock.enter_context(self._hlr.locked())
            self._end = lock.close

    async def rotate(self) -> None:
        """Do nothing: osmo-hlr's control interface has no credentials."""

    def differences(self, desired: dict[str, Desired]) -> list[Difference]:
        """Compare the HLR's own database with billing: see `world.ObservedNetwork`."""
        found = self._hlr.subscribers()
        numbers = Counter(number for number, _, _ in found.values() if number)
        self.wrong += ["a number on two subscribers" for times in numbers.values() if times > 1]
        differences = []
        for imsi, want in desired.items():
            has, wants = found.get(imsi), (want.number, want.served, want.served)
            gone = has is None and not want.owned
            if gone or (has == wants and not want.deleted):
                continue
            differences.append(
                Difference(imsi, _as_text(wants), _as_text(has) if has else "no record")
            )
        return differences


def _as_text(state: tuple[str | None, bool, bool]) -> str:
    number, calls, data = state
    shown = f"number ...{number[-4:]}" if number else "no number"
    return f"calls {'on' if calls else 'off'}, data {'on' if data else 'off'}, {shown}"


class OsmoHlrSimulation:
    """Runs worlds against a real osmo-hlr, with `instances` instances on one SQLite ledger."""

    def __init__(self, instances: int) -> None:
        self._instances = instances

    def run(self, scenario: Scenario, progress: OnProgress = no_progress) -> SimulationResult:
        """Run a world from beginning to end.

        Raises:
            NotInstalled: osmo-hlr is not on this machine.
        """
        seed(scenario.seed)
        with quiet(), TemporaryDirectory() as folder, OsmoHlr(Path(folder)) as hlr:
            return asyncio.run(self._run(scenario, Path(folder), hlr, progress))

    async def _run(
        self, scenario: Scenario, folder: Path, hlr: OsmoHlr, progress: OnProgress
    ) -> SimulationResult:
        random = Random(f"{scenario.seed} network")
        mapping = load(_OSMO)
        values = {"host": hlr.host, "port": PORT, "timeout": _TIMEOUT}
        network = OsmoNetwork(hlr, random)

        def ledger(_: int) -> Ledger:
            return SqliteLedger(folder / "ledger", b"simulation")

        def system() -> System:
            return mapping.protocol.client(mapping.system, values)

        factory = InstanceFactory(mapping, values, ledger, system, _BUDGET, random)
        clock = Clock(_SCALE)
        async with Fleet(factory, self._instances) as fleet:
            return await World(scenario, clock, fleet, network, progress).run()
