"""A simulated world: a time with faults, a time without, then the comparison with billing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from connector_tools.simulation.billing import Billing, Desired
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.life import Life
from connector_tools.simulation.nsps import Delivery, HeldEvent, HttpAnswer, Nsps, NspsOptions

_CALM = Faults({})
_SHORT_WAIT = 10  # seconds; a longer time without a delivery is skipped
_STEP = 3600  # seconds skipped at once; leases and circuit breakers go by the connector's own clock
_REJECTED = 422  # final: the same event would get the same answer again (see `connector.outcome`)

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
    """The network, for all ways to run it.

    `met` counts the faults that happened, `wrong` lists violations of its rules, `requests` counts
    the requests that reached it.
    """

    faults: Faults
    met: Counter[str]
    wrong: list[str]
    requests: int

    async def outage(self, begins: bool) -> None:
        """Begin or end an outage, in which no request is served."""

    async def rotate(self) -> None:
        """Require another token; change the connector's secret 30 simulated seconds later."""

    def differences(self, desired: dict[str, Desired]) -> list[Difference]:
        """The subscribers whose record differs from billing; `desired` is by IMSI."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """How large a world is, and which faults it has.

    `events` is how many NSPS gets in total. Subscribers change `rate` times per simulated second;
    `subscribers` is how many there are at a time. The ids of PortaBilling begin at `first`.
    `replays` is how often the operator, at the end, replays the events that NSPS gave up.
    """

    events: int
    subscribers: int
    seed: int
    rate: float
    faults: Faults
    options: NspsOptions
    first: int = 0
    replays: int = 3


@dataclass(slots=True)
class SimulationResult:
    """The result of a run; report.py prints it.

    `answers` counts by status and message. `latencies` are in seconds. `reported` are the events
    that NSPS gave up, `waiting` is the number still to be delivered, `different` has the last
    events of each subscriber whose record is wrong, `simulated` is in simulated seconds.
    """

    events: int = 0
    attempts: int = 0
    answers: dict[tuple[int, str], int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    subscribers: int = 0
    reported: list[HeldEvent] = field(default_factory=list)
    waiting: int = 0
    wrong: list[str] = field(default_factory=list)
    different: list[tuple[Difference, list[HeldEvent]]] = field(default_factory=list)
    simulated: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether the network is as billing says, no rule was broken, and no event is left."""
        return not (self.different or self.wrong or self.reported or self.waiting)

    @property
    def rejected(self) -> list[HeldEvent]:
        """The reported events that were answered 422: their data is wrong for the mapping."""
        return [held for held in self.reported if held.history[-1][1] == _REJECTED]

    @property
    def delivered(self) -> bool:
        """Whether all events except the rejected ones were accepted in the end."""
        return not (self.wrong or self.waiting or len(self.reported) > len(self.rejected))


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
        self.billing = Billing(Random(source.random()), first=scenario.first)
        self._life = Life(self.billing, Random(source.random()), scenario.subscribers)
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
            self.billing.now = self._clock.now()
            for espf in self._life.step():
                self.nsps.take(espf)
            self._progress(len(self.nsps.history), "trouble")
            await self._clock.sleep(self._random.expovariate(self._scenario.rate))

    def _chaos(self) -> list[Coroutine[Any, Any, None]]:
        does: dict[str, Callable[[], Awaitable[None]]] = {
            "outage": self._outage,
            "maintenance": self._maintenance,
            "credentials": self._network.rotate,
            "kill": self._connector.kill,
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
        await self._network.outage(True)
        try:
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
        for left in range(self._scenario.replays, -1, -1):
            while self.nsps.waiting:
                self._progress(len(self.nsps.history), f"calm, {self.nsps.waiting} to deliver")
                due = self.nsps.idle_until()
                if due is not None and due - self._clock.now() > _SHORT_WAIT:
                    self._clock.skip(min(due - self._clock.now(), _STEP))
                await self._clock.sleep(5)
            if not self.nsps.failed or not left:
                return
            for held in self.nsps.failed:
                self.nsps.replay(held)

    def _end(self, simulated: float) -> SimulationResult:
        desired = {sim.imsi: self.billing.desired(sim) for sim in self.billing.sims.values()}
        different = self._network.differences(desired)
        return SimulationResult(
            events=len(self.nsps.history),
            attempts=sum(self.nsps.answers.values()),
            answers=self.nsps.answers,
            latencies=self.nsps.latencies,
            faults=self._faults + self._network.met + self.nsps.met,
            requests=self._network.requests,
            subscribers=len(desired),
            reported=self.nsps.failed,
            waiting=self.nsps.waiting,
            wrong=[*self._network.wrong, *self._unapplied()],
            different=[(one, self._about(one.imsi)) for one in different],
            simulated=simulated,
        )

    def _unapplied(self) -> list[str]:
        """A violation for each event that is neither accepted, nor given up, nor waiting."""
        lost = [h for h in self.nsps.history if not (h.accepted or h.failed or h.copies)]
        return [f"event {held.event_id} is nowhere" for held in lost]

    def _about(self, imsi: str) -> list[HeldEvent]:
        """The last six events about a subscriber."""
        return [held for held in self.nsps.history if imsi.encode() in (held.body or b"")][-6:]
