"""A simulated world: a time with faults, a time without, then the comparison with billing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, Protocol

from connector_tools.simulation.billing import Billing
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.comparison import state
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.held_events import Delivery, HeldEvent
from connector_tools.simulation.life import Life
from connector_tools.simulation.not_promised import rings
from connector_tools.simulation.nsps import HttpAnswer, Nsps
from connector_tools.simulation.scenario import Scenario, SimulationResult

_CALM = Faults({})
_SHORT_WAIT = 10  # seconds; a longer time without a delivery is skipped
_STEP = 3600  # seconds skipped at once; leases and circuit breakers go by the connector's own clock

OnProgress = Callable[[int, str], None]
"""Called with the number of events so far and a word for what happens now."""


def no_progress(count: int, what: str) -> None:
    """Do nothing; the default `OnProgress`."""


class Connector(Protocol):
    """The connector, for all ways to run it."""

    async def post(self, posted: Delivery) -> HttpAnswer:
        """Post an event to an instance."""

    async def kill(self) -> None:
        """Kill an instance, and start another one."""

    async def trouble_ledger(self, seconds: float) -> None:
        """Make the ledger slow or unreachable for `seconds` of real time."""


class ObservedNetwork(Protocol):
    """The network, for all ways to run it."""

    faults: Faults

    @property
    def met(self) -> Counter[str]:
        """How often each fault happened."""

    @property
    def wrong(self) -> list[str]:
        """The violations of its rules."""

    @property
    def not_promised(self) -> list[str]:
        """What happened and is no failure, because the connector cannot prevent it there."""

    @property
    def requests(self) -> int:
        """How many requests reached it."""

    async def outage(self, begins: bool) -> None:
        """Begin or end an outage, in which no request is served."""

    async def rotate(self) -> None:
        """Require another token; change the connector's secret 30 simulated seconds later."""

    def differences(self, billing: Billing) -> list[Difference]:
        """The subscribers whose record differs from what billing says now."""


class Simulation(Protocol):
    """A way to run a world; the command line has one for each sub-command of `simulate`."""

    def run(self, scenario: Scenario, progress: OnProgress = ...) -> SimulationResult:
        """Run a world from beginning to end."""


class World:
    """One run of a scenario, on this clock, with this connector and this network."""

    def __init__(
        self,
        scenario: Scenario,
        clock: Clock,
        connector: Connector,
        network: ObservedNetwork,
        progress: OnProgress = no_progress,
    ) -> None:
        self._scenario = scenario
        self._clock = clock
        self._connector = connector
        self._network = network
        self._progress = progress
        self._faults: Counter[str] = Counter()
        source = Random(scenario.seed)
        self._random = Random(source.random())
        self._stuck = ""
        random = Random(source.random())
        self.billing = Billing(random, scenario.first, scenario.inventory)
        exchanges = scenario.faults["exchange"]
        self._life = Life(self.billing, Random(source.random()), scenario.subscribers, exchanges)
        self.nsps = Nsps(
            clock, self.billing, Random(source.random()), connector.post, scenario.options
        )

    async def run(self) -> SimulationResult:
        """Run it from beginning to end."""
        began = self._clock.now()
        self._network.faults = self.nsps.faults = self._scenario.faults
        delivering = asyncio.create_task(self.nsps.run())
        chaos = [asyncio.create_task(each) for each in self._chaos()]
        try:
            await self._live()
            for task in chaos:
                task.cancel()
            for ended in await asyncio.gather(*chaos, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended
            await self._calm_down()
        finally:
            for task in (*chaos, delivering):
                task.cancel()
        return self._end(self._clock.now() - began)

    async def _live(self) -> None:
        while len(self.nsps.history) < self._scenario.events:
            self.billing.now = self._clock.told()
            for espf in self._life.step():
                self.nsps.take(espf)
            self._progress(len(self.nsps.history), "trouble")
            await self._clock.sleep(self._random.expovariate(self._scenario.rate))

    def _chaos(self) -> list[Coroutine[Any, Any, None]]:
        does: dict[str, Callable[[], Awaitable[None]]] = {
            "outage": self._outage,
            "maintenance": self._maintenance,
            "credentials": lambda: _to_its_end(self._network.rotate()),
            "kill": lambda: _to_its_end(self._connector.kill()),
            "ledger": self._ledger,
        }
        return [self._now_and_then(name, what) for name, what in does.items()]

    async def _now_and_then(self, name: str, happen: Callable[[], Awaitable[None]]) -> None:
        rate = self._scenario.faults[name] / 3600
        while rate:
            await self._clock.sleep(self._random.expovariate(rate))
            self._faults[name] += 1
            await happen()

    async def _outage(self) -> None:
        try:
            await _to_its_end(self._network.outage(True))
            await self._clock.sleep(self._random.uniform(60, 900))
        finally:
            await self._network.outage(False)

    async def _maintenance(self) -> None:
        self.nsps.maintenance = True
        try:
            await self._clock.sleep(self._random.uniform(1800, 7200))
        finally:
            self.nsps.maintenance = False

    async def _ledger(self) -> None:
        await self._connector.trouble_ledger(self._random.uniform(10, 120))

    async def _calm_down(self) -> None:
        """Without faults: deliver all events, and replay those that NSPS gave up."""
        self._network.faults = self.nsps.faults = _CALM
        since = self._clock.now()
        for left in range(self._scenario.replays, -1, -1):
            while self.nsps.waiting:
                if self._scenario.ends_early and self._is_stuck(since):
                    return
                self._progress(len(self.nsps.history), f"calm, {self.nsps.waiting} to deliver")
                due = self.nsps.idle_until()
                if due is not None and due - self._clock.now() > _SHORT_WAIT:
                    self._clock.skip(min(due - self._clock.now(), _STEP))
                await self._clock.sleep(5)
            if not self.nsps.failed or not left:
                return
            for held in self.nsps.failed:
                self.nsps.replay(held)

    def _is_stuck(self, since: float) -> bool:
        """Whether only events are left that fail alike; those that are rejected are given up."""
        answer = self.nsps.fails_alike(since)
        if answer is None:
            return False
        self.nsps.give_up_rejected()
        self._stuck = answer if self.nsps.waiting else ""
        return True

    def _end(self, simulated: float) -> SimulationResult:
        found = rings(self._network.differences(self.billing), self.nsps.failed, self._all_about)
        return SimulationResult(
            events=len(self.nsps.history),
            attempts=sum(self.nsps.answers.values()),
            answers=self.nsps.answers,
            latencies=self.nsps.latencies,
            faults=Counter(exchange=self._life.exchanged)
            + self._faults
            + self._network.met
            + self.nsps.met,
            requests=self._network.requests,
            subscribers=len(self.billing.sims),
            reported=found.reported,
            waiting=self.nsps.waiting,
            wrong=[*self._network.wrong, *self._unapplied()],
            different=[(one, self._all_about(one)[-6:]) for one in found.different],
            rings=found.members,
            not_promised=self._network.not_promised,
            doubts=self._scenario.doubts,
            stuck=self._stuck,
            left=[held for held in self.nsps.history if held.copies],
            state=list(state(self.billing)),
            simulated=simulated,
        )

    def _unapplied(self) -> list[str]:
        """A violation for each event that is neither accepted, nor given up, nor waiting."""
        lost = [h for h in self.nsps.history if not (h.accepted or h.failed or h.copies)]
        return [f"event {held.event_id} is nowhere" for held in lost]

    def _all_about(self, one: Difference) -> list[HeldEvent]:
        """The events about a subscriber, the oldest first."""
        sought = (one.sought or one.key).encode()
        return [held for held in self.nsps.history if sought in (held.body or b"")]


async def _to_its_end(step: Coroutine[Any, Any, None]) -> None:
    """Do a step whole, also if the time of trouble ends meanwhile.

    A kill that is broken off leaves an instance dead, and a rotation the connector without the new
    secret: then no event would ever be accepted.
    """
    task = asyncio.create_task(step)
    try:
        await asyncio.shield(task)
    finally:
        await task
