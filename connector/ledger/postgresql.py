"""The ledger in PostgreSQL (`LEDGER_URL=postgresql://...`), for instances outside Google.

Each identity of an event and each subject has a row. An event takes three round trips: read its
rows, lease them, settle them. Each is one statement, and so one transaction. A lease takes effect
only if each row still has the version that was read. If another claim was faster, the statement
breaks the NOT NULL of `version`, the server undoes all of it, and the claim begins again. So no
lock is held between two statements, and a process that dies leaves nothing but its leases.

PostgreSQL's clock alone decides whether a lease has expired, so the instances' clocks may differ.

PostgreSQL keeps names as HMACs, because a plain hash of an IMSI can be reversed by trying all
numbers of 15 digits. The `subject_hash` of the log is the beginning of a subject's HMAC.

Import this module only if it is used: asyncpg takes 30 ms, and is not in the usual packages.
"""

import asyncio
import hmac
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from logging import WARNING
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

import asyncpg

from connector import log
from connector.event import Snapshot
from connector.ledger.postgresql_database import TROUBLE, Database, Login, Row
from connector.ledger.postgresql_statements import (
    COUNT,
    FIRST_NOTE,
    KEPT,
    LEASE,
    NOTE,
    READ,
    RELEASE,
    SETTLE,
    SWEEP,
    SWEEP_KEPT,
    SWEPT,
    WRITE_NOTE,
)
from connector.ledger.postgresql_tables import WrongTables, mend, prepare
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
    wait_for,
)
from connector.settings import BadSettings, PostgresqlUrl

T = TypeVar("T")

_PAUSES = (0.05, 0.2, 0.5)  # seconds at most after each try but the last
_SWEEP_EVERY = 10.0  # seconds between two searches for expired rows


class _Row(NamedTuple):
    """A row as it was read; that of a name without a row has no version.

    `remaining` are the seconds until its lease ends, None without one.
    """

    version: UUID | None = None
    settled: bool = False
    known: Known = NOBODY
    leased_for: Snapshot | None = None
    remaining: float | None = None

    def done(self) -> Done | None:
        """The record of an event that was settled."""
        return Done(self.known.snapshot) if self.settled else None

    def now_known(self, longest: float) -> Known:
        """The record of a subject, with the snapshot of a lease on it that has expired."""
        if self.remaining is None or in_force(self.remaining, 0, longest):
            return self.known
        return self.known.touched(self.leased_for)


@dataclass(frozen=True, slots=True)
class _Leased:
    """What a claim that holds its rows knows of them, by id; `after` is their version after it."""

    rows: dict[bytes, _Row]
    after: UUID


class PostgresqlLedger:
    """A ledger in the tables `nsps_names`, `nsps_kept`, `nsps_notes` and `nsps_counters`.

    The columns of `nsps_names`:

        id            HMAC of a subject, or of `event` and the identity of an event
        version       of the row: another one after each change
        leased_until  when the lease of a claim ends; null if no claim holds the row
        leased_for    of a subject: the claim's snapshot
        settled       of an event: true if it was applied, from `snapshot`
        snapshot      of a subject: the newest that was applied, or may have been
        owner         of a subject: its account, as text
        expires       when the row may be deleted

    `key` is the key of the HMACs: with another key, no record is found. Without `login`, asyncpg
    looks for the password in the file of PGPASSFILE. `patience` is how many seconds a method may
    take, all its tries included. `ahead` are seconds that are added to PostgreSQL's clock; tests
    pass them.
    """

    def __init__(
        self,
        url: PostgresqlUrl,
        key: bytes,
        login: Login | None = None,
        patience: float = 6,
        ahead: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._database = Database(url, login or Login())
        self._key = key
        self._patience = patience
        self._ahead = ahead
        self._preparing = asyncio.Lock()
        self._prepared = False
        self._leased: dict[str, _Leased] = {}  # by the claim's token
        self._next_sweep = 0.0  # monotonic clock

    async def check(self) -> None:
        """Make the tables, and write to them, so that a wrong setting stops the start.

        An outage does not: the function starts, and answers 503 until the database is back.
        `connector.startup` calls this.

        Raises:
            BadSettings: the database can never be used as it is.
        """
        try:
            await self._tried(_nothing)
        except LedgerUnavailable as error:
            if error.__cause__ and (told := mend(error.__cause__)):
                raise BadSettings([f"LEDGER_URL: PostgreSQL {told}"]) from None
            log.write(WARNING, "the ledger cannot be reached yet", cause=str(error))

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        token = uuid4()
        return await self._tried(lambda: self._claim(request, token)) or Busy(request.lease)

    async def settle(self, claim: Claim) -> None:
        """See `Ledger`."""
        leased = self._leased.get(claim.token)
        if leased is None:
            raise LostClaim
        said = [self._settled(claim, id_, row) for id_, row in leased.rows.items()]
        values = (list(leased.rows), UUID(claim.token), leased.after, *_columns(said, 3))
        values += self._to_keep(claim)
        changed = await self._tried(lambda: self._run(SETTLE, *values))
        del self._leased[claim.token]
        if not changed:
            raise LostClaim
        await self._sweep()

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        leased = self._leased.pop(claim.token, None)
        if leased is None:
            return
        noted = {self._subject(name) for name in touched - claim.dropped}
        snapshot = claim.request.snapshot
        said = [
            _text(row.known.touched(snapshot).snapshot) if id_ in noted else None
            for id_, row in leased.rows.items()
        ]
        values = (list(leased.rows), UUID(claim.token), leased.after, said, float(rest))
        with suppress(LedgerUnavailable):
            await self._tried(lambda: self._run(RELEASE, *values))

    async def look(self, subject: str) -> SubjectView:
        """See `LedgerStore`."""
        id_ = self._subject(subject)
        rows = await self._done(lambda: self._run(READ, [id_]))
        row = _row(rows[0]) if rows else _Row()
        leased = 0.0 if row.remaining is None else wait_for([row.remaining], 0, 0)
        return SubjectView(row.now_known(0), leased)

    async def kept(self, after: str, most: int) -> list[Kept]:
        """See `Ledger`."""
        rows = await self._done(lambda: self._run(KEPT, bytes.fromhex(after), most))
        return [
            Kept(
                row["id"].hex(),
                row["state"],
                leased=row["remaining"] is not None and in_force(row["remaining"], 0, 0),
            )
            for row in rows
        ]

    async def note(self, name: str) -> str | None:
        """See `Ledger`."""
        rows = await self._done(lambda: self._database.run(NOTE, name))
        return str(rows[0]["text"]) if rows else None

    async def write_note(self, name: str, text: str) -> None:
        """See `Ledger`."""
        await self._done(lambda: self._database.run(WRITE_NOTE, name, text))

    async def first_note(self, name: str, text: str) -> str:
        """See `LedgerStore`."""
        (row,) = await self._done(lambda: self._database.run(FIRST_NOTE, name, text))
        return str(row["text"])

    async def count(self, name: str, more: int, seconds: float) -> int:
        """See `Ledger`; if an answer is lost, the number may be added twice."""
        (row,) = await self._done(lambda: self._run(COUNT, name, more, seconds))
        return int(row["value"])

    async def close(self) -> None:
        """See `Ledger`."""
        await self._database.close()

    async def _claim(
        self, request: ClaimRequest, token: UUID
    ) -> Claim | Duplicate | Superseded | Busy:
        """Read the rows, decide, and lease them; one try.

        Raises:
            asyncpg.NotNullViolationError: another claim was faster.
        """
        events = {name: self._event(name) for name in request.identities}
        subjects = {name: self._subject(name) for name in request.subjects}
        rows = await self._read(sorted({*events.values(), *subjects.values()}))
        done = [record for id_ in events.values() if (record := rows[id_].done())]
        known = {name: rows[id_].now_known(request.lease) for name, id_ in subjects.items()}
        verdict = decide(request, done, known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        if any(row.version != token for row in rows.values()):  # else the last answer was lost
            ends = [row.remaining for row in rows.values() if row.remaining is not None]
            if wait := wait_for(ends, 0, request.lease):
                return Busy(wait)
            if request.once and any(rows[id_].remaining is not None for id_ in events.values()):
                return Duplicate(crashed=True)
            records = {subjects[name]: record for name, record in known.items()}
            await self._lease(request, token, rows, records)
            rows |= {id_: rows[id_]._replace(known=record) for id_, record in records.items()}
        self._leased[token.hex] = _Leased(rows, uuid4())
        return Claim(request, token.hex, verdict)

    async def _lease(
        self, request: ClaimRequest, token: UUID, rows: dict[bytes, _Row], known: dict[bytes, Known]
    ) -> None:
        """Write the leases; `known` are the records of the subjects, by id.

        The snapshot of an expired lease goes into the record: the new lease replaces it.
        """
        wanted = _text(request.snapshot)
        await self._run(
            LEASE,
            token,
            request.lease,
            list(rows),
            [wanted if id_ in known else None for id_ in rows],
            [_text(known[id_].snapshot) if id_ in known else None for id_ in rows],
            [row.version for row in rows.values() if row.version],
        )

    async def _read(self, ids: list[bytes]) -> dict[bytes, _Row]:
        """The rows of these ids, in their order."""
        found = {row["id"]: _row(row) for row in await self._run(READ, ids)}
        return {id_: found.get(id_, _Row()) for id_ in ids}

    def _settled(self, claim: Claim, id_: bytes, row: _Row) -> tuple[bool, str | None, str | None]:
        """`settled`, `snapshot` and `owner` of a row after the event was applied."""
        request = claim.request
        if id_ in {self._event(name) for name in request.identities}:
            return True, _text(request.snapshot), None
        dropped = id_ in {self._subject(name) for name in claim.dropped}
        known = row.known if dropped else row.known.after(request)
        owner = None if known.owner is None else str(known.owner)
        return False, _text(known.snapshot), owner

    def _to_keep(self, claim: Claim) -> tuple[list[bytes], list[bool], bytes | None]:
        """The ids of the subjects whose state is kept, which of them leave, the state."""
        request = claim.request
        names = list(set(request.subjects) - claim.dropped) if request.kept is not None else []
        ids = [self._subject(name) for name in names]
        return ids, [name in request.leave for name in names], request.kept

    async def _sweep(self) -> None:
        """Delete some of the rows that have expired, from time to time.

        A row that only was leased stays for 100 days after its lease: until then its claim may
        still be settled.
        """
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + _SWEEP_EVERY
        with suppress(*TROUBLE):
            if len(await self._run(SWEEP)) == SWEPT:
                self._next_sweep = 0
            await self._run(SWEEP_KEPT)

    def _event(self, name: str) -> bytes:
        return hmac.digest(self._key, b"event\0" + name.encode(), "sha256")

    def _subject(self, name: str) -> bytes:
        return hmac.digest(self._key, name.encode(), "sha256")

    async def _run(self, statement: str, *values: Any) -> list[Row]:
        return await self._database.run(statement, self._ahead(), *values)

    async def _tried(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Try until it succeeds; None if other claims were faster each time.

        Raises:
            LedgerUnavailable: the database could not be used within the patience.
        """
        failure: Exception | None = None
        async with self._within_patience():
            for pause in (*_PAUSES, None):
                try:
                    await self._prepare()
                    return await work()
                except asyncpg.NotNullViolationError:
                    failure = None
                except (WrongTables, *TROUBLE) as error:
                    failure = error
                    if mend(error):
                        break
                if pause is not None:
                    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
            if failure:
                raise failure
        return None

    async def _done(self, work: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
        """The rows of a statement that meets no other claims; raises as `_tried`."""
        return await self._tried(work) or []

    async def _prepare(self) -> None:
        """Make the tables before the first statement; the start may have met an outage."""
        if not self._prepared:
            async with self._preparing:
                if not self._prepared:
                    await prepare(self._database)
                    self._prepared = True

    @asynccontextmanager
    async def _within_patience(self) -> AsyncIterator[None]:
        """Bound the time, and turn the errors of the database into `LedgerUnavailable`."""
        try:
            async with asyncio.timeout(self._patience):
                yield
        except (WrongTables, *TROUBLE) as error:
            raise LedgerUnavailable(f"PostgreSQL: {_cause(error)}") from error


def _row(row: Row) -> _Row:
    owner = row["owner"]
    return _Row(
        UUID(int=row["version"].int),
        row["settled"],
        Known(_snapshot(row["snapshot"]), None if owner is None else int(owner)),
        _snapshot(row["leased_for"]),
        row["remaining"],
    )


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """The columns of rows, each as a list, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _text(snapshot: Snapshot | None) -> str | None:
    return json.dumps(snapshot.numbers) if snapshot else None


def _snapshot(text: str | None) -> Snapshot | None:
    return Snapshot(*json.loads(text)) if text else None


def _cause(error: BaseException) -> str:
    """The error in words without values: a message of PostgreSQL quotes rows only in its detail."""
    return f"{type(error).__name__}: {error.args[0] if error.args else 'no answer in time'}"


async def _nothing() -> None:
    """Do no work."""
