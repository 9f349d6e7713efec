"""The life of one simulated subscriber, for the buttons of the page.

Each button changes billing, as an operator would, and gives the events that NSPS then posts: those
of PortaBilling that a rule of the mapping file is for, with the data that NSPS reads at that time.
An event that is not accepted waits here, as it would in the queue of NSPS, until `recover`.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

from connector.mapping.schema import MappingFile
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.enrichment import enrich
from connector_tools.simulation.inventory import INVENTED
from connector_tools.simulation.subscribers import Account, EspfEvent, Sim

LABELS = {
    "create": "Create a SIM",
    "assign": "Assign it to the account",
    "block": "Block the account",
    "unblock": "Unblock it",
    "swap": "Swap the SIM",
    "product": "Change the product",
    "terminate": "Terminate the account",
    "duplicate": "Send the last event again",
    "stale": "Send an older snapshot",
    "outage": "Cut the system off",
    "recover": "End the outage and retry",
}
_FIRST = 100  # ids of PortaBilling begin after it
_STALE_TYPES = ("SIM/Updated", "Subscriber/Updated")


class CannotLive(Exception):  # noqa: N818 - says what happened
    """The button cannot be used now; the text says why."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The body of an event, and its type."""

    event_type: str
    body: bytes


class Life:
    """One subscriber after the other; `create` begins a new one."""

    def __init__(self) -> None:
        self.billing = Billing(Random(), first=_FIRST)  # noqa: S311 - names and products only
        self.outage = False
        self._account: Account | None = None
        self._sim: Sim | None = None
        self._last: Posted | None = None
        self._older: Posted | None = None
        self._waiting: list[Posted] = []
        self._enriched = 0.0

    def buttons(self, mapping: MappingFile, *, cuttable: bool) -> list[dict[str, Any]]:
        """Each button, whether it can be used now, and if not, why."""
        reasons = {name: self._why(name, mapping, cuttable=cuttable) for name in LABELS}
        return [
            {"id": name, "label": label, "enabled": not reasons[name], "why": reasons[name]}
            for name, label in LABELS.items()
        ]

    def press(self, name: str, mapping: MappingFile) -> list[Posted]:
        """Change billing as a button says; the events that NSPS posts then.

        Raises:
            CannotLive: the button cannot be used now.
        """
        if name not in LABELS:
            raise CannotLive(f"`{name}` is no button: use one of {', '.join(LABELS)}")
        if why := self._why(name, mapping, cuttable=True):
            raise CannotLive(why)
        self.billing.now = time.time()
        if name == "duplicate":
            return [self._last] if self._last else []
        if name == "stale":
            return [self._older] if self._older else []
        if name in ("outage", "recover"):
            self.outage = name == "outage"
            return [] if self.outage else self._retries()
        older = self._older_snapshot(mapping)
        posted = [
            self._posted(one)
            for raised in self._changes()[name]()
            for one in raised  # NSPS reads the data before the next change
            if _handled(mapping, one)
        ]
        if posted:
            self._last, self._older = posted[-1], older
        return posted

    def settle(self, posted: Posted, *, accepted: bool) -> None:
        """Note the answer to an event: one that is not accepted is posted again later."""
        with suppress(ValueError):
            self._waiting.remove(posted)
        if not accepted:
            self._waiting.append(posted)

    def _retries(self) -> list[Posted]:
        return list(self._waiting)

    def _changes(self) -> dict[str, Callable[[], Iterator[list[EspfEvent]]]]:
        """What each button does, step by step, with the events that PortaBilling raises."""
        return {
            "create": self._create,
            "assign": self._assign,
            "block": lambda: self._change(blocked=True),
            "unblock": lambda: self._change(blocked=False),
            "swap": self._swap,
            "product": self._product,
            "terminate": self._terminate,
        }

    def _why(self, name: str, mapping: MappingFile, *, cuttable: bool) -> str:
        """Why a button cannot be used now; empty if it can."""
        account, assigned = self._account, bool(self._account and self._account.i_sim_card)
        if name in ("outage", "recover") and not cuttable:
            return "there is no counterpart that could be cut off"
        no_account = "" if account else "create a SIM first"
        no_older = "no older snapshot yet: change the subscriber first"
        if not _stale_types(mapping):
            no_older = f"no rule of this file is for {' or '.join(_STALE_TYPES)}"
        reasons = {
            "create": "",
            "assign": no_account or ("the account has a SIM: swap it" if assigned else ""),
            "block": no_account or ("it is blocked" if account and account.blocked else ""),
            "unblock": no_account or ("" if account and account.blocked else "it is not blocked"),
            "swap": no_account or ("" if assigned else "assign the SIM first"),
            "product": no_account,
            "terminate": no_account,
            "duplicate": "" if self._last else "no event was sent yet",
            "stale": "" if self._older else no_older,
            "outage": "there is an outage" if self.outage else "",
            "recover": "" if self.outage else "there is no outage",
        }
        return reasons[name]

    @property
    def _subscriber(self) -> Account:
        assert self._account  # noqa: S101 - `_why` has checked
        return self._account

    def _create(self) -> Iterator[list[EspfEvent]]:
        self._sim, events = self.billing.add_sim()
        yield events
        self._account = self.billing.open_account()
        yield self.billing.created(self._account)

    def _assign(self) -> Iterator[list[EspfEvent]]:
        yield self.billing.assign(self._subscriber, self._sim)

    def _change(self, **fields: Any) -> Iterator[list[EspfEvent]]:
        yield self.billing.change(self._subscriber, **fields)

    def _product(self) -> Iterator[list[EspfEvent]]:
        names = list(INVENTED)
        following = names[(names.index(self._subscriber.i_product) + 1) % len(names)]
        yield from self._change(i_product=following)

    def _swap(self) -> Iterator[list[EspfEvent]]:
        self._sim, events = self.billing.add_sim()
        yield events
        yield self.billing.assign(self._subscriber, self._sim)

    def _terminate(self) -> Iterator[list[EspfEvent]]:
        """Close the account; it and its SIM are left behind, so that `create` makes new ones."""
        yield self.billing.terminate(self._subscriber)
        self._account, self._sim = None, None

    def _older_snapshot(self, mapping: MappingFile) -> Posted | None:
        """An event about the subscriber with the data of now, which will be late."""
        account = self._account
        if account is None or not account.i_sim_card:
            return self._older if account else None
        known: dict[str, Any] = {"i_account": account.i_account, "i_sim_card": account.i_sim_card}
        kinds = _stale_types(mapping)
        return self._posted(EspfEvent(kinds[0], {"i_env": 3, **known})) if kinds else self._older

    def _posted(self, event: EspfEvent) -> Posted:
        """The body of an event as NSPS posts it, with the data of now."""
        self._enriched = max(time.time(), self._enriched + 0.001)  # each snapshot is newer
        now = datetime.fromtimestamp(self._enriched, UTC).isoformat()
        envelope = {
            "event_id": str(uuid4()),
            "data": {"event_type": event.event_type, "variables": event.variables},
            "pb_data": enrich(self.billing, event),
            "handler_id": "simulation",
            "created_at": now,
            "updated_at": now,
            "status": "queued",
        }
        return Posted(event.event_type, json.dumps(envelope).encode())


def _stale_types(mapping: MappingFile) -> list[str]:
    """The types of an older snapshot that a rule of the file is for."""
    return [kind for kind in _STALE_TYPES if any(rule.handles(kind) for rule in mapping.rules)]


def _handled(mapping: MappingFile, event: EspfEvent) -> bool:
    return any(rule.handles(event.event_type) for rule in mapping.rules)
