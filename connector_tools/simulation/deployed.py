"""A run against a connector that is deployed somewhere; its network cannot be seen from here."""

import asyncio
import time
from collections import Counter
from dataclasses import replace

import httpx

from connector_tools.send import Target
from connector_tools.simulation.billing import Desired
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.network import Difference
from connector_tools.simulation.nsps import Delivery, HttpAnswer
from connector_tools.simulation.world import (
    OnProgress,
    Scenario,
    SimulationResult,
    World,
    no_progress,
)

SCALE = 60.0  # simulated seconds in a real one
_TIMEOUT = 75  # seconds; above the function's own, so that its answer is always seen


class DeploymentUnusable(Exception):  # noqa: N818 - what happened, not an error of ours
    """The deployment does not take events at all; the text says what to mend."""


class DeployedConnector:
    """See `world.Connector`: the deployment, which nobody kills from here."""

    def __init__(self, client: httpx.AsyncClient, target: Target) -> None:
        self._client = client
        self._target = target

    async def check(self) -> None:
        """Post what is no event, which changes nothing.

        Raises:
            DeploymentUnusable: it is not answered as a connector answers it (422).
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
        """See `world.Connector`."""
        try:
            response = await self._client.post(self._target.url, content=posted.body)
        except httpx.HTTPError:
            return 0, ""
        return response.status_code, response.text

    async def kill(self) -> None:
        """Never: `faults.NSPS` and the maintenance are all that happens."""

    async def trouble_ledger(self, seconds: float) -> None:
        """Never, as above."""


class UnseenNetwork:
    """See `world.ObservedNetwork`: a network that cannot be looked into."""

    def __init__(self) -> None:
        self.faults = Faults({})
        self.met: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.requests = 0

    async def outage(self, begins: bool) -> None:
        """Never."""

    async def rotate(self) -> None:
        """Never."""

    def differences(self, desired: dict[str, Desired]) -> list[Difference]:
        """Nothing is known of any."""
        return []


class DeployedSimulation:
    """Runs worlds against a deployment.

    Each run has subscribers of its own, in the test network 001-01, and begins now: what an
    earlier run left in the deployment's ledger is about others. Nobody replays by hand: what NSPS
    gave up after its month was never accepted.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    def run(self, scenario: Scenario, progress: OnProgress = no_progress) -> SimulationResult:
        """One run, from beginning to end; latencies are in real seconds.

        Raises:
            DeploymentUnusable: the deployment does not take events at all.
        """
        return asyncio.run(self._run(scenario, progress))

    async def _run(self, scenario: Scenario, progress: OnProgress) -> SimulationResult:
        now = time.time()
        scenario = replace(scenario, first=int(now * 1000) % 10**9, replays=0)
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
            clock = Clock(SCALE, now - SCALE * asyncio.get_running_loop().time())
            ended = await World(scenario, clock, deployed, UnseenNetwork(), progress).run()
        ended.latencies = [seconds / SCALE for seconds in ended.latencies]
        return ended
