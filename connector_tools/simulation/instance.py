"""The connector as the simulation drives it: in process, so that time can be virtual.

An instance can be killed: what it was doing stops there, and nothing of it reaches the ledger any
more. What it had sent stays in the network.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import Self, TypeVar

import httpx

from connector.ledger.records import (
    Busy,
    Claim,
    ClaimRequest,
    Duplicate,
    Ledger,
    LedgerUnavailable,
    Superseded,
)
from connector.outcome import answer
from connector.pipeline import Pipeline
from connector_tools.simulation.network import Network, delivery
from connector_tools.simulation.nsps import Delivery, HttpAnswer

T = TypeVar("T")
_DEAD: HttpAnswer = (0, "")


class LedgerTrouble:
    """What the ledger suffers from now: `slow` seconds, or out of reach."""

    def __init__(self, random: Random) -> None:
        self.slow = 0.0
        self.away = False
        self.met = 0
        self._random = random

    async def meet(self) -> bool:
        """Suffer it; True if the answer is lost after the ledger did what it was asked."""
        if self.slow:
            self.met += 1
            await asyncio.sleep(self._random.uniform(0, self.slow))
        if self.away and self._random.random() < 0.8:
            self.met += 1
            if self._random.random() < 0.5:
                raise LedgerUnavailable("simulated")
            return True
        return False


class MortalLedger:
    """A ledger as seen by one instance: it suffers, and is out of reach of the dead."""

    def __init__(self, ledger: Ledger, trouble: LedgerTrouble) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self.alive = True

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        return await self._suffer(lambda: self._ledger.claim(request))

    async def settle(self, claim: Claim) -> None:
        """See `Ledger`."""
        await self._suffer(lambda: self._ledger.settle(claim))

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`; one that is out of reach is not told."""
        if self.alive:
            await self._suffer(lambda: self._ledger.release(claim, touched, rest))

    async def close(self) -> None:
        """See `Ledger`."""
        await self._ledger.close()

    async def _suffer(self, step: Callable[[], Awaitable[T]]) -> T:
        lost = await self._trouble.meet()
        if not self.alive:
            await asyncio.Event().wait()  # until its task is cancelled
        found = await step()
        if lost:
            raise LedgerUnavailable("simulated, after it was done")
        return found


class Instance:
    """One instance in process; use it as a context manager."""

    def __init__(self, pipeline: Pipeline, ledger: MortalLedger) -> None:
        self._pipeline = pipeline
        self._ledger = ledger
        self._dead = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Start."""
        await self._pipeline.system.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop in good order."""
        await self._pipeline.system.__aexit__(*exc)
        await self._ledger.close()

    async def post(self, posted: Delivery) -> HttpAnswer:
        """What the connector answers; nothing if it is killed meanwhile."""
        if self._dead.is_set():
            return _DEAD
        token = delivery.set(posted)
        handling = asyncio.ensure_future(self._pipeline.handle(posted.body))
        delivery.reset(token)
        dying = asyncio.ensure_future(self._dead.wait())
        await asyncio.wait((handling, dying), return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if not handling.done():
            handling.cancel()
            return _DEAD
        given = answer(handling.result())
        return given.status, json.dumps(given.body)

    def kill(self) -> None:
        """As `kill -9` does."""
        self._ledger.alive = False
        self._dead.set()


class NetworkTransport(httpx.AsyncBaseTransport):
    """The wire from the HTTP client to the network; a request outlives whoever sent it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        authorization = request.headers.get("authorization", "")
        body = await request.aread()
        going = asyncio.ensure_future(self._network.receive(authorization, body))
        wire = await asyncio.shield(going)
        if wire.status is None:
            raise httpx.ReadError("connection closed")
        return httpx.Response(wire.status, headers=wire.headers, content=wire.body)
