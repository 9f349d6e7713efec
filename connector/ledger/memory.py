"""The ledger of one process: forgotten when it stops, gone with the instance.

Right for one instance and for trials. Bounded: the events and subjects that were settled longest
ago are forgotten first; leases never are, they expire.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from itertools import count, islice
from math import ceil, inf
from typing import Generic, NamedTuple, TypeVar

from connector.event import Snapshot
from connector.ledger.records import (
    NOBODY,
    Busy,
    Claim,
    ClaimRequest,
    Done,
    Duplicate,
    Known,
    LostClaim,
    Superseded,
    decide,
)

T = TypeVar("T")


class _Newest(Generic[T]):
    """The records that were noted last, by name: `most` of them, or up to a tenth more.

    In a plain dictionary, since an `OrderedDict` takes twice its memory, with digests for the
    names, which take twice theirs. What is too much is forgotten together: a look for the first
    entry passes over all that were taken away before it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._records: dict[bytes, T] = {}

    def get(self, name: str) -> T | None:
        """What was noted under the name."""
        return self._records.get(_digest(name))

    def note(self, name: str, record: T) -> None:
        """Note a record as the newest."""
        records, key = self._records, _digest(name)
        records.pop(key, None)
        records[key] = record
        surplus = len(records) - self._most
        if surplus > self._most / 10:
            for oldest in list(islice(records, surplus)):
                del records[oldest]


@lru_cache(1000)  # an event asks several times for each of its names
def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=15).digest()  # 15: with its header 48 bytes


class _Lease(NamedTuple):
    """Who holds a name, until when, and with which snapshot."""

    token: str
    until: float
    snapshot: Snapshot | None


_FREE = _Lease("", -inf, None)


class MemoryLedger:
    """A ledger in dictionaries; atomic because nothing in a method awaits.

    It remembers `most` names of events, one or two for each, and half as many subjects: one of
    either kind takes some 300 bytes.
    """

    def __init__(self, most: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: _Newest[Done] = _Newest(most)
        self._known: _Newest[Known] = _Newest(ceil(most / 2))
        self._leases: dict[str, _Lease] = {}
        self._tokens = count(1)

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        done = [found for name in request.identities if (found := self._done.get(name))]
        now = self._clock()
        known = {name: self._look_up(name, now) for name in request.subjects}
        verdict = decide(request, done, known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        until = max(self._lease(key).until for key in request.keys)
        if until > now:
            return Busy(until - now)
        for name in known.keys() & self._leases.keys():  # their leases expired
            self._known.note(name, known[name])
        claim = Claim(request, str(next(self._tokens)), verdict)
        lease = _Lease(claim.token, now + request.lease, request.snapshot)
        self._leases |= dict.fromkeys(request.keys, lease)
        return claim

    async def settle(self, claim: Claim) -> None:
        """See `Ledger`."""
        if not self._free(claim):
            raise LostClaim
        request = claim.request
        for name in request.identities:
            self._done.note(name, Done(request.snapshot))
        for name in set(request.subjects) - claim.dropped:
            self._known.note(name, self._subject(name).after(request))

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        request = claim.request
        until = min(self._lease(key).until for key in request.keys)
        if not self._free(claim):
            return
        for name in touched - claim.dropped:
            self._known.note(name, self._subject(name).touched(request.snapshot))
        if rest:
            lease = _Lease(claim.token, min(until, self._clock() + rest), None)
            self._leases |= dict.fromkeys(request.keys, lease)

    async def close(self) -> None:
        """See `Ledger`; nothing to let go of."""

    def _look_up(self, name: str, now: float) -> Known:
        """What is known of a subject, with what a lease that expired left behind."""
        known, lease = self._subject(name), self._lease(name)
        return known.touched(lease.snapshot) if lease.until < now else known

    def _subject(self, name: str) -> Known:
        return self._known.get(name) or NOBODY

    def _lease(self, key: str) -> _Lease:
        return self._leases.get(key, _FREE)

    def _free(self, claim: Claim) -> bool:
        """Free the leases if all are still the claim's; whether they were."""
        if any(self._lease(key).token != claim.token for key in claim.request.keys):
            return False
        for key in claim.request.keys:
            del self._leases[key]
        return True
