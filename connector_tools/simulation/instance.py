"""An instance of the connector in this process, so that its time can be virtual.

An instance can be killed. Its tasks stop at once, and none of them reaches the ledger any more.
Requests that it has sent stay in the network.
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
from connector_tools.simulation.faulty_network import (
    FaultyNetwork,
    WireRequest,
    delivery,
    dropped,
)
from connector_tools.simulation.held_events import Delivery
from connector_tools.simulation.nsps import HttpAnswer

T = TypeVar("T")
_DEAD: HttpAnswer = (0, "")


class LedgerTrouble:
    """Makes a ledger slow (up to `slow` seconds a call) or mostly unreachable (`away`).

    `met` counts the calls that it disturbed.
    """

    def __init__(self, random: Random) -> None:
        self.slow = 0.0
        self.away = False
        self.met = 0
        self._random = random

    async def disturb(self) -> bool:
        """Delay or refuse a call; True if the call is carried out but its answer must be lost.

        Raises:
            LedgerUnavailable: The call is refused.
        """
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
    """The ledger of one instance: disturbed by `trouble`, unreachable once it is killed."""

    def __init__(self, ledger: Ledger, trouble: LedgerTrouble) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self.alive = True

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """Claim: see `Ledger`."""
        verdict = await self._call(lambda: self._ledger.claim(request))
        if isinstance(verdict, Claim):
            dropped.set(verdict.dropped)
        return verdict

    async def settle(self, claim: Claim) -> None:
        """Settle: see `Ledger`."""
        await self._call(lambda: self._ledger.settle(claim))

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`; a killed instance releases nothing."""
        if self.alive:
            await self._call(lambda: self._ledger.release(claim, touched, rest))

    async def close(self) -> None:
        """See `Ledger`."""
        await self._ledger.close()

    async def _call(self, step: Callable[[], Awaitable[T]]) -> T:
        lost = await self._trouble.disturb()
        if not self.alive:
            await asyncio.Event().wait()  # for ever: its task is cancelled
        found = await step()
        if lost:
            raise LedgerUnavailable("simulated, after it was done")
        return found


class Instance:
    """One instance in this process; use it as a context manager."""

    def __init__(self, pipeline: Pipeline, ledger: MortalLedger) -> None:
        self._pipeline = pipeline
        self._ledger = ledger
        self._dead = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open the external system's client."""
        await self._pipeline.system.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the external system's client and the ledger."""
        await self._pipeline.system.__aexit__(*exc)
        await self._ledger.close()

    async def post(self, posted: Delivery) -> HttpAnswer:
        """The connector's answer to an event; status 0 if it is killed meanwhile."""
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
        """Stop at once, as `kill -9` does."""
        self._ledger.alive = False
        self._dead.set()


class NetworkTransport(httpx.AsyncBaseTransport):
    """Carries requests to the network, which handles them even if the sender is killed."""

    def __init__(self, network: FaultyNetwork) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The network's reply: see `httpx.AsyncBaseTransport`."""
        authorization = request.headers.get("authorization", "")
        body = await request.aread()
        sent = WireRequest(request.method, request.url.path, authorization, body)
        going = asyncio.ensure_future(self._network.receive(sent))
        wire = await asyncio.shield(going)
        if wire.status is None:
            raise httpx.ReadError("connection closed")
        return httpx.Response(wire.status, headers=wire.headers, content=wire.body)
