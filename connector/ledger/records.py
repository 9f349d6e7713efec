"""What was applied, to which subject, from which snapshot; and who is busy with a subject now.

The pipeline claims an event before it calls the external system, and settles it after the system
has confirmed. A claim is a lease on the event's identities and subjects; if the process crashes,
the lease expires. The snapshot of a lease that expired is kept, because nobody knows how much of
the crashed event was applied.

A failed event leaves no record that would make its retry a duplicate (contract 4.1). But if it has
changed something, or may have, an older snapshot must not be applied after it
(docs/decisions/0009-unfinished-events.md).

This module has what all stores share: the records, the interface `Ledger`, and `decide`, which
judges an event and does no I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from connector.event import Snapshot

_LONGEST = 600.0  # seconds: a lease that ends later is believed only if leases are that long


class ClaimRequest(NamedTuple):
    """What the pipeline asks the ledger for: to apply one event.

    `identities` are the names of the event, at least one; `subjects` are whom it is about, such as
    `imsi:001010000000001`. All of them are leased together, for `lease` seconds. All processes
    that share a ledger should ask for leases of about the same length: see `in_force`.

    `released` are the subjects that the event takes away from the account `owner`. `unbound` is
    true if the event has calls without a subject. `again` is true if the event may be applied
    again when it comes with a newer snapshot. `once` is true if it has a call that must not be made
    twice: an earlier claim of the event whose lease expired counts as settled, because its process
    may have crashed after the call.

    `kept` is what to keep of the event with each of its subjects, encrypted
    (`connector.ledger.sealed`); None keeps what is there. The stores keep it for as long as the
    account has the subject, and for 100 days of those that `leave`: that are released or removed.
    """

    identities: tuple[str, ...]
    subjects: tuple[str, ...]
    released: frozenset[str]
    snapshot: Snapshot | None
    owner: int | None
    unbound: bool
    again: bool
    lease: float
    once: bool = False
    kept: bytes | None = None
    leave: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        """All names that are leased, each once, in the same order for all events."""
        return tuple(sorted({*self.identities, *self.subjects}))


class Done(NamedTuple):
    """The record of an event that was applied, from this snapshot if it had one."""

    snapshot: Snapshot | None


class Known(NamedTuple):
    """The record of a subject: the newest snapshot that was applied, and its account."""

    snapshot: Snapshot | None
    owner: int | None

    def after(self, request: ClaimRequest) -> "Known":
        """The record after the event was applied. What the event does not know stays."""
        if request.owner is None or request.owner == self.owner:
            return Known(self._latest(request.snapshot), self.owner)
        return Known(NOBODY._latest(request.snapshot) or self.snapshot, request.owner)

    def touched(self, snapshot: Snapshot | None) -> "Known":
        """The record after a snapshot that may have been applied. The owner stays."""
        if snapshot is None or _newer(self.snapshot, snapshot):
            return self
        return Known(self._latest(snapshot), self.owner)

    def _latest(self, snapshot: Snapshot | None) -> Snapshot | None:
        """The snapshot for the record while the owner stays.

        `created` never goes back: it says until when the subject is known to be this account's,
        also if an event that is older, but not superseded, was applied last.
        """
        if snapshot is None:
            return self.snapshot
        created = snapshot.created
        if self.snapshot:
            created = max(created, self.snapshot.created)
        return snapshot._replace(created=created, sent=None)


NOBODY = Known(None, None)
"""The record of a subject that the ledger has never seen."""


class SubjectView(NamedTuple):
    """What a ledger knows of a subject now: its record, and for how many seconds it is leased.

    `known` counts a snapshot that may have been applied: that of a lease that expired. `leased` is
    0 if no claim holds the subject.
    """

    known: Known
    leased: float


class Claim(NamedTuple):
    """The event may be applied, except for its calls about the `dropped` subjects.

    `token` tells this claim from later ones: after another claim has taken an expired lease, this
    one cannot be settled any more.
    """

    request: ClaimRequest
    token: str
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The event was already applied, and it must not be applied again.

    `crashed` is true if nobody knows whether it was: see `once` of a `ClaimRequest`.
    """

    crashed: bool = False


@dataclass(frozen=True, slots=True)
class Superseded:
    """Nothing is left to apply: each subject has a newer snapshot, or another owner."""


class Busy(NamedTuple):
    """Another event holds a lease, for at most `wait` more seconds."""

    wait: float


class Kept(NamedTuple):
    """What was kept of the last event that was applied to a subject.

    `subject` is the hash of its name, `state` the event, encrypted. `leased` is true while an event
    of the subject is being applied.
    """

    subject: str
    state: bytes
    leased: bool


class LostClaim(Exception):  # noqa: N818 - it names what happened
    """The lease expired before the event was settled, and another claim has taken it.

    Also raised for a claim that was already settled or released.
    """


class LedgerUnavailable(Exception):  # noqa: N818 - it names what happened
    """The store cannot be reached, or takes too long. The message is for the log.

    It is not a `ConnectionError`: the pipeline must not take a connection that other code lost for
    a failure of the ledger.
    """


class Ledger(Protocol):
    """A store of claims and records. Each method is atomic; the pipeline calls them."""

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """Decide whether the event may be applied now. A `Claim` leases its names.

        Raises:
            LedgerUnavailable: the ledger cannot tell, so the event must not be applied.
        """

    async def settle(self, claim: Claim) -> None:
        """Record that the event was applied, and free its leases.

        Raises:
            LostClaim: the claim does not hold all of its leases any more; nothing was recorded.
            LedgerUnavailable: it is unknown whether the event was recorded.
        """

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """Free the leases of an event that failed, without a record of the event.

        `touched` are the subjects that the event changed at the external system, or may have
        changed: older snapshots of them are superseded from now on.

        With `rest`, the leases are not freed but end in `rest` seconds, or earlier if they would
        have: the external system may still be at work.

        If the store cannot be reached, nothing is noted and the leases expire by themselves.
        """

    async def close(self) -> None:
        """Close files and connections."""


class LedgerStore(Ledger, Protocol):
    """A store: it also keeps facts of the deployment (docs/decisions/0047-what-a-ledger-keeps.md).

    The start, the audit and the tools use these methods; the path of an event
    needs a `Ledger` only.
    """

    async def look(self, subject: str) -> SubjectView:
        """What is known of a subject now, for a person; it changes nothing, not even a file.

        Raises:
            LedgerUnavailable: the store cannot be read.
        """

    async def kept(self, after: str, most: int) -> list[Kept]:
        """What is kept of at most `most` subjects, in the order of their hashes.

        It begins with the first hash greater than `after`; an empty text is less than all. An audit
        asks for it.

        Raises:
            LedgerUnavailable: the store cannot be read.
        """

    async def note(self, name: str) -> str | None:
        """The text that `write_note` wrote under this name; None if there is none.

        Raises:
            LedgerUnavailable: the store cannot be read.
        """

    async def write_note(self, name: str, text: str) -> None:
        """Keep a short text about the deployment under a name, in place of the one before.

        Raises:
            LedgerUnavailable: it is unknown whether the text was written.
        """

    async def first_note(self, name: str, text: str) -> str:
        """Keep a text under a name unless there is one; return the one that is there now.

        Raises:
            LedgerUnavailable: it is unknown whether the text was written.
        """

    async def count(self, name: str, more: int, seconds: float) -> int:
        """Add to a counter that begins at 0 in each period of `seconds`; return its new value.

        Periods of all processes begin at the same times.

        Raises:
            LedgerUnavailable: it is unknown whether the number was added.
        """


def period(now: float, seconds: float) -> int:
    """The number of the period that `now` is in, both in seconds; see `LedgerStore.count`."""
    return int(now // seconds)


def in_force(until: float, now: float, lease: float) -> bool:
    """Whether a lease that ends at `until` is in force; the stores ask, for a lease of `lease`.

    A lease that ends later than any lease can was given by a clock that has stepped back since
    then. It is over: otherwise its names would stay locked for as long as the clock stepped. Ten
    minutes, or twice the length, leave room for another process with longer leases, and for clocks
    that differ.
    """
    return now < until <= now + max(2 * lease, _LONGEST)


def wait_for(ends: Iterable[float], now: float, lease: float) -> float:
    """The seconds until all leases with these ends are over; 0 if none of them is in force."""
    return max((end - now for end in ends if in_force(end, now, lease)), default=0)


def decide(
    request: ClaimRequest, done: Iterable[Done], known: Mapping[str, Known]
) -> Duplicate | Superseded | frozenset[str]:
    """Judge an event by the records; the stores call it, and check the leases afterwards.

    `done` are the records of the event's identities that exist. `known` has a record for each
    subject. If the event may be applied, the answer is the set of subjects to drop.
    """
    for record in done:
        if not (request.again and _read_again(request.snapshot, record.snapshot)):
            return Duplicate()
    dropped = frozenset(name for name in request.subjects if _dropped(request, name, known[name]))
    if dropped and dropped == set(request.subjects) and not request.unbound:
        return Superseded()
    return dropped


def _newer(one: Snapshot | None, other: Snapshot | None) -> bool:
    return one is not None and other is not None and one > other


def _read_again(now: Snapshot | None, before: Snapshot | None) -> bool:
    """Whether NSPS has read the data again after the event was applied.

    A snapshot from the future counts as taken when it arrives, so each delivery looks newer; but
    it is the same snapshot (contract 6.3).
    """
    return now is not None and before is not None and now.as_sent != before.as_sent and now > before


def _dropped(request: ClaimRequest, subject: str, known: Known) -> bool:
    """Whether the subject has a newer snapshot, or was given to another account."""
    given_away = subject in request.released and _given_away(request, known)
    return given_away or _newer(known.snapshot, request.snapshot)


def _given_away(request: ClaimRequest, known: Known) -> bool:
    """Whether a later event gave the subject to another account (contract 4.7).

    The times at which the events arrived at NSPS decide, not the times at which NSPS read their
    data: a release that NSPS delivers late, with fresh data, is still the older event.
    """
    if request.owner is None or known.owner is None or known.owner == request.owner:
        return False
    if request.snapshot is None or known.snapshot is None:
        return True
    return known.snapshot.created > request.snapshot.created
