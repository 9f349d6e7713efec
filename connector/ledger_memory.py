"""The ledger of one process: forgotten when it stops, gone with the instance.

Right for one instance and for trials. Bounded: the events and subjects that were settled longest
ago are forgotten first; leases never are, they expire.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

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
        self._leases: dict[str, tuple[str, float]] = {}

    async def claim(self, entry: Entry) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        done = [self._done[name] for name in entry.identities if name in self._done]
        known = {name: self._known[name] for name in entry.subjects if name in self._known}
        verdict = decide(entry, done, known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        now = self._clock()
        held = [self._leases[key][1] - now for key in entry.keys if key in self._leases]
        if held and max(held) > 0:
            return Busy(max(held))
        claim = Claim(entry, uuid4().hex, verdict)
        self._leases |= dict.fromkeys(entry.keys, (claim.token, now + entry.lease))
        return claim

    async def settle(self, claim: Claim, outcome: Outcome) -> None:
        """See `Ledger`."""
        if not self._free(claim):
            raise LostClaim
        entry = claim.entry
        for name in entry.identities:
            self._remember(self._done, name, Done(outcome, entry.snapshot))
        for name in set(entry.subjects) - claim.dropped:
            self._remember(self._known, name, self._known.get(name, NOBODY).after(entry))

    async def release(self, claim: Claim) -> None:
        """See `Ledger`."""
        self._free(claim)

    async def close(self) -> None:
        """See `Ledger`; nothing to let go of."""

    def _free(self, claim: Claim) -> bool:
        """Free the leases that are still the claim's; whether all were."""
        mine = [key for key in claim.entry.keys if self._leases.get(key, ("",))[0] == claim.token]
        for key in mine:
            del self._leases[key]
        return len(mine) == len(claim.entry.keys)

    def _remember(self, records: OrderedDict[str, Record], name: str, record: Record) -> None:
        records[name] = record
        records.move_to_end(name)
        while len(records) > self._most:
            records.popitem(last=False)
