"""The time of trouble ends while a fault happens: nothing of it stays."""

import asyncio
import json

import pytest

from connector_tools.simulation.clock import Clock, VirtualLoop
from connector_tools.simulation.deployed import UnseenNetwork
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.held_events import Delivery
from connector_tools.simulation.nsps import HttpAnswer, NspsOptions
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.world import World

_LONG = 900.0  # seconds that each step of a fault takes; the time of trouble is shorter


class Breakable(UnseenNetwork):
    """A connector and its network: each fault takes long to begin, and long to be mended."""

    def __init__(self) -> None:
        super().__init__()
        self.dead = self.down = self.locked = False

    async def post(self, posted: Delivery) -> HttpAnswer:
        working = not (self.dead or self.down or self.locked)
        return (
            (202, json.dumps({"message": "Event accepted for processing"})) if working else (0, "")
        )

    async def kill(self) -> None:
        self.dead = True
        await asyncio.sleep(_LONG)
        self.dead = False

    async def rotate(self) -> None:
        self.locked = True
        await asyncio.sleep(_LONG)
        self.locked = False

    async def outage(self, begins: bool) -> None:
        self.down = begins
        await asyncio.sleep(_LONG)

    async def trouble_ledger(self, seconds: float) -> None:
        """Never called."""


async def _run(fault: str) -> tuple[Breakable, SimulationResult]:
    both = Breakable()
    faults = Faults({fault: 60.0})
    scenario = Scenario(200, 10, 1, 0.5, faults, NspsOptions(), replays=0)
    return both, await World(scenario, Clock(), both, both).run()


@pytest.mark.parametrize("fault", ["kill", "credentials", "outage"])
def test_a_fault_that_happens_at_the_end_is_mended(fault: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        both, ended = runner.run(_run(fault))
    assert ended.faults[fault] > 0
    assert not (both.dead or both.down or both.locked)
    assert ended.delivered
    assert ended.simulated < 86_400, "nothing waited for its last retries"
