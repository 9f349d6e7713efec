"""Runs worlds with real functions, over real sockets, on time that passes 60 times faster."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector_tools.counterparts.hlr_http import BASE_PATH, AbortableConnection, NoAnswer
from connector_tools.program import ROOT
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.faulty_network import WireRequest
from connector_tools.simulation.functions import Functions
from connector_tools.simulation.network import Network
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.store import Store
from connector_tools.simulation.world import OnProgress, World, no_progress

_WTL = ROOT / "mappings" / "wtl-hlr-hss.yaml"
_BUDGET, _TIMEOUT = 4.0, 1.0  # real seconds: EVENT_BUDGET, and the wait for the network's reply
_SCALE = 60.0  # simulated seconds per real second


class NetworkServer(Network):
    """The network as an HTTP endpoint; it writes the connector's secret for it to a file."""

    def __init__(self, random: Random, scenario: Scenario, secret: Path, clock: Clock) -> None:
        super().__init__(random, scenario.faults, "token-0", _TIMEOUT)
        self._secret = secret
        self._clock = clock
        self._rotations = 0
        secret.write_text(self.token)

    async def rotate(self) -> None:
        """Change the token, and later the secret: see `world.ObservedNetwork`."""
        self._rotations += 1
        self.token = f"token-{self._rotations}"
        try:
            await self._clock.sleep(30)
        finally:
            self._secret.write_text(self.token)

    async def answer(self, request: Request) -> Response:
        """Answer one HTTP request."""
        authorization = request.headers.get("authorization", "")
        body = await request.body()
        wire = await self.receive(
            WireRequest(request.method, request.url.path, authorization, body)
        )
        if wire.status is None:
            return NoAnswer()
        return Response(wire.body, wire.status, wire.headers, "application/json")


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the command handles Ctrl-C."""

    def capture_signals(self) -> Any:
        """Capture no signals."""
        return nullcontext()


@asynccontextmanager
async def _listening(network: NetworkServer) -> AsyncIterator[str]:
    """Serve the network on 127.0.0.1, and yield its URL."""
    config = uvicorn.Config(
        Starlette(routes=[Route(f"{BASE_PATH}/prov", network.answer, methods=["POST"])]),
        host="127.0.0.1",
        port=0,
        http=AbortableConnection,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}{BASE_PATH}"
    finally:
        server.should_exit = True
        await serving


class RealFunctionsSimulation:
    """Runs worlds with `instances` real functions, and the store that `make_store` makes."""

    def __init__(self, make_store: Callable[[Path], Store], instances: int) -> None:
        self._make_store = make_store
        self._instances = instances

    def run(self, scenario: Scenario, progress: OnProgress = no_progress) -> SimulationResult:
        """Run a world from beginning to end.

        Raises:
            NotInstalled: The store needs a program that is not on this machine.
            DidNotStart: A function does not start.
        """
        with TemporaryDirectory() as folder, self._make_store(Path(folder)) as store:
            return asyncio.run(self._run(scenario, Path(folder), store, progress))

    async def _run(
        self, scenario: Scenario, folder: Path, store: Store, progress: OnProgress
    ) -> SimulationResult:
        clock, random = Clock(_SCALE), Random(f"{scenario.seed} network")
        secrets = folder / "secrets"
        secrets.mkdir()
        network = NetworkServer(random, scenario, secrets / "WTL_API_TOKEN", clock)
        async with _listening(network) as url:
            variables = {
                "MAPPING_FILE": str(_WTL),
                "WTL_API_URL": url,
                "WTL_HTTP_REQUESTS_TIMEOUT": str(_TIMEOUT),
                "EVENT_BUDGET": str(_BUDGET),
                "SECRETS_REFRESH": "5",
            }
            functions = Functions(self._instances, secrets, variables, store, random)
            async with functions:
                ended = await World(scenario, clock, functions, network, progress).run()
        ended.wrong += functions.leaks
        return ended
