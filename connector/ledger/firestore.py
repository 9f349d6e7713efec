"""The ledger in Google Firestore (`LEDGER_URL=firestore:`), for any number of instances.

Each identity of an event and each subject has a document. An event takes three round trips: read
its documents, commit the leases, commit the settlement. A commit takes effect only if each of its
documents still has the version that was read or leased. So it is atomic without a transaction, and
a claim whose lease another one has taken cannot be settled. (Firestore gives a document a new
version only if a write changes it. Each claim does, since its token is new.)

Firestore's clock alone decides whether a lease has expired, so the instances' clocks may differ.

Firestore keeps names as HMACs, because a plain hash of an IMSI can be reversed by trying all
numbers of 15 digits. The `subject_hash` of the log is the beginning of a subject's HMAC.

Import this module only if it is used, and only after the server has forked: gRPC does not survive
a fork.
"""

import asyncio
import hmac
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import WARNING
from typing import Any
from uuid import uuid4

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ServerError,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

from connector import log
from connector.event import Snapshot
from connector.ledger.firestore_documents import Database, StoredDocument, Version, Write
from connector.ledger.records import (
    NOBODY,
    Busy,
    Claim,
    ClaimRequest,
    Done,
    Duplicate,
    Kept,
    Known,
    LedgerUnavailable,
    LostClaim,
    SubjectView,
    Superseded,
    decide,
    in_force,
    period,
    wait_for,
)
from connector.settings import BadSettings

EVENTS = "nsps_events"
SUBJECTS = "nsps_subjects"
KEPT = "nsps_kept"
NOTES = "nsps_notes"

_TIMEOUT = 3.0  # seconds for one request
_PAUSES = (0.1, 0.3, 0.0)  # seconds at most after each try
_KEPT = timedelta(days=100)  # how long records are kept; events can come for 95 (contract 4.4)
_CHANGED = (AlreadyExists, FailedPrecondition, NotFound)  # a document has another version by now
_MENDS: dict[type[BaseException], str] = {  # errors that do not pass; what to do about them
    NotFound: "has no such database: create it, or name another in LEDGER_URL",
    PermissionDenied: "refuses the function: give its service account the role "
    "roles/datastore.user, and enable the API firestore.googleapis.com",
    InvalidArgument: "cannot read this project or database id: correct it in LEDGER_URL",
    FailedPrecondition: "cannot use this database: it must be in Native mode",
    DefaultCredentialsError: "needs credentials, and Google's library finds none: run the function "
    "with a service account, or set GOOGLE_APPLICATION_CREDENTIALS",
    OSError: "needs a project: name it in LEDGER_URL or in GOOGLE_CLOUD_PROJECT",
}
_NOT_NOW = (ServerError, Aborted)  # try again; but the request may have been carried out


@dataclass(frozen=True, slots=True)
class _Leased:
    """A document that a claim holds, as long as the document has this `version`.

    `recorded` is true if it also keeps a record; `known` is the record, if it is a subject's. The
    lease began at `leased` of Firestore's clock, when this machine's clock said `at`.
    """

    version: Version
    recorded: bool
    known: Known
    leased: datetime
    at: datetime

    def resting(self, now: datetime, lease: float, rest: float) -> datetime | None:
        """When a lease of `lease` seconds ends if it rests for `rest` seconds from now.

        `now` is a time of this machine's clock. The result is a time of Firestore's clock, or None
        if `rest` is 0.
        """
        if not rest:
            return None
        end = (now - self.at) + timedelta(seconds=rest)
        return self.leased + min(end, timedelta(seconds=lease))


class FirestoreLedger:
    """A ledger in the collections `nsps_events`, `nsps_subjects`, `nsps_kept` and `nsps_notes`.

    The fields of a document of an event or a subject:

        token        of the last claim
        lease_until  when its lease ends; null if no claim holds it
        leased_for   the claim's snapshot; null if no claim holds it
        expires      when the collection's TTL policy deletes the document
        snapshot     of an event: what it was settled from, null if it had none; no such field if
                     it was never settled. Of a subject: the newest that was applied, or may
                     have been
        owner        of a subject: its account, as text

    What is kept of a subject has the fields `state` and `expires`, a note the field `text`, and a
    counter, which has a document for each of its periods, `value` and `expires`.

    Events that an older connector settled also have an `outcome`. It was always `applied`, and
    nothing reads it.

    `key` is the key of the HMACs: with another key, no record is found. Without `project`, the
    ledger is in the project that the function runs in. `patience` is how many seconds a method may
    take, all its tries included. `clock` changes the times of Firestore's clock; tests pass one.
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

    async def check(self) -> None:
        """Read one document, so that a wrong configuration stops the start; `startup` calls this.

        An outage does not: the function starts, and answers 503 until Firestore is back.

        Raises:
            BadSettings: there is no such database, or the function may not use it.
        """
        try:
            async with self._connected() as database:
                await database.read([f"{EVENTS}/start"])
        except LedgerUnavailable as error:
            cause = error.__cause__
            if cause and (mend := _MENDS.get(type(cause))):
                raise BadSettings([f"LEDGER_URL: Firestore {mend}"]) from None
            log.write(WARNING, "the ledger cannot be reached yet", cause=str(error))

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
            settled = self._settled(claim, leased)
            writes = [
                database.put(path, fields, leased[path].version) for path, fields in settled.items()
            ]
            writes += [database.replace(path, fields) for path, fields in self._to_keep(claim)]
            await self._end(database, claim, writes)

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        leased = self._leased.pop(claim.token, {})
        noted = {self._subject(name) for name in touched - claim.dropped}
        snapshot, now = claim.request.snapshot, self._clock(datetime.now(UTC))
        with suppress(LedgerUnavailable, LostClaim):
            async with self._connected() as database:
                writes = []
                for path, held in leased.items():
                    until = held.resting(now, claim.request.lease, rest)
                    fields: dict[str, Any] = {"lease_until": until, "leased_for": None}
                    if path in noted and snapshot:
                        newest = _list(held.known.touched(snapshot).snapshot)
                        fields |= {"snapshot": newest, "expires": datetime.now(UTC) + _KEPT}
                    elif not held.recorded and not rest:
                        writes.append(database.delete(path, held.version))
                        continue
                    writes.append(database.put(path, fields, held.version))
                await self._end(database, claim, writes)

    async def look(self, subject: str) -> SubjectView:
        """See `LedgerStore`."""
        path = self._subject(subject)
        async with self._connected() as database:
            document = (await database.read([path]))[path]
        now = self._clock(document.read)
        return SubjectView(_known(document, now, 0), wait_for([_left(document, now)], 0, 0))

    async def kept(self, after: str, most: int) -> list[Kept]:
        """See `LedgerStore`."""
        async with self._connected() as database:
            found = await database.read_after(KEPT, after, most)
            if not found:
                return []
            subjects = await database.read(f"{SUBJECTS}/{key}" for key in found)
            now = self._clock(max(document.read for document in subjects.values()))
        return [
            Kept(
                key,
                fields["state"],
                leased=in_force(_left(subjects[f"{SUBJECTS}/{key}"], now), 0, 0),
            )
            for key, fields in found.items()
        ]

    async def note(self, name: str) -> str | None:
        """See `LedgerStore`."""
        path = f"{NOTES}/{name}"
        async with self._connected() as database:
            found = (await database.read([path]))[path]
        return found.fields.get("text")

    async def write_note(self, name: str, text: str) -> None:
        """See `LedgerStore`."""
        async with self._connected() as database:
            await database.commit([database.replace(f"{NOTES}/{name}", {"text": text})])

    async def first_note(self, name: str, text: str) -> str:
        """See `LedgerStore`."""
        if (found := await self.note(name)) is not None:
            return found
        async with self._connected() as database:
            with suppress(*_CHANGED):  # another instance was faster
                await database.commit([database.put(f"{NOTES}/{name}", {"text": text}, None)])
                return text
        return await self.note(name) or text

    async def count(self, name: str, more: int, seconds: float) -> int:
        """See `LedgerStore`."""
        now = self._clock(datetime.now(UTC))
        counter = f"{NOTES}/{name}.{period(now.timestamp(), seconds)}"
        expires = now + timedelta(seconds=seconds) + _KEPT
        async with self._connected() as database:
            return await database.add(counter, "value", more, expires)

    async def close(self) -> None:
        """See `Ledger`."""
        if self._database is not None:
            await self._database.close()

    async def _claim(
        self, database: Database, request: ClaimRequest, token: str
    ) -> Claim | Duplicate | Superseded | Busy:
        """Read the documents, decide, and commit the leases; one try.

        Raises:
            GoogleAPICallError: one of `_CHANGED` if another claim was faster.
        """
        found = await self._read(database, request)
        done = [_done(found[self._event(name)]) for name in request.identities]
        now = self._clock(max(document.read for document in found.values()))
        known = {
            name: _known(found[self._subject(name)], now, request.lease)
            for name in request.subjects
        }
        verdict = decide(request, [record for record in done if record], known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        if all(document.fields.get("token") == token for document in found.values()):
            # An earlier try leased them, but its answer was lost.
            versions = [document.version for document in found.values() if document.version]
        else:
            ends = [_left(document, now) for document in found.values()]
            if wait := wait_for(ends, 0, request.lease):
                return Busy(wait)
            events = [found[self._event(name)] for name in request.identities]
            if request.once and any(document.fields.get("lease_until") for document in events):
                return Duplicate(crashed=True)
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
        records = {self._subject(name): record for name, record in known.items()}
        self._leased[token] = {
            path: _Leased(version, _recorded(document), records.get(path, NOBODY), now, at)
            for (path, document), version in zip(found.items(), versions, strict=True)
        }
        return Claim(request, token, verdict)

    async def _read(self, database: Database, request: ClaimRequest) -> dict[str, StoredDocument]:
        """Read all documents of an event, by path.

        Raises:
            LedgerUnavailable: there is no such database.
        """
        paths = {*map(self._event, request.identities), *map(self._subject, request.subjects)}
        try:
            return await database.read(sorted(paths))
        except NotFound as error:  # of the database: a missing document raises nothing
            raise LedgerUnavailable("Firestore: there is no such database") from error

    async def _end(self, database: Database, claim: Claim, writes: list[Write]) -> None:
        """Commit the writes that settle or release a claim.

        Raises:
            LostClaim: another claim has taken one of the leases.
        """
        failure: Exception | None = None
        for pause in _PAUSES:
            try:
                await database.commit(writes)
            except _CHANGED:
                if failure and await self._is_settled(database, claim):
                    return  # an earlier try did it, but its answer was lost
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

    def _settled(self, claim: Claim, leased: dict[str, _Leased]) -> dict[str, dict[str, Any]]:
        """The fields that settling a claim writes, by path; other fields stay as they are."""
        request = claim.request
        free: dict[str, Any] = {
            "lease_until": None,
            "leased_for": None,
            "expires": datetime.now(UTC) + _KEPT,
        }
        event = {**free, "snapshot": _list(request.snapshot)}
        settled = {self._event(name): event for name in request.identities}
        for name in request.subjects:
            path = self._subject(name)
            settled[path] = free
            if name not in claim.dropped:
                settled[path] = free | _fields(leased[path].known.after(request))
        return settled

    def _to_keep(self, claim: Claim) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the path and the fields of what is kept of each subject."""
        request = claim.request
        if request.kept is not None:
            for name in set(request.subjects) - claim.dropped:
                expires = datetime.now(UTC) + _KEPT if name in request.leave else None
                yield (
                    f"{KEPT}/{self._hash(name)}",
                    {"state": request.kept, "expires": expires},
                )

    def _event(self, name: str) -> str:
        return f"{EVENTS}/{self._hash(name)}"

    def _subject(self, name: str) -> str:
        return f"{SUBJECTS}/{self._hash(name)}"

    def _hash(self, name: str) -> str:
        return hmac.digest(self._key, name.encode(), "sha256").hex()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Database]:
        """Open the database, if it is not open yet, for one method.

        Raises:
            LedgerUnavailable: in place of any error of Google's client, and after `patience`
                seconds. `OSError` covers the time-out, and what the client raises if it finds
                credentials but no project.
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
    """Whether a document keeps a record, apart from its lease."""
    said = {"owner", "leased_for"}
    return "snapshot" in document.fields or any(
        document.fields.get(name) is not None for name in said
    )


def _done(document: StoredDocument) -> Done | None:
    """The record of an event, if it was settled; a document that is only leased has none."""
    return Done(_snapshot(document)) if "snapshot" in document.fields else None


def _left(document: StoredDocument, now: datetime) -> float:
    """The seconds that are left of the lease on a document; 0 or less if there is none."""
    until: datetime | None = document.fields.get("lease_until")
    return (until - now).total_seconds() if until else 0


def _known(document: StoredDocument, now: datetime, longest: float) -> Known:
    """The record of a subject, with the snapshot of a lease on it that has expired."""
    owner, left = document.fields.get("owner"), document.fields.get("leased_for")
    known = Known(_snapshot(document), None if owner is None else int(owner))
    if left is None or in_force(_left(document, now), 0, longest):
        return known
    return known.touched(Snapshot(*left))


def _fields(known: Known) -> dict[str, Any]:
    """The fields of a subject's record; what is not known is left out."""
    fields: dict[str, Any] = {}
    if known.snapshot:
        fields["snapshot"] = _list(known.snapshot)
    if known.owner is not None:
        fields["owner"] = str(known.owner)
    return fields


def _snapshot(document: StoredDocument) -> Snapshot | None:
    fields = document.fields.get("snapshot")
    return Snapshot(*fields) if fields else None


def _list(snapshot: Snapshot | None) -> list[float] | None:
    return snapshot.numbers if snapshot else None


async def _jitter(pause: float) -> None:
    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
