"""A burst: all that NSPS or Pub/Sub held is released at once, and drains through a rate limit.

The real pipeline, mapping, guard and memory ledger of some instances take the events on virtual
time. Simulated are NSPS (the simulator's), Pub/Sub's pauses, the platform's queue before each
instance, and an HLR/HSS that answers after 50 ms and refuses with 429 what is over its limit.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random, seed
from tempfile import TemporaryDirectory

import httpx

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.pipeline import Pipeline
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector_tools.program import ROOT
from connector_tools.quiet import quiet
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.clock import Clock, VirtualLoop
from connector_tools.simulation.held_events import Delivery
from connector_tools.simulation.instance import Instance, LedgerTrouble, MortalLedger
from connector_tools.simulation.nsps import HttpAnswer, Nsps, NspsOptions

LIMIT = 50  # requests in any second that the HLR/HSS bears
INSTANCES = 3  # function.max_instances, terraform/modules/connector/variables.tf
RATE_LIMIT = LIMIT // INSTANCES  # calls per second and instance, so that all together are below it
NSPS_AT_ONCE = 100  # events that NSPS posts at a time: an assumption, it is not public
PUBSUB_AT_ONCE = 240  # messages that Pub/Sub has under way: an assumption, it adapts by itself
_TOOK = 0.05  # seconds for an answer of the HLR/HSS
_QUEUED = 10.0  # seconds that a request waits at most before a full instance (Cloud Run)
_PUBLISHED = 0.02  # seconds for a message to be published: an assumption
_LEAST, _MOST = 10.0, 600.0  # seconds: delivery.minimum_backoff_seconds, maximum_backoff_seconds
_ATTEMPTS = 100  # delivery.max_delivery_attempts
_WTL = ROOT / "mappings" / "wtl-hlr-hss.yaml"

Post = Callable[[Delivery], Awaitable[HttpAnswer]]


@dataclass(frozen=True)
class Setting:
    """How a deployment is set; None is no limit.

    `rate_limit` is the mapping's, in calls per second and instance; `concurrency` is Terraform's
    `function.concurrency`; `buffered` says whether Pub/Sub delivers, not NSPS.
    """

    rate_limit: int | None = None
    concurrency: int = 80
    buffered: bool = False


@dataclass(frozen=True)
class Drained:
    """How a burst ended; `waits` are sorted, in seconds after the release."""

    events: int
    waits: tuple[float, ...]
    attempts: int
    refused: int
    given_up: int

    @property
    def last(self) -> float:
        """Seconds after which all was done."""
        return self.waits[-1]


def drained(events: int, setting: Setting) -> Drained:
    """Release a burst of so many events, each of another subscriber."""
    seed(1)  # the connector's own jitter
    runs = asyncio.Runner(loop_factory=VirtualLoop)
    with quiet(), TemporaryDirectory() as folder, runs as runner:
        mapping = _limited(setting.rate_limit, Path(folder))
        return runner.run(_drain(events, setting, mapping))


class Hlr(httpx.AsyncBaseTransport):
    """An HLR/HSS that refuses what is over its limit."""

    def __init__(self) -> None:
        self.refused = 0
        self._recent: deque[float] = deque()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        now = asyncio.get_running_loop().time()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        full = len(self._recent) >= LIMIT
        if full:
            self.refused += 1
        else:
            self._recent.append(now)
        await asyncio.sleep(_TOOK)
        return httpx.Response(429) if full else httpx.Response(200, json={"result": True})


class Platform:
    """Cloud Run: each instance in turn, with a queue before those that are full.

    `ends` are the times at which each event was answered last.
    """

    def __init__(self, clock: Clock, instances: list[Instance], concurrency: int) -> None:
        self.attempts = 0
        self.ends: dict[str, float] = {}
        self._clock = clock
        self._instances = instances
        self._places = [asyncio.Semaphore(concurrency) for _ in instances]
        self._turn = 0

    async def post(self, delivery: Delivery) -> HttpAnswer:
        """What an instance makes of an event; 429 if it had no place in time."""
        self.attempts += 1
        try:
            async with self.place() as instance:
                return await instance.post(delivery)
        except TimeoutError:
            return 429, ""
        finally:
            self.ends[delivery.held.event_id] = self._clock.now()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Instance]:
        """A place in the next instance.

        Raises:
            TimeoutError: there was none in time.
        """
        self._turn += 1
        number = self._turn % len(self._instances)
        await asyncio.wait_for(self._places[number].acquire(), _QUEUED)
        try:
            yield self._instances[number]
        finally:
            self._places[number].release()


class PubSub:
    """A push subscription: so many messages under way, a pause after each refusal."""

    def __init__(self, clock: Clock, platform: Platform) -> None:
        self.waiting = 0
        self.given_up = 0
        self._clock = clock
        self._platform = platform
        self._queue: list[tuple[float, int, int, Delivery]] = []
        self._order = 0
        self._random = Random(1)

    async def publish(self, delivery: Delivery) -> HttpAnswer:
        """What the function does with `INGRESS=publish`: it takes a place for a moment."""
        try:
            async with self._platform.place():
                await self._clock.sleep(_PUBLISHED)
        except TimeoutError:
            return 429, ""
        self.waiting += 1
        self._later(0, 0, delivery)
        return 202, ""

    async def run(self) -> None:
        """Deliver what is due, for ever."""
        await asyncio.gather(*(self._push() for _ in range(PUBSUB_AT_ONCE)))

    async def _push(self) -> None:
        while True:
            if not self._queue or self._queue[0][0] > self._clock.now():
                await self._clock.sleep(0.1)
                continue
            _, _, attempts, delivery = heapq.heappop(self._queue)
            status, _ = await self._platform.post(delivery)
            if status >= 300 and attempts + 1 < _ATTEMPTS:
                pause = min(_LEAST * 2**attempts, _MOST) * self._random.uniform(0.9, 1.1)
                self._later(pause, attempts + 1, delivery)
                continue
            self.given_up += status >= 300
            self.waiting -= 1

    def _later(self, seconds: float, attempts: int, delivery: Delivery) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self._clock.now() + seconds, self._order, attempts, delivery))


def _limited(rate_limit: int | None, folder: Path) -> MappingFile:
    text = _WTL.read_text(encoding="utf-8").partition("\ntests:")[0]
    if rate_limit:
        text = text.replace("  http:\n", f"  http:\n    rate_limit: {rate_limit}/s\n", 1)
    file = folder / "mapping.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file)


async def _drain(events: int, setting: Setting, mapping: MappingFile) -> Drained:
    hlr, clock = Hlr(), Clock()
    ledger = MortalLedger(
        MemoryLedger(clock=asyncio.get_running_loop().time), LedgerTrouble(Random(1))
    )
    values = {"api_url": "http://hlr.invalid", "api_token": "t", "timeout": 30.0}
    values |= {"cs_profile": "default", "eps_profile": "default", "imsi_regexp": None}

    def instance() -> Instance:
        assert isinstance(mapping.system, HttpSystemEntry)
        system = HttpSystem(mapping.system, values, transport=hlr)
        return Instance(Pipeline(mapping, values, ledger, system), ledger)

    async with AsyncExitStack() as stack:
        instances = [await stack.enter_async_context(instance()) for _ in range(INSTANCES)]
        platform = Platform(clock, instances, setting.concurrency)
        pubsub = PubSub(clock, platform)
        nsps = _held(events, clock, pubsub.publish if setting.buffered else platform.post)
        began = clock.now()
        delivering = [asyncio.create_task(each.run()) for each in (nsps, pubsub)]
        nsps.maintenance = False
        while nsps.waiting or pubsub.waiting:
            await clock.sleep(1)
        for task in delivering:
            task.cancel()
    waits = tuple(sorted(end - began for end in platform.ends.values()))
    given_up = len(nsps.failed) + pubsub.given_up
    return Drained(events, waits, platform.attempts, hlr.refused, given_up)


def _held(events: int, clock: Clock, post: Post) -> Nsps:
    """An NSPS in maintenance, with an event of each of so many subscribers."""
    billing = Billing(Random(1))
    nsps = Nsps(clock, billing, Random(1), post, NspsOptions(concurrency=NSPS_AT_ONCE))
    nsps.maintenance = True
    for _ in range(events):
        account, (sim, _) = billing.open_account(), billing.add_sim()
        billing.assign(account, sim)
        for espf in billing.change(account, blocked=True):
            nsps.take(espf)
    return nsps
