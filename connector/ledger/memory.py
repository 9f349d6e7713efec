"""The ledger in the memory of one process (`LEDGER_URL=memory:`), lost when the process ends.

For trials, and for deployments of exactly one instance. Its size is bounded: it forgets the events
and subjects that were settled longest ago, and leases some time after they have expired. It never
forgets a lease before.
"""

import time
from collections.abc import Callable, Iterable
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
    Kept,
    Known,
    LostClaim,
    SubjectView,
    Superseded,
    decide,
    in_force,
    period,
    wait_for,
)

T = TypeVar("T")


class _Newest(Generic[T]):
    """The records that were noted last, by name: `most` of them, or up to a tenth more.

    An `OrderedDict` would take twice the memory of this dictionary, and names twice the memory of
    their digests. The oldest records are deleted many at a time, because finding the first key of
    a dictionary means passing over all keys that were deleted before it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._records: dict[bytes, T] = {}

    def get(self, name: str) -> T | None:
        """The record of the name, or None."""
        return self._records.get(_digest(name))

    def items(self) -> Iterable[tuple[bytes, T]]:
        """All records with the digests of their names."""
        return self._records.items()

    def note(self, name: str, record: T) -> None:
        """Put the record of a name in place of the older one, as the newest of all."""
        records, key = self._records, _digest(name)
        records.pop(key, None)
        records[key] = record
        surplus = len(records) - self._most
        if surplus > self._most / 10:
            for oldest in list(islice(records, surplus)):
                del records[oldest]


@lru_cache(1000)  # each event looks up each of its names several times
def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=15).digest()  # a `bytes` of 15 takes 48 bytes


class _Lease(NamedTuple):
    """A lease on one name: the claim's token, when it ends, the event's snapshot.

    `until` is a time of the ledger's clock. `snapshot` is what the event may have applied to the
    subject if the lease expires; None if it had none, if the subject's record has it already, or
    if the name is the event's.
    """

    token: str
    until: float
    snapshot: Snapshot | None


_FREE = _Lease("", -inf, None)  # of a name that no claim holds
_FEW = 1000  # leases among which expired ones are not looked for


class MemoryLedger:
    """A ledger in dictionaries. Its methods are atomic because they await nothing.

    It remembers `most` names of events (an event has one or two) and half as many subjects. A name
    or a subject takes some 300 bytes. The leases that it keeps are those in force, and at most as
    many that have expired, or `_FEW`. `clock` gives seconds; tests pass their own.
    """

    def __init__(self, most: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: _Newest[Done] = _Newest(most)
        self._known: _Newest[Known] = _Newest(ceil(most / 2))
        self._leases: dict[str, _Lease] = {}
        self._most_leases = _FEW
        self._tokens = count(1)
        self._kept: _Newest[bytes] = _Newest(ceil(most / 2))
        self._notes: dict[str, str] = {}
        self._counters: dict[str, tuple[int, int]] = {}

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        done = [found for name in request.identities if (found := self._done.get(name))]
        now = self._clock()
        known = {name: self._look_up(name, now, request.lease) for name in request.subjects}
        verdict = decide(request, done, known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        held = [self._leases[key].until for key in request.keys if key in self._leases]
        if wait := wait_for(held, now, request.lease):
            return Busy(wait)
        if request.once and any(name in self._leases for name in request.identities):
            return Duplicate(crashed=True)
        if len(self._leases) > self._most_leases:
            self._sweep(now, request.lease)
        for name in request.subjects if held else ():  # the new lease replaces an expired one
            if name in self._leases:
                self._known.note(name, known[name])
        claim = Claim(request, str(next(self._tokens)), verdict)
        until = now + request.lease
        self._leases |= dict.fromkeys(request.identities, _Lease(claim.token, until, None))
        lease = _Lease(claim.token, until, request.snapshot)
        self._leases |= dict.fromkeys(request.subjects, lease)
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
            if request.kept is not None:
                self._kept.note(name, request.kept)

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

    async def look(self, subject: str) -> SubjectView:
        """See `LedgerStore`."""
        now = self._clock()
        leased = wait_for([self._lease(subject).until], now, 0)
        return SubjectView(self._look_up(subject, now, 0), leased)

    async def kept(self, after: str, most: int) -> list[Kept]:
        """See `LedgerStore`."""
        now = self._clock()
        held = {
            _digest(name).hex()
            for name, lease in self._leases.items()
            if in_force(lease.until, now, 0)
        }
        found = [(key.hex(), state) for key, state in self._kept.items() if key.hex() > after]
        return [Kept(key, state, key in held) for key, state in sorted(found)[:most]]

    async def note(self, name: str) -> str | None:
        """See `LedgerStore`."""
        return self._notes.get(name)

    async def write_note(self, name: str, text: str) -> None:
        """See `LedgerStore`."""
        self._notes[name] = text

    async def first_note(self, name: str, text: str) -> str:
        """See `LedgerStore`."""
        return self._notes.setdefault(name, text)

    async def count(self, name: str, more: int, seconds: float) -> int:
        """See `LedgerStore`."""
        now = period(self._clock(), seconds)
        before, value = self._counters.get(name, (now, 0))
        value = more + (value if before == now else 0)
        self._counters[name] = (now, value)
        return value

    async def close(self) -> None:
        """See `Ledger`; there is nothing to close."""

    def _look_up(self, name: str, now: float, longest: float) -> Known:
        """The record of a subject, with the snapshot of a lease on it that has expired."""
        known, lease = self._subject(name), self._lease(name)
        if lease is _FREE:
            return known
        return known if in_force(lease.until, now, longest) else known.touched(lease.snapshot)

    def _sweep(self, now: float, longest: float) -> None:
        """Forget the leases that have expired, but not what their events may have applied."""
        for name, lease in list(self._leases.items()):
            if not in_force(lease.until, now, longest):
                if lease.snapshot:
                    self._known.note(name, self._subject(name).touched(lease.snapshot))
                del self._leases[name]
        self._most_leases = max(_FEW, 2 * len(self._leases))

    def _subject(self, name: str) -> Known:
        return self._known.get(name) or NOBODY

    def _lease(self, key: str) -> _Lease:
        return self._leases.get(key, _FREE)

    def _free(self, claim: Claim) -> bool:
        """Free the leases, if the claim still holds all of them. Return whether it did."""
        keys = claim.request.keys
        if any(self._lease(key).token != claim.token for key in keys):
            return False
        for key in keys:
            del self._leases[key]
        return True
