"""A network with faults, whatever its interface; it notes requests that must never happen.

Each kind of network has its own rules: `network` an HLR with one call, `hss_network` an HSS with
several resources for a subscriber.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any

from connector_tools.simulation.billing import Billing
from connector_tools.simulation.faults import NETWORK, Faults
from connector_tools.simulation.held_events import Delivery

delivery: ContextVar[Delivery | None] = ContextVar("delivery", default=None)
"""The delivery that causes the requests of the present task; for instances in this process."""
dropped: ContextVar[frozenset[str]] = ContextVar("dropped", default=frozenset())
"""The subjects of this delivery that the ledger dropped: a newer event is about them."""

_REFUSAL = {"result": False, "error": "database is locked"}
_GARBAGE = (b"<html>Sign in</html>", b'{"resu', b"\xff\xfe\x00")


@dataclass(frozen=True, slots=True)
class WireRequest:
    """An HTTP request, as far as the networks look at it. `path` begins with a slash."""

    method: str
    path: str
    authorization: str = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class WireReply:
    """An HTTP reply; with `status` None, the connection is closed instead."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


CLOSED = WireReply(None)


def json_reply(status: int, document: Any) -> WireReply:
    """A reply with a JSON body; None is no body."""
    return WireReply(status, b"" if document is None else json.dumps(document).encode())


@dataclass(frozen=True, slots=True)
class Difference:
    """A subscriber whose record differs: billing's and the network's, as texts to print.

    The texts hold no personal data. `key` is an IMSI or an i_account. `sought` is a text by which
    events about the subscriber are found; without it, the key. `wants` and `has` are the numbers
    by billing and at the network.
    """

    key: str = field(repr=False)
    billing: str
    network: str
    sought: str = field(default="", repr=False)
    wants: str | None = field(default=None, repr=False)
    has: str | None = field(default=None, repr=False)


_DOWN = (CLOSED, json_reply(503, {}), WireReply(503), WireReply(404, b"<html>no such site</html>"))
"""Replies during an outage; the last is that of a proxy that knows no system behind it."""


class FaultyNetwork(ABC):
    """A network. `timeout` is how many seconds the connector waits for a reply.

    `on_rotate` changes the token, and the connector's secret for it.
    See `world.ObservedNetwork` for `met`, `wrong`, `not_promised` and `requests`.
    """

    def __init__(self, random: Random, faults: Faults, token: str, timeout: float) -> None:
        self.faults = faults
        self.token = token
        self.down = False
        self.met: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.not_promised: list[str] = []
        self.requests = 0
        self.on_rotate: Callable[[], Awaitable[None]] = _nothing
        self._random = random
        self._timeout = timeout
        self._inside: Counter[str] = Counter()
        self._snapshots: dict[str, float] = {}

    @abstractmethod
    def subject(self, request: WireRequest) -> str:
        """The IMSI that a request is about.

        Raises:
            ValueError: It is about none; such a request must never come.
        """

    @abstractmethod
    def apply(self, request: WireRequest, imsi: str) -> WireReply:
        """Carry out a request that met no fault before, and note if it breaks a rule."""

    @abstractmethod
    def differences(self, billing: Billing) -> list[Difference]:
        """The subscribers whose record differs from billing: see `world.ObservedNetwork`."""

    async def outage(self, begins: bool) -> None:
        """Begin or end an outage: see `world.ObservedNetwork`."""
        self.down = begins

    async def rotate(self) -> None:
        """Require another token: see `world.ObservedNetwork`."""
        await self.on_rotate()

    async def receive(self, request: WireRequest) -> WireReply:
        """Reply to one request, after the fault that it may meet."""
        self.requests += 1
        try:
            imsi = self.subject(request)
        except ValueError as error:
            self.wrong.append(str(error))
            return json_reply(400, {"result": False})
        self._inside[imsi] += request.writes
        if request.writes and self._inside[imsi] > 1:
            self.wrong.append(f"two requests of subscriber ...{imsi[-4:]} inside at once")
        try:
            return await self._handle(request, imsi)
        finally:
            self._inside[imsi] -= request.writes

    async def _handle(self, request: WireRequest, imsi: str) -> WireReply:
        if self.down:
            self.met["outage"] += 1
            return self._random.choice(_DOWN)
        if request.authorization != f"Bearer {self.token}":
            self.met["credentials"] += 1
            return json_reply(401, {"result": False, "error": "unauthorized"})
        fault = self._fault()
        if fault:
            self.met[fault] += 1
            return await self._with_fault(fault, request, imsi)
        return self.apply(request, imsi)

    def _fault(self) -> str | None:
        at = self._random.random()
        for name in NETWORK:
            at -= self.faults[name]
            if at < 0:
                return name
        return None

    async def _with_fault(self, fault: str, request: WireRequest, imsi: str) -> WireReply:
        """Carry out the request before or after the delay of this fault, or not at all."""
        chance = self._random.random()
        if fault in ("late", "drop-after", "error-after") or (fault == "garbage" and chance < 0.5):
            self.apply(request, imsi)
        if fault == "slow":
            await asyncio.sleep(self._timeout * chance * 0.8)
            return self.apply(request, imsi)
        if fault in ("timeout", "late", "overdue"):
            await asyncio.sleep(self._timeout * 1.2)
        if fault == "overdue":
            self.apply(request, imsi)
        return self._fault_reply(fault, chance)

    def _fault_reply(self, fault: str, chance: float) -> WireReply:
        """The reply of a request that met this fault."""
        match fault:
            case "throttle":
                wait = {"Retry-After": "1" if chance < 0.25 else "30"} if chance < 0.5 else {}
                return WireReply(429, b"{}", wait)
            case "garbage":
                return WireReply(200, self._random.choice(_GARBAGE))
            case "refusal":
                return json_reply(200, _REFUSAL)
            case "error" | "error-after":
                return json_reply(503 if fault == "error" and chance < 0.5 else 500, {})
        return CLOSED

    def note_change(self, imsi: str) -> None:
        """Note a change that must not be: by a duplicate, or from an older snapshot."""
        cause = delivery.get()
        if cause is None:
            return
        if not cause.first:
            self.wrong.append(f"a duplicate changed subscriber ...{imsi[-4:]}")
        if cause.enriched < self._snapshots.get(imsi, 0):
            self.wrong.append(f"an older snapshot of subscriber ...{imsi[-4:]} after a newer one")
        self._snapshots[imsi] = max(cause.enriched, self._snapshots.get(imsi, 0))


async def _nothing() -> None:
    """Do nothing."""
