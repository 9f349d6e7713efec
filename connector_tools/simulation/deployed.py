"""Runs worlds against a deployed connector, whose network cannot be seen from here."""

import asyncio
import time
from collections import Counter
from dataclasses import replace

import httpx

from connector_tools.send import Target
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.held_events import Delivery
from connector_tools.simulation.nsps import HttpAnswer
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.world import OnProgress, World, no_progress

SCALE = 60.0  # simulated seconds per real second
_TIMEOUT = 75  # seconds; longer than the function's own (60 s): its answer always comes first


class DeploymentUnusable(Exception):  # noqa: N818 - says what happened
    """The deployment takes no events; the text says what to change."""


class DeployedConnector:
    """The deployment, which is never killed from here: see `world.Connector`."""

    def __init__(self, client: httpx.AsyncClient, target: Target) -> None:
        self._client = client
        self._target = target

    async def check(self) -> None:
        """Post an empty JSON object, which a connector answers with 422 and which changes nothing.

        Raises:
            DeploymentUnusable: There is no connection, or the answer is not 422.
        """
        try:
            response = await self._client.post(self._target.url, content=b"{}")
        except httpx.HTTPError as error:
            raise DeploymentUnusable(
                f"no connection: {type(error).__name__}; check the URL"
            ) from None
        if response.status_code == 401:
            raise DeploymentUnusable("the token is refused: give the connector's API_TOKEN")
        if response.status_code != 422:
            raise DeploymentUnusable(
                f"answered {response.status_code} to no event, a connector answers 422"
            )

    async def post(self, posted: Delivery) -> HttpAnswer:
        """Post an event: see `world.Connector`."""
        try:
            response = await self._client.post(self._target.url, content=posted.body)
        except httpx.HTTPError:
            return 0, ""
        return response.status_code, response.text

    async def kill(self) -> None:
        """Never called: `faults.DEPLOYED` has no `kill`."""

    async def trouble_ledger(self, seconds: float) -> None:
        """Never called: `faults.DEPLOYED` has no `ledger`."""


class UnseenNetwork:
    """A network that cannot be seen: see `world.ObservedNetwork`."""

    def __init__(self) -> None:
        self.faults = Faults({})
        self.met: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.not_promised: list[str] = []
        self.requests = 0

    async def outage(self, begins: bool) -> None:
        """Never called: `faults.DEPLOYED` has no `outage`."""

    async def rotate(self) -> None:
        """Never called: `faults.DEPLOYED` has no `credentials`."""

    def differences(self, billing: Billing) -> list[Difference]:
        """No differences, because no record is known."""
        return []


class _LoadClock(Clock):
    """Simulated time, of which events do not tell: they say the real time at which they are made.

    A connector does not believe a snapshot from the future, and the snapshots of a second run must
    be newer than those of the first.
    """

    def told(self) -> float:
        """The time that events say: that of this machine."""
        return time.time()


class DeployedSimulation:
    """Runs worlds against a deployment.

    Each run has accounts and numbers of its own, and unless IMSIs are given, SIMs of its own in the
    test network 001-01. Nobody replays by hand: an event that NSPS gave up after its month counts
    as never accepted. A run ends early if all events that are left get the same answer.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    def run(self, scenario: Scenario, progress: OnProgress = no_progress) -> SimulationResult:
        """Run a world from beginning to end; latencies are in real seconds.

        Raises:
            DeploymentUnusable: The deployment takes no events.
        """
        return asyncio.run(self._run(scenario, progress))

    async def _run(self, scenario: Scenario, progress: OnProgress) -> SimulationResult:
        now = time.time()
        first = int(now * 1000) % 10**9
        scenario = replace(scenario, first=first, replays=0, ends_early=True)
        async with httpx.AsyncClient(
            timeout=_TIMEOUT,
            trust_env=not self._target.local,
            headers={
                "Authorization": f"Bearer {self._target.token}",
                "Content-Type": "application/json",
            },
            limits=httpx.Limits(max_connections=None, keepalive_expiry=2),
        ) as client:
            deployed = DeployedConnector(client, self._target)
            await deployed.check()
            clock = _LoadClock(SCALE, now - SCALE * asyncio.get_running_loop().time())
            ended = await World(scenario, clock, deployed, UnseenNetwork(), progress).run()
        ended.latencies = [seconds / SCALE for seconds in ended.latencies]
        return ended
