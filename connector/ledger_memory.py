"""The ledger of one process: forgotten when it stops, gone with the instance.

Right for one instance and for trials. Bounded: the events and subjects that were settled longest
ago are forgotten first; leases never are, they expire.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from connector.event import Snapshot
from connector.ledger import (
    NOBODY,
    Busy,
    Claim,
    Done,
    Duplicate,
    Entry,
    Known,
    LostClaim,
    Superseded,
    decide,
)
from connector.outcome import Outcome

Record = TypeVar("Record")


class MemoryLedger:
    """A ledger in dictionaries; atomic because nothing in a method awaits."""

    def __init__(self, most: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._done: OrderedDict[str, Done] = OrderedDict()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._leases: dict[str, tuple[str, float, Snapshot | None]] = {}
        self._tokens = count(1)

    async def claim(self, entry: Entry) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        done = [self._done[name] for name in entry.identities if name in self._done]
        now = self._clock()
        known = {name: self._look_up(name, now) for name in entry.subjects}
        verdict = decide(entry, done, known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        keys = entry.keys
        held = [self._leases[key][1] - now for key in keys if key in self._leases]
        if held and max(held) > 0:
            return Busy(max(held))
        if held:
            self._known |= {name: known[name] for name in known.keys() & self._leases.keys()}
        claim = Claim(entry, str(next(self._tokens)), verdict)
        self._leases |= dict.fromkeys(keys, (claim.token, now + entry.lease, entry.snapshot))
        return claim

    async def settle(self, claim: Claim, outcome: Outcome) -> None:
        """See `Ledger`."""
        if not self._free(claim):
            raise LostClaim
        entry = claim.entry
        done = Done(outcome, entry.snapshot)
        for name in entry.identities:
            self._remember(self._done, name, done)
        for name in set(entry.subjects) - claim.dropped:
            self._remember(self._known, name, self._known.get(name, NOBODY).after(entry))

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        entry = claim.entry
        until = min(
            (self._leases[key][1] for key in entry.keys if key in self._leases), default=0.0
        )
        if not self._free(claim):
            return
        for name in touched - claim.dropped:
            known = self._known.get(name, NOBODY).touched(entry.snapshot)
            self._remember(self._known, name, known)
        if rest:
            until = min(until, self._clock() + rest)
            self._leases |= dict.fromkeys(entry.keys, (claim.token, until, None))

    async def close(self) -> None:
        """See `Ledger`; nothing to let go of."""

    def _look_up(self, name: str, now: float) -> Known:
        """What is known of a subject, with what a lease that expired left behind."""
        known = self._known.get(name, NOBODY)
        _, until, snapshot = self._leases.get(name, ("", now, None))
        return known.touched(snapshot) if until < now else known

    def _free(self, claim: Claim) -> bool:
        """Free the leases if all are still the claim's; whether they were."""
        keys, nobody = claim.entry.keys, ("",)
        if any(self._leases.get(key, nobody)[0] != claim.token for key in keys):
            return False
        for key in keys:
            del self._leases[key]
        return True

    def _remember(self, records: OrderedDict[str, Record], name: str, record: Record) -> None:
        records[name] = record
        records.move_to_end(name)
        while len(records) > self._most:
            records.popitem(last=False)
