"""An HLR/HSS with faults, which notes requests that must never happen.

It follows the rules of `connector_tools.counterparts.hlr`. Each profile holds the version of the
state that it was made from (see enrichment.py), so an older state after a newer one is noticed.
"""

import asyncio
import json
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any

from connector_tools.counterparts.hlr import GRANTED, Hlr, HlrReply
from connector_tools.simulation.billing import Desired
from connector_tools.simulation.faults import NETWORK, Faults
from connector_tools.simulation.nsps import Delivery

delivery: ContextVar[Delivery | None] = ContextVar("delivery", default=None)
"""The delivery that causes the requests of the present task; for instances in this process."""

_REFUSAL = {"result": False, "error": "database is locked"}
_GARBAGE = (b"<html>Sign in</html>", b'{"resu', b"\xff\xfe\x00")


class _AnyName(frozenset[str]):
    """The profiles of an HLR that has a profile of any name."""

    def __contains__(self, name: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class WireReply:
    """An HTTP reply; with `status` None, the connection is closed instead."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


_CLOSED = WireReply(None)


@dataclass(frozen=True, slots=True)
class Difference:
    """A subscriber whose record differs: billing's and the network's, as texts to print.

    The texts hold no personal data.
    """

    imsi: str = field(repr=False)
    billing: str
    network: str


class Network:
    """The HLR. `timeout` is how many seconds the connector waits for a reply.

    See `world.ObservedNetwork` for `met`, `wrong` and `requests`.
    """

    def __init__(self, random: Random, faults: Faults, token: str, timeout: float) -> None:
        self.hlr = Hlr()
        self.hlr.profiles = _AnyName()
        self.faults = faults
        self.token = token
        self.down = False
        self.met: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.requests = 0
        self.changes = 0
        self._random = random
        self._timeout = timeout
        self._inside: Counter[str] = Counter()
        self._versions: dict[str, int] = {}
        self._snapshots: dict[str, float] = {}

    async def outage(self, begins: bool) -> None:
        """Begin or end an outage: see `world.ObservedNetwork`."""
        self.down = begins

    async def receive(self, authorization: str, body: bytes) -> WireReply:
        """Reply to one request, after the fault that it may meet."""
        self.requests += 1
        try:
            order = json.loads(body)
            imsi = str(order.get("imsi"))
        except (ValueError, AttributeError):
            self.wrong.append("a request that is no JSON object")
            return _wire_reply(HlrReply(400, {"result": False}))
        self._inside[imsi] += 1
        if self._inside[imsi] > 1:
            self.wrong.append(f"two requests of subscriber ...{imsi[-4:]} inside at once")
        try:
            return await self._handle(authorization, order, imsi)
        finally:
            self._inside[imsi] -= 1

    async def _handle(self, authorization: str, order: dict[str, Any], imsi: str) -> WireReply:
        if self.down:
            self.met["outage"] += 1
            return _CLOSED if self._random.random() < 0.3 else _wire_reply(HlrReply(503, {}))
        if authorization != f"Bearer {self.token}":
            self.met["credentials"] += 1
            return _wire_reply(HlrReply(401, {"result": False, "error": "unauthorized"}))
        fault = self._fault()
        if fault:
            self.met[fault] += 1
            return await self._with_fault(fault, order, imsi)
        return self._apply(order, imsi)

    def _fault(self) -> str | None:
        at = self._random.random()
        for name in NETWORK:
            at -= self.faults[name]
            if at < 0:
                return name
        return None

    async def _with_fault(self, fault: str, order: dict[str, Any], imsi: str) -> WireReply:
        """Carry out the request before or after the delay of this fault, or not at all."""
        chance = self._random.random()
        if fault in ("late", "drop-after", "error-after") or (fault == "garbage" and chance < 0.5):
            self._apply(order, imsi)
        if fault == "slow":
            await asyncio.sleep(self._timeout * chance * 0.8)
            return self._apply(order, imsi)
        if fault in ("timeout", "late", "overdue"):
            await asyncio.sleep(self._timeout * 1.2)
        if fault == "overdue":
            self._apply(order, imsi)
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
                return WireReply(200, json.dumps(_REFUSAL).encode())
            case "error" | "error-after":
                down = fault == "error" and chance < 0.5
                return _wire_reply(HlrReply(503 if down else 500, {}))
        return _CLOSED

    def _apply(self, order: dict[str, Any], imsi: str) -> WireReply:
        """Carry out the request, and note if it breaks a rule."""
        reply = self.hlr.provision(order)
        if reply.status == 200 and reply.body.get("result") is True:
            self.changes += 1
            self._note(order, imsi)
        return _wire_reply(reply)

    def _note(self, order: dict[str, Any], imsi: str) -> None:
        profile = str(order.get("eps_profile", ""))
        version = int(profile.removeprefix("eps-v")) if profile.startswith("eps-v") else None
        if version is not None and version < self._versions.get(imsi, 0):
            self.wrong.append(f"an older state of subscriber ...{imsi[-4:]} after a newer one")
        self._versions[imsi] = max(version or 0, self._versions.get(imsi, 0))
        cause = delivery.get()
        if cause is None:
            return
        if not cause.first:
            self.wrong.append(f"a duplicate changed subscriber ...{imsi[-4:]}")
        if cause.enriched < self._snapshots.get(imsi, 0):
            self.wrong.append(f"an older snapshot of subscriber ...{imsi[-4:]} after a newer one")
        self._snapshots[imsi] = max(cause.enriched, self._snapshots.get(imsi, 0))

    def differences(self, desired: dict[str, Desired]) -> list[Difference]:
        """The subscribers whose record differs from billing: see `world.ObservedNetwork`."""
        found = self.hlr.subscribers
        numbers = Counter(number for record in found.values() for number in record.msisdn)
        self.wrong += ["a number on two subscribers" for times in numbers.values() if times > 1]
        differences = []
        for imsi, want in desired.items():
            record = found.get(imsi)
            has = None
            if record:
                number = record.msisdn[0] if record.msisdn else None
                granted = record.subscriber_status == GRANTED
                profiles = (record.cs_profile, record.eps_profile) if want.owned else (None, None)
                has = (granted, number, *profiles)
            wants = (want.served, want.number, want.cs_profile, want.eps_profile)
            gone = record is None and not want.owned
            if gone or (has == wants and not want.deleted):
                continue
            differences.append(
                Difference(imsi, _as_text(wants), _as_text(has) if has else "no record")
            )
        return differences


def _as_text(state: tuple[bool, str | None, str | None, str | None]) -> str:
    granted, number, cs_profile, eps_profile = state
    shown = f"number ...{number[-4:]}" if number else "no number"
    profiles = f", {cs_profile}, {eps_profile}" if cs_profile else ""
    return f"{'served' if granted else 'barred'}, {shown}{profiles}"


def _wire_reply(reply: HlrReply) -> WireReply:
    return WireReply(reply.status, json.dumps(reply.body).encode())
