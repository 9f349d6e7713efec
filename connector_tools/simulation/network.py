"""An HLR/HSS with faults, which notes requests that must never happen.

It follows the rules of `connector_tools.counterparts.rules.hlr`. Each profile holds the version of
the state that it was made from (see enrichment.py), so an older state after a newer one is noticed.
"""

import json
from collections import Counter
from random import Random
from typing import Any

from connector_tools.counterparts.rules.hlr import GRANTED, Hlr
from connector_tools.counterparts.wtl_hlr_hss import AnyName
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import (
    Difference,
    FaultyNetwork,
    WireReply,
    WireRequest,
    json_reply,
)


class Network(FaultyNetwork):
    """The HLR."""

    def __init__(self, random: Random, faults: Faults, token: str, timeout: float) -> None:
        super().__init__(random, faults, token, timeout)
        self.hlr = Hlr()
        self.hlr.profiles = AnyName()
        self.changes = 0
        self._versions: dict[str, int] = {}

    def subject(self, request: WireRequest) -> str:
        """See `FaultyNetwork`."""
        return str(_order(request).get("imsi"))

    def apply(self, request: WireRequest, imsi: str) -> WireReply:
        """See `FaultyNetwork`."""
        order = _order(request)
        reply = self.hlr.provision(order)
        if reply.status == 200 and reply.body.get("result") is True:
            self.changes += 1
            self._note(order, imsi)
        return json_reply(reply.status, reply.body)

    def _note(self, order: dict[str, Any], imsi: str) -> None:
        profile = str(order.get("eps_profile", ""))
        version = int(profile.removeprefix("eps-v")) if profile.startswith("eps-v") else None
        if version is not None and version < self._versions.get(imsi, 0):
            self.wrong.append(f"an older state of subscriber ...{imsi[-4:]} after a newer one")
        self._versions[imsi] = max(version or 0, self._versions.get(imsi, 0))
        self.note_change(imsi)

    def differences(self, billing: Billing) -> list[Difference]:
        """See `FaultyNetwork`."""
        found = self.hlr.subscribers
        numbers = Counter(number for record in found.values() for number in record.msisdn)
        self.wrong += ["a number on two subscribers" for times in numbers.values() if times > 1]
        differences = []
        for imsi, want in billing.all_desired().items():
            record = found.get(imsi)
            has = number = None
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
                Difference(
                    imsi,
                    _as_text(wants),
                    _as_text(has) if has else "no record",
                    wants=want.number,
                    has=number,
                )
            )
        return differences


def _as_text(state: tuple[bool, str | None, str | None, str | None]) -> str:
    granted, number, cs_profile, eps_profile = state
    shown = f"number ...{number[-4:]}" if number else "no number"
    profiles = f", {cs_profile}, {eps_profile}" if cs_profile else ""
    return f"{'served' if granted else 'barred'}, {shown}{profiles}"


def _order(request: WireRequest) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        ValueError: There is none.
    """
    try:
        order = json.loads(request.body)
    except ValueError:
        order = None
    if not isinstance(order, dict):
        raise ValueError("a request that is no JSON object")
    return order
