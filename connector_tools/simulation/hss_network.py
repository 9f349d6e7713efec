"""An HSS with several resources for a subscriber, with faults and with a second writer.

It follows the rules of `connector_tools.counterparts.rules.hss`. The second writer is another
program that writes fields which billing does not own. It often writes just before or after the
connector. After each request it is checked that the connector has changed none of these fields,
gave nothing before it took, and wrote no keys.
"""

import json
from random import Random
from typing import Any

from connector_tools.counterparts.rules.hss import Hss, HssReply
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import (
    Difference,
    FaultyNetwork,
    WireReply,
    WireRequest,
    delivery,
    dropped,
    json_reply,
)
from connector_tools.simulation.subscribers import Desired

SERVICES = {
    "mobile-l": ["data", "sms", "voice"],
    "mobile-m": ["data", "voice"],
    "mobile-s": ["voice"],
}
SPEEDS = {"mobile-l": 100, "mobile-m": 20, "mobile-s": 1}
_MEDDLES = 0.15  # the share of requests before which, and after which, the second writer writes
_LATE_KEYS = 0.1  # the share of SIMs whose keys come after the first events


class HssNetwork(FaultyNetwork):
    """The HSS. `foreign_writes` counts what the second writer wrote."""

    def __init__(self, random: Random, faults: Faults, token: str, timeout: float) -> None:
        super().__init__(random, faults, token, timeout)
        self.hss = Hss()
        self.foreign_writes = 0
        self._misses: dict[str, int] = {}  # how often the keys of a SIM are not there yet
        self._account: dict[str, int | None] = {}  # who wrote a SIM last

    def subject(self, request: WireRequest) -> str:
        """See `FaultyNetwork`; a policy that is nobody's has its id as its subject."""
        if request.path.startswith("/auc/") and request.writes:
            raise ValueError("keys were written")
        body = _document(request)
        return self.hss.imsi_of(request.path, body) or request.path

    def apply(self, request: WireRequest, imsi: str) -> WireReply:
        """See `FaultyNetwork`."""
        if request.path.startswith("/auc/"):
            self._provision_keys(imsi)
        self._meddle(imsi)
        reply = self._carry_out(request, imsi)
        self._meddle(imsi)
        return json_reply(reply.status, reply.document)

    def _carry_out(self, request: WireRequest, imsi: str) -> HssReply:
        before, served = self.hss.foreign(imsi), self._serves(imsi)
        reply = self.hss.handle(request.method, request.path, _document(request))
        if not request.writes:
            return reply
        if reply.document == {"error": "taken"}:
            self._note_taken(_document(request).get("msisdn"))
        if reply.status == 422:
            self.wrong.append(f"{request.method} with an attribute that is refused")
        if reply.status < 300:
            self.note_change(imsi)
            self._note_foreign(before, imsi)
            self._note_service(request, imsi, served)
        return reply

    def _provision_keys(self, imsi: str) -> None:
        """Provision the keys of a SIM at the first, second or third question for them."""
        late = self._random.random() < _LATE_KEYS
        left = self._misses.setdefault(imsi, self._random.randint(1, 2) if late else 0)
        self._misses[imsi] = left - 1
        if left <= 0:
            self.hss.keys.add(imsi)

    def _meddle(self, imsi: str) -> None:
        """Write as the second writer: foreign fields, and sometimes another order of a list."""
        if imsi not in self.hss.subscribers or self._random.random() > _MEDDLES:
            return
        self.foreign_writes += 1
        some = self._random.randrange(10**6)
        note = {"note": f"note {some}"} if some % 2 else {"portal": {"theme": some, "seen": [some]}}
        self.hss.write_foreign(imsi, note, [f"tag {some % 7}", f"tag {some % 5}"])
        self._random.shuffle(self.hss.subscribers[imsi].fields["services"])

    def _note_foreign(self, before: dict[str, Any], imsi: str) -> None:
        after = self.hss.foreign(imsi)
        if any(after[name] != found for name, found in before.items() if name in after):
            self.wrong.append(f"foreign fields of subscriber ...{imsi[-4:]} were changed")

    def _note_taken(self, number: str) -> None:
        """Note a number that the same event had to take from its previous SIM first."""
        told, holder = _told(), self.hss.holder(number)
        if told and holder == told.previous and self._account.get(holder or "") == told.account:
            self.wrong.append("a number was given before it was taken")

    def _note_service(self, request: WireRequest, imsi: str, served: bool) -> None:
        told = _told()
        if told is None:
            return
        self._account[imsi] = told.account
        if request.method == "DELETE" and request.path.startswith("/subscribers/"):
            if told.event_type != "SIM/Deleted":
                self.wrong.append("a subscriber was removed and created anew")
            return
        if served or not self._serves(imsi):
            return
        if imsi != told.imsi:
            self.wrong.append(f"subscriber ...{imsi[-4:]} was released and got service")
        old = told.previous
        if old and old != imsi and self._serves(old) and self._account.get(old) == told.account:
            self.wrong.append(f"subscriber ...{old[-4:]} has service beside its new SIM")

    def _serves(self, imsi: str) -> bool:
        one = self.hss.subscribers.get(imsi)
        return one is not None and one.fields["state"] == "active"

    def differences(self, billing: Billing) -> list[Difference]:
        """See `FaultyNetwork`."""
        numbers = [one.number for one in self.hss.subscribers.values() if one.number]
        self.wrong += ["a number on two subscribers"] * (len(numbers) - len(set(numbers)))
        desired = billing.all_desired()
        pairs = [(imsi, _wanted(want), self._found(imsi)) for imsi, want in desired.items()]
        return [
            Difference(
                imsi,
                str(_hidden(wanted)),
                str(_hidden(found)),
                wants=desired[imsi].number,
                has=(found or {}).get("number"),
            )
            for imsi, wanted, found in pairs
            if found != wanted and not (found is None and not desired[imsi].owned)
        ]

    def _found(self, imsi: str) -> dict[str, Any] | None:
        one = self.hss.subscribers.get(imsi)
        if one is None:
            return None
        owned = {name: one.fields[name] for name in ("state", "speed", "roaming")}
        owned |= {"services": sorted(one.fields["services"]), "number": one.number}
        policy = one.policy
        owned["policy"] = policy and (policy.get("plan"), policy.get("eps"))
        if owned["state"] == "barred" and one.number is None and policy is None:
            return {"state": "barred"}  # of a SIM that was released nothing else is owned
        return owned


def _wanted(want: Desired) -> dict[str, Any] | None:
    if want.deleted:
        return None
    if not want.owned:
        return {"state": "barred"}
    plan = str(want.cs_profile)
    return {
        "state": "active" if want.served else "barred",
        "services": SERVICES[plan],
        "speed": SPEEDS[plan],
        "roaming": plan != "mobile-s",
        "number": want.number,
        "policy": (plan, want.eps_profile),
    }


def _hidden(record: dict[str, Any] | None) -> Any:
    """The record as a text for people: of the number its last digits."""
    if not record or not record.get("number"):
        return record or "no record"
    return record | {"number": f"...{record['number'][-4:]}"}


def _document(request: WireRequest) -> Any:
    try:
        return json.loads(request.body) if request.body else None
    except ValueError:
        raise ValueError("a request that is no JSON") from None


class _Told:
    """What the present event says; `previous` is the SIM that it takes away."""

    def __init__(self, event: dict[str, Any]) -> None:
        found = event["pb_data"]
        self.event_type = event["data"]["event_type"]
        self.imsi = (found.get("sim_info") or {}).get("imsi")
        self.account = (found.get("account_info") or {}).get("i_account")
        old = found.get("prev_sim_info") or {}
        taken = old.get("i_account") is None and f"imsi:{old.get('imsi')}" not in dropped.get()
        self.previous = old.get("imsi") if taken else None


def _told() -> _Told | None:
    cause = delivery.get()
    return _Told(json.loads(cause.body)) if cause else None
