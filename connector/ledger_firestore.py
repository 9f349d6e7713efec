"""The ledger of any number of instances: Google Firestore, one document per event and subject.

Three round trips an event: a read of all its documents, a commit that leases them, a commit that
settles them. A commit takes effect only if none of its documents changed since it was read or
leased: that makes it atomic without a transaction, and is the fence as well. (A write counts as a
change only if it changes something; ours do, each claim has a token of its own.) Whether a lease
has expired is judged by Firestore's clock alone, so instances need not agree on the time.

Names are kept as HMACs, since a bare hash of 15 digits is undone by trying them all; the log's
`subject_hash` is the beginning of a subject's.

Imported only where it is used, and not before the server has forked: gRPC does not survive that.
"""

import asyncio
import hmac
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    GoogleAPICallError,
    NotFound,
    ServerError,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore import AsyncClient, AsyncWriteBatch

from connector.event import Snapshot
from connector.ledger import (
    Busy,
    Claim,
    Done,
    Duplicate,
    Entry,
    Known,
    LedgerUnavailable,
    LostClaim,
    Superseded,
    decide,
)
from connector.outcome import Outcome

EVENTS = "nsps_events"
SUBJECTS = "nsps_subjects"

_TIMEOUT = 3.0  # seconds for one request
_PAUSES = (0.1, 0.3, 0.0)  # seconds at most after each try
_KEPT = timedelta(days=100)  # events come again for 95 days (contract section 4)
_CHANGED = (AlreadyExists, FailedPrecondition, NotFound)  # a document is not as it was read
_NOT_NOW = (ServerError, Aborted)  # worth another try; it may have been carried out nevertheless

_Version = Any  # the client's own kind of datetime, with nanoseconds


@dataclass(frozen=True, slots=True)
class _Document:
    """A document as it was read: no fields and no version if there is none."""

    fields: dict[str, Any]
    version: _Version
    read: datetime

    @property
    def recorded(self) -> bool:
        """Whether it says more than who holds the lease."""
        said = {"outcome", "snapshot", "owner", "leased_for"}
        return any(self.fields.get(name) is not None for name in said)


@dataclass(frozen=True, slots=True)
class _Leased:
    """A document that a claim holds while its version is this one.

    It was leased at `at` of this machine's clock, which was `leased` of Firestore's.
    """

    version: _Version
    recorded: bool
    leased: datetime
    at: datetime

    def resting(self, now: datetime, lease: float, rest: float) -> datetime | None:
        """When the lease ends, by Firestore's clock, if it is to rest for so long."""
        if not rest:
            return None
        end = (now - self.at) + timedelta(seconds=rest)
        return self.leased + min(end, timedelta(seconds=lease))


class FirestoreLedger:
    """A ledger in the collections `nsps_events` and `nsps_subjects`.

    A document has `token`, `lease_until` and, while it is held, `leased_for`, the snapshot of its
    last claim; `expires`, for the TTL policy of
    the collection; and what was settled: `outcome` and `snapshot`, or `snapshot` and `owner`.

    `key` is the HMAC's: with another one everything is forgotten. Without `project` it is the one
    that the function runs in. `patience` is the seconds for one method, all tries included.
    `clock` makes the time out of Firestore's.
    """

    def __init__(
        self,
        key: bytes,
        project: str | None = None,
        database: str | None = None,
        patience: float = 6,
        clock: Callable[[datetime], datetime] = lambda now: now,
    ) -> None:
        self._key = key
        self._project = project
        self._database = database
        self._patience = patience
        self._clock = clock
        self._opening = asyncio.Lock()
        self._client: AsyncClient | None = None
        self._leased: dict[str, dict[str, _Leased]] = {}  # by the claim's token, by path

    async def claim(self, entry: Entry) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        token = uuid4().hex
        async with self._connected() as client:
            for pause in _PAUSES:
                failure: Exception | None = None
                try:
                    return await self._claim(client, entry, token)
                except _CHANGED:
                    pass
                except _NOT_NOW as error:
                    failure = error
                await _jitter(pause)
            if failure:
                raise failure
        return Busy(entry.lease)

    async def settle(self, claim: Claim, outcome: Outcome) -> None:
        """See `Ledger`."""
        leased = self._leased.pop(claim.token, None)
        if leased is None:
            raise LostClaim
        async with self._connected() as client:
            batch = client.batch()
            for path, fields in self._settled(claim, outcome).items():
                same = client.write_option(last_update_time=leased[path].version)
                batch.update(client.document(path), fields, same)
            await self._end(client, claim, batch)

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        leased = self._leased.pop(claim.token, {})
        noted = {self._subject(name) for name in touched - claim.dropped}
        snapshot, now = _list(claim.entry.snapshot), self._clock(datetime.now(UTC))
        with suppress(LedgerUnavailable, LostClaim):
            async with self._connected() as client:
                batch = client.batch()
                for path, held in leased.items():
                    same = client.write_option(last_update_time=held.version)
                    until = held.resting(now, claim.entry.lease, rest)
                    fields: dict[str, Any] = {"lease_until": until, "leased_for": None}
                    if path in noted and snapshot:
                        fields |= {"snapshot": snapshot, "expires": datetime.now(UTC) + _KEPT}
                    elif not held.recorded and not rest:
                        batch.delete(client.document(path), same)
                        continue
                    batch.update(client.document(path), fields, same)
                await self._end(client, claim, batch)

    async def close(self) -> None:
        """See `Ledger`."""
        if self._client is not None:  # its own `close` leaves the connection open
            await self._client._firestore_api.transport.close()

    async def _claim(
        self, client: AsyncClient, entry: Entry, token: str
    ) -> Claim | Duplicate | Superseded | Busy:
        """Read and commit, once."""
        found = await self._read(client, entry)
        done = [_done(found[self._event(name)]) for name in entry.identities]
        now = self._clock(max(document.read for document in found.values()))
        known = {name: _known(found[self._subject(name)], now) for name in entry.subjects}
        verdict = decide(entry, [record for record in done if record], known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        if all(document.fields.get("token") == token for document in found.values()):
            # The commit of an earlier try, which got no answer.
            leased = {path: document.version for path, document in found.items()}
        else:
            until = max(document.fields.get("lease_until") or now for document in found.values())
            if until > now:
                return Busy((until - now).total_seconds())
            lease = {
                "token": token,
                "lease_until": now + timedelta(seconds=entry.lease),
                "leased_for": _list(entry.snapshot),
                "expires": datetime.now(UTC) + _KEPT,
            }
            left = {
                self._subject(name): {"snapshot": _list(known[name].snapshot)}
                for name in entry.subjects
                if found[self._subject(name)].fields.get("leased_for")
            }
            leased = await _lease(
                client, found, {path: lease | left.get(path, {}) for path in found}
            )
        at = self._clock(datetime.now(UTC))
        self._leased[token] = {
            path: _Leased(version, found[path].recorded, now, at)
            for path, version in leased.items()
        }
        return Claim(entry, token, verdict)

    async def _read(self, client: AsyncClient, entry: Entry) -> dict[str, _Document]:
        """All documents of an event, by path."""
        paths = {*map(self._event, entry.identities), *map(self._subject, entry.subjects)}
        references = [client.document(path) for path in sorted(paths)]
        try:
            return {
                found.reference.path: _Document(
                    found.to_dict() or {}, found.update_time, found.read_time
                )
                async for found in client.get_all(references, retry=None, timeout=_TIMEOUT)
            }
        except NotFound as error:  # a missing document is no error
            raise LedgerUnavailable("Firestore: there is no such database") from error

    async def _end(self, client: AsyncClient, claim: Claim, batch: AsyncWriteBatch) -> None:
        """Commit what ends a claim."""
        failure: Exception | None = None
        for pause in _PAUSES:
            try:
                await batch.commit(retry=None, timeout=_TIMEOUT)
            except _CHANGED:
                if failure and await self._is_settled(client, claim):
                    return  # by an earlier try, which got no answer
                raise LostClaim from None
            except _NOT_NOW as error:
                failure = error
            else:
                return
            await _jitter(pause)
        if failure:
            raise failure

    async def _is_settled(self, client: AsyncClient, claim: Claim) -> bool:
        found = (await self._read(client, claim.entry)).values()
        return all(
            document.fields.get("token") == claim.token and document.fields["lease_until"] is None
            for document in found
        )

    def _settled(self, claim: Claim, outcome: Outcome) -> dict[str, dict[str, Any]]:
        """What the documents of a claim then say, by path; fields not named stay as they are."""
        entry = claim.entry
        free: dict[str, Any] = {
            "lease_until": None,
            "leased_for": None,
            "expires": datetime.now(UTC) + _KEPT,
        }
        snapshot = _list(entry.snapshot)
        event = {**free, "outcome": outcome.value, "snapshot": snapshot}
        subject = dict(free)
        if snapshot:
            subject["snapshot"] = snapshot
        if entry.owner is not None:
            subject["owner"] = str(entry.owner)
        return {self._event(name): event for name in entry.identities} | {
            self._subject(name): free if name in claim.dropped else subject
            for name in entry.subjects
        }

    def _event(self, name: str) -> str:
        return f"{EVENTS}/{self._hash(name)}"

    def _subject(self, name: str) -> str:
        return f"{SUBJECTS}/{self._hash(name)}"

    def _hash(self, name: str) -> str:
        return hmac.digest(self._key, name.encode(), "sha256").hex()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncClient]:
        """The client; what keeps it from Firestore, or takes too long, is LedgerUnavailable."""
        try:
            async with asyncio.timeout(self._patience):
                async with self._opening:
                    if self._client is None:  # blocking: may ask the metadata server
                        self._client = await asyncio.to_thread(
                            AsyncClient, project=self._project, database=self._database
                        )
                yield self._client
        except (GoogleAPICallError, GoogleAuthError, TimeoutError) as error:
            raise LedgerUnavailable(f"Firestore: {type(error).__name__}: {error}") from error


async def _lease(
    client: AsyncClient, found: dict[str, _Document], leases: dict[str, dict[str, Any]]
) -> dict[str, _Version]:
    """Lease documents that are still as they were read; their versions then."""
    batch = client.batch()
    for path, document in found.items():
        fields = leases[path]
        if document.version is None:
            batch.create(client.document(path), fields)
        else:
            same = client.write_option(last_update_time=document.version)
            batch.update(client.document(path), fields, same)
    results = await batch.commit(retry=None, timeout=_TIMEOUT)
    return {path: result.update_time for path, result in zip(found, results, strict=True)}


def _done(document: _Document) -> Done | None:
    outcome = document.fields.get("outcome")
    return Done(Outcome(outcome), _snapshot(document)) if outcome else None


def _known(document: _Document, now: datetime) -> Known:
    """What is known of a subject, with what a lease that expired left behind."""
    owner, left = document.fields.get("owner"), document.fields.get("leased_for")
    known = Known(_snapshot(document), None if owner is None else int(owner))
    if left is None or (document.fields.get("lease_until") or now) >= now:
        return known
    return known.touched(Snapshot(*left))


def _snapshot(document: _Document) -> Snapshot | None:
    fields = document.fields.get("snapshot")
    return Snapshot(*fields) if fields else None


def _list(snapshot: Snapshot | None) -> list[float] | None:
    return list(astuple(snapshot)) if snapshot else None


async def _jitter(pause: float) -> None:
    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
