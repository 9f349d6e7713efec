"""What was applied, to which subject, from which snapshot; and who is busy with a subject now.

An event is claimed before it touches the external system and settled after the system confirmed.
A claim is a lease: whoever crashes frees it by its expiry. A lease that expired leaves its snapshot
behind, for nobody knows how far the crashed event came. A failed event leaves no trace that
would swallow its retry (contract section 4); but where it has, or may have, changed something, an
older snapshot must not follow it (docs/decisions/0009-unfinished-events.md). Here is what the
stores share: the records, and `decide`, which knows no store.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from connector.event import Snapshot


class Entry(NamedTuple):
    """What a claim is asked for.

    `identities` are the names of the event, `subjects` whom it is about; all are leased together.
    `released` are the subjects that it takes away from the account `owner`. `unbound` says that
    it has calls about nobody. `again` says whether a newer snapshot of an event that was applied
    is applied again. `lease` is in seconds.
    """

    identities: tuple[str, ...]
    subjects: tuple[str, ...]
    released: frozenset[str]
    snapshot: Snapshot | None
    owner: int | None
    unbound: bool
    again: bool
    lease: float

    @property
    def keys(self) -> tuple[str, ...]:
        """What is leased, sorted, so that two events never wait for each other."""
        return tuple(sorted({*self.identities, *self.subjects}))


class Done(NamedTuple):
    """That an event was applied, and from which snapshot."""

    snapshot: Snapshot | None


class Known(NamedTuple):
    """What is known of a subject: the newest snapshot applied, and the account it came from."""

    snapshot: Snapshot | None
    owner: int | None

    def after(self, entry: Entry) -> "Known":
        """What is known once the entry is applied; an unknown owner changes nothing."""
        newer = entry.snapshot or self.snapshot
        return Known(newer, self.owner if entry.owner is None else entry.owner)

    def touched(self, snapshot: Snapshot | None) -> "Known":
        """What is known once this snapshot may have been applied; whose it is stays as it was."""
        if snapshot is None or _newer(self.snapshot, snapshot):
            return self
        return Known(snapshot, self.owner)


NOBODY = Known(None, None)


class Claim(NamedTuple):
    """Go: the event may be applied, but for its calls about the `dropped` subjects.

    `token` fences: a claim that expired and was taken by another cannot be settled any more.
    """

    entry: Entry
    token: str
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The event was applied already, from this or a newer snapshot."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer snapshot of all its subjects was applied."""


class Busy(NamedTuple):
    """Another event holds the lease; `wait` is how long at most, in seconds."""

    wait: float


class LostClaim(Exception):  # noqa: N818 - what happened, not an error of the store
    """The lease expired before the event was settled, and somebody else may have taken it."""


class LedgerUnavailable(Exception):  # noqa: N818 - as above
    """The store cannot be reached, or takes too long; the message is for the log.

    It is no `ConnectionError`: a connection that something else lost is not the ledger's failure.
    """


class Ledger(Protocol):
    """A store of claims and records; its methods are atomic."""

    async def claim(self, entry: Entry) -> Claim | Duplicate | Superseded | Busy:
        """Ask whether an event may be applied now.

        Raises:
            LedgerUnavailable: that cannot be known; the event must not be applied.
        """

    async def settle(self, claim: Claim) -> None:
        """Record that it was applied, and free the lease.

        Raises:
            LostClaim: the lease expired meanwhile.
            LedgerUnavailable: whether it was recorded is not known.
        """

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """Free the lease, and do not record the event: it did not succeed, and comes again.

        `touched` are subjects that it changed, or may have changed, at the system: older snapshots
        of them are superseded from now on. With `rest` the lease is not freed but ends so many
        seconds from now, if not earlier: the system may still be at work. What cannot be noted or
        freed because the store is out of reach is not noted, and expires.
        """

    async def close(self) -> None:
        """Let go of connections."""


def decide(
    entry: Entry, done: Iterable[Done], known: Mapping[str, Known]
) -> Duplicate | Superseded | frozenset[str]:
    """Judge an event by the records alone; the dropped subjects if it may be applied."""
    for record in done:
        if not (entry.again and _newer(entry.snapshot, record.snapshot)):
            return Duplicate()
    dropped = frozenset(
        subject for subject in entry.subjects if _dropped(entry, subject, known.get(subject))
    )
    if entry.subjects and len(dropped) == len(entry.subjects) and not entry.unbound:
        return Superseded()
    return dropped


def _newer(one: Snapshot | None, other: Snapshot | None) -> bool:
    return one is not None and other is not None and one > other


def _dropped(entry: Entry, subject: str, known: Known | None) -> bool:
    """Whether the subject is newer than the event, or belongs to another account by now."""
    if known is None:
        return False
    if _newer(known.snapshot, entry.snapshot):
        return True
    return subject in entry.released and _given_away(entry, known)


def _given_away(entry: Entry, known: Known) -> bool:
    """Whether an event that happened later gave the subject to another account.

    Then the release is an old story, however late NSPS read its data (contract 4, "SIM swap").
    """
    if entry.owner is None or known.owner is None or known.owner == entry.owner:
        return False
    if entry.snapshot is None or known.snapshot is None:
        return True
    return known.snapshot.created > entry.snapshot.created
