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
from dataclasses import dataclass
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

from connector.event import Snapshot
from connector.ledger.firestore_documents import Database, StoredDocument, Version, Write
from connector.ledger.records import (
    Busy,
    Claim,
    ClaimRequest,
    Done,
    Duplicate,
    Known,
    LedgerUnavailable,
    LostClaim,
    Superseded,
    decide,
)

EVENTS = "nsps_events"
SUBJECTS = "nsps_subjects"

_TIMEOUT = 3.0  # seconds for one request
_PAUSES = (0.1, 0.3, 0.0)  # seconds at most after each try
_KEPT = timedelta(days=100)  # events come again for 95 days (contract section 4)
_CHANGED = (AlreadyExists, FailedPrecondition, NotFound)  # a document is not as it was read
_NOT_NOW = (ServerError, Aborted)  # worth another try; it may have been carried out nevertheless


@dataclass(frozen=True, slots=True)
class _Leased:
    """A document that a claim holds while its version is this one.

    It was leased at `at` of this machine's clock, which was `leased` of Firestore's.
    """

    version: Version
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
    the collection; and, once an event was settled, its `snapshot`, which is null if the event had
    none. A subject also has its `owner`. Documents that an older version wrote may have an
    `outcome`, which was always `applied` and is not read.

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
        self._name = database
        self._patience = patience
        self._clock = clock
        self._opening = asyncio.Lock()
        self._database: Database | None = None
        self._leased: dict[str, dict[str, _Leased]] = {}  # by the claim's token, by path

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        token = uuid4().hex
        async with self._connected() as database:
            for pause in _PAUSES:
                failure: Exception | None = None
                try:
                    return await self._claim(database, request, token)
                except _CHANGED:
                    pass
                except _NOT_NOW as error:
                    failure = error
                await _jitter(pause)
            if failure:
                raise failure
        return Busy(request.lease)

    async def settle(self, claim: Claim) -> None:
        """See `Ledger`."""
        leased = self._leased.pop(claim.token, None)
        if leased is None:
            raise LostClaim
        async with self._connected() as database:
            settled = self._settled(claim)
            writes = [
                database.put(path, fields, leased[path].version) for path, fields in settled.items()
            ]
            await self._end(database, claim, writes)

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        leased = self._leased.pop(claim.token, {})
        noted = {self._subject(name) for name in touched - claim.dropped}
        snapshot, now = _list(claim.request.snapshot), self._clock(datetime.now(UTC))
        with suppress(LedgerUnavailable, LostClaim):
            async with self._connected() as database:
                writes = []
                for path, held in leased.items():
                    until = held.resting(now, claim.request.lease, rest)
                    fields: dict[str, Any] = {"lease_until": until, "leased_for": None}
                    if path in noted and snapshot:
                        fields |= {"snapshot": snapshot, "expires": datetime.now(UTC) + _KEPT}
                    elif not held.recorded and not rest:
                        writes.append(database.delete(path, held.version))
                        continue
                    writes.append(database.put(path, fields, held.version))
                await self._end(database, claim, writes)

    async def close(self) -> None:
        """See `Ledger`."""
        if self._database is not None:
            await self._database.close()

    async def _claim(
        self, database: Database, request: ClaimRequest, token: str
    ) -> Claim | Duplicate | Superseded | Busy:
        """Read and commit, once."""
        found = await self._read(database, request)
        done = [_done(found[self._event(name)]) for name in request.identities]
        now = self._clock(max(document.read for document in found.values()))
        known = {name: _known(found[self._subject(name)], now) for name in request.subjects}
        verdict = decide(request, [record for record in done if record], known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        if all(document.fields.get("token") == token for document in found.values()):
            # The commit of an earlier try, which got no answer.
            versions = [document.version for document in found.values() if document.version]
        else:
            until = max(document.fields.get("lease_until") or now for document in found.values())
            if until > now:
                return Busy((until - now).total_seconds())
            lease: dict[str, Any] = {
                "token": token,
                "lease_until": now + timedelta(seconds=request.lease),
                "leased_for": _list(request.snapshot),
                "expires": datetime.now(UTC) + _KEPT,
            }
            left = {
                self._subject(name): {"snapshot": _list(known[name].snapshot)}
                for name in request.subjects
                if found[self._subject(name)].fields.get("leased_for")
            }
            versions = await database.commit(
                database.put(path, lease | left.get(path, {}), document.version)
                for path, document in found.items()
            )
        at = self._clock(datetime.now(UTC))
        self._leased[token] = {
            path: _Leased(version, _recorded(document), now, at)
            for (path, document), version in zip(found.items(), versions, strict=True)
        }
        return Claim(request, token, verdict)

    async def _read(self, database: Database, request: ClaimRequest) -> dict[str, StoredDocument]:
        """All documents of an event, by path."""
        paths = {*map(self._event, request.identities), *map(self._subject, request.subjects)}
        try:
            return await database.read(sorted(paths))
        except NotFound as error:  # a missing document is no error
            raise LedgerUnavailable("Firestore: there is no such database") from error

    async def _end(self, database: Database, claim: Claim, writes: list[Write]) -> None:
        """Commit what ends a claim."""
        failure: Exception | None = None
        for pause in _PAUSES:
            try:
                await database.commit(writes)
            except _CHANGED:
                if failure and await self._is_settled(database, claim):
                    return  # by an earlier try, which got no answer
                raise LostClaim from None
            except _NOT_NOW as error:
                failure = error
            else:
                return
            await _jitter(pause)
        if failure:
            raise failure

    async def _is_settled(self, database: Database, claim: Claim) -> bool:
        found = (await self._read(database, claim.request)).values()
        return all(
            document.fields.get("token") == claim.token and document.fields["lease_until"] is None
            for document in found
        )

    def _settled(self, claim: Claim) -> dict[str, dict[str, Any]]:
        """What the documents of a claim then say, by path; fields not named stay as they are."""
        request = claim.request
        free: dict[str, Any] = {
            "lease_until": None,
            "leased_for": None,
            "expires": datetime.now(UTC) + _KEPT,
        }
        snapshot = _list(request.snapshot)
        event = {**free, "snapshot": snapshot}
        subject = dict(free)
        if snapshot:
            subject["snapshot"] = snapshot
        if request.owner is not None:
            subject["owner"] = str(request.owner)
        return {self._event(name): event for name in request.identities} | {
            self._subject(name): free if name in claim.dropped else subject
            for name in request.subjects
        }

    def _event(self, name: str) -> str:
        return f"{EVENTS}/{self._hash(name)}"

    def _subject(self, name: str) -> str:
        return f"{SUBJECTS}/{self._hash(name)}"

    def _hash(self, name: str) -> str:
        return hmac.digest(self._key, name.encode(), "sha256").hex()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Database]:
        """The open database.

        Raises:
            LedgerUnavailable: in place of every error of Google's client and of the system, and
                after `patience` seconds. `OSError` is among them: Google's client raises it if it
                finds credentials but no project, and a `TimeoutError` is one.
        """
        try:
            async with asyncio.timeout(self._patience):
                async with self._opening:
                    if self._database is None:
                        self._database = await asyncio.to_thread(
                            Database, self._project, self._name, _TIMEOUT
                        )
                yield self._database
        except (GoogleAPICallError, GoogleAuthError, OSError) as error:
            raise LedgerUnavailable(f"Firestore: {type(error).__name__}: {error}") from error


def _recorded(document: StoredDocument) -> bool:
    """Whether it says more than who holds the lease."""
    said = {"owner", "leased_for"}
    return "snapshot" in document.fields or any(
        document.fields.get(name) is not None for name in said
    )


def _done(document: StoredDocument) -> Done | None:
    """That an event was settled; the document of one that was only leased has no `snapshot`."""
    return Done(_snapshot(document)) if "snapshot" in document.fields else None


def _known(document: StoredDocument, now: datetime) -> Known:
    """What is known of a subject, with what a lease that expired left behind."""
    owner, left = document.fields.get("owner"), document.fields.get("leased_for")
    known = Known(_snapshot(document), None if owner is None else int(owner))
    if left is None or (document.fields.get("lease_until") or now) >= now:
        return known
    return known.touched(Snapshot(*left))


def _snapshot(document: StoredDocument) -> Snapshot | None:
    fields = document.fields.get("snapshot")
    return Snapshot(*fields) if fields else None


def _list(snapshot: Snapshot | None) -> list[float] | None:
    return [snapshot.taken, snapshot.created, snapshot.happened] if snapshot else None


async def _jitter(pause: float) -> None:
    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
