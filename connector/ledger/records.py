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


class ClaimRequest(NamedTuple):
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

    def after(self, request: ClaimRequest) -> "Known":
        """What is known once the request is applied; an unknown owner changes nothing."""
        newer = request.snapshot or self.snapshot
        return Known(newer, self.owner if request.owner is None else request.owner)

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

    request: ClaimRequest
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

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
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
    request: ClaimRequest, done: Iterable[Done], known: Mapping[str, Known]
) -> Duplicate | Superseded | frozenset[str]:
    """Judge an event by the records alone; the dropped subjects if it may be applied."""
    for record in done:
        if not (request.again and _newer(request.snapshot, record.snapshot)):
            return Duplicate()
    dropped = frozenset(name for name in request.subjects if _dropped(request, name, known[name]))
    if dropped and dropped == set(request.subjects) and not request.unbound:
        return Superseded()
    return dropped


def _newer(one: Snapshot | None, other: Snapshot | None) -> bool:
    return one is not None and other is not None and one > other


def _dropped(request: ClaimRequest, subject: str, known: Known) -> bool:
    """Whether the subject is newer than the event, or belongs to another account by now."""
    given_away = subject in request.released and _given_away(request, known)
    return given_away or _newer(known.snapshot, request.snapshot)


def _given_away(request: ClaimRequest, known: Known) -> bool:
    """Whether an event that happened later gave the subject to another account.

    Then the release is an old story, however late NSPS read its data (contract 4, "SIM swap").
    """
    if request.owner is None or known.owner is None or known.owner == request.owner:
        return False
    if request.snapshot is None or known.snapshot is None:
        return True
    return known.snapshot.created > request.snapshot.created
