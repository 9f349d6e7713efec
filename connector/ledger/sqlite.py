"""The ledger in a file (`LEDGER_URL=sqlite:///FILE`), which the processes of one machine share.

The file keeps names as HMACs, because a plain hash of an IMSI can be reversed by trying all
numbers of 15 digits. The `subject_hash` of the log is the beginning of a subject's HMAC. The file
must not be on a network file system. `connector.ledger.sqlite_file` opens it and knows its tables.
"""

import asyncio
import hmac
import json
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from math import inf
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import uuid4

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
    LedgerUnavailable,
    LostClaim,
    SubjectView,
    Superseded,
    decide,
    in_force,
    period,
    wait_for,
)
from connector.ledger.sqlite_file import (
    add_tables,
    begin,
    is_busy,
    open_file,
    open_to_read,
)

T = TypeVar("T")

_TOGETHER = 100  # jobs in one transaction at most; other processes wait for its end
_KEPT = 100 * 86400.0  # seconds that records are kept; events can come for 95 days (contract 4.4)

# `IN (SELECT value FROM json_each (?))` takes any number of keys as one parameter, a JSON list.
_HELD = "SELECT expires FROM leases WHERE id IN (SELECT value FROM json_each (?))"
_REST = """
UPDATE leases SET expires = min(expires, ?), snapshot = NULL
WHERE token = ? AND id IN (SELECT value FROM json_each (?))
"""
_FREE = "DELETE FROM leases WHERE token = ? AND id IN (SELECT value FROM json_each (?))"
_SWEEP = """
DELETE FROM events WHERE id IN (SELECT id FROM events WHERE expires < :now LIMIT 10);
DELETE FROM subjects WHERE id IN (SELECT id FROM subjects WHERE expires < :now LIMIT 10);
DELETE FROM leases WHERE id IN (SELECT id FROM leases WHERE expires < :now - 8640000 LIMIT 10);
DELETE FROM kept WHERE id IN (SELECT id FROM kept WHERE expires < :now LIMIT 10)
"""
_KEPT_AFTER = """
SELECT id, state, (SELECT expires FROM leases WHERE leases.id = kept.id)
FROM kept WHERE id > ? ORDER BY id LIMIT ?
"""
_COUNT = """
INSERT INTO counters VALUES (:id, :period, :more) ON CONFLICT (id) DO UPDATE SET
value = :more + CASE period WHEN :period THEN value ELSE 0 END, period = :period
"""


class _Job:
    """One call of a ledger's method, on its way from the event loop to the thread and back.

    The thread sets `result` or `failure`. Then the event loop hands it to the caller through
    `ended`. `deadline` is when waiting for the file must end (monotonic clock).
    """

    def __init__(self, work: Callable[[sqlite3.Connection], Any], deadline: float) -> None:
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.deadline = deadline
        self.result: Any = None
        self.failure: Exception | None = None
        self._work = work

    def carry_out(self, file: sqlite3.Connection) -> None:
        """Do the work in a savepoint, so that a failure undoes this job and no other.

        Raises:
            sqlite3.Error: the file failed, which concerns all jobs of the transaction.
        """
        file.execute("SAVEPOINT job")
        try:
            self.result = self._work(file)
        except sqlite3.Error:
            raise
        except Exception as failure:
            file.execute("ROLLBACK TO job")
            self.failure = failure
        file.execute("RELEASE job")

    def hand_over(self) -> None:
        """Give result or failure to the caller, if it still waits; runs in the event loop."""
        if self.ended.done():
            return
        if self.failure:
            self.ended.set_exception(self.failure)
        else:
            self.ended.set_result(self.result)


class SqliteLedger:
    """A ledger in a file. Its methods run in a thread of their own, in transactions.

    Methods that wait for the file at the same time share a transaction.

    `key` is the key of the HMACs: with another key, no record is found. `patience` is how many
    seconds a method waits while other processes write to the file. `clock` must be the wall clock
    (tests pass their own): all processes share it, and it survives a restart of the machine.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        patience: float = 5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._key = key
        self._patience = patience
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._file: sqlite3.Connection | None = None
        self._jobs: deque[_Job] = deque()  # oldest first

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        return await self._transaction(lambda file: self._claim(file, request))

    async def settle(self, claim: Claim) -> None:
        """See `Ledger`."""
        await self._transaction(lambda file: self._settle(file, claim))

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        with suppress(LedgerUnavailable):
            await self._transaction(lambda file: self._release(file, claim, touched, rest))

    async def look(self, subject: str) -> SubjectView:
        """See `LedgerStore`; other processes may write to the file meanwhile."""
        return await asyncio.to_thread(self._look, subject)

    async def kept(self, after: str, most: int) -> list[Kept]:
        """See `LedgerStore`."""
        return await self._transaction(lambda file: self._kept(file, after, most))

    async def note(self, name: str) -> str | None:
        """See `LedgerStore`."""
        return await self._transaction(lambda file: _note(file, name))

    async def write_note(self, name: str, text: str) -> None:
        """See `LedgerStore`."""
        statement = "REPLACE INTO notes VALUES (?, ?)"
        await self._transaction(lambda file: file.execute(statement, (name, text)).rowcount)

    async def first_note(self, name: str, text: str) -> str:
        """See `LedgerStore`."""
        return await self._transaction(lambda file: _first_note(file, name, text))

    async def count(self, name: str, more: int, seconds: float) -> int:
        """See `LedgerStore`."""
        now = period(self._clock(), seconds)
        given = {"id": name, "period": now, "more": more}
        return await self._transaction(lambda file: _counted(file, given))

    async def close(self) -> None:
        """See `Ledger`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _claim(
        self, file: sqlite3.Connection, request: ClaimRequest
    ) -> Claim | Duplicate | Superseded | Busy:
        done = [record for name in request.identities if (record := self._read_event(file, name))]
        keys, now = self._hashed(request.keys), self._clock()
        known = {name: self._look_up(file, name, now, request.lease) for name in request.subjects}
        verdict = decide(request, done, known)
        if isinstance(verdict, Duplicate | Superseded):
            return verdict
        ends = [end for (end,) in file.execute(_HELD, (json.dumps(keys),))]
        if wait := wait_for(ends, now, request.lease):
            return Busy(wait)
        if request.once and ends and self._is_leased(file, request.identities):
            return Duplicate(crashed=True)
        for name in request.subjects if ends else ():
            self._write_subject(file, name, known[name])  # the new lease replaces an expired one
        claim = Claim(request, uuid4().hex, verdict)
        held = (claim.token, now + request.lease, _text(request.snapshot))
        file.executemany("REPLACE INTO leases VALUES (?, ?, ?, ?)", [(key, *held) for key in keys])
        return claim

    def _look(self, subject: str) -> SubjectView:
        if not self._path.exists():  # the first claim makes it
            return SubjectView(NOBODY, 0)
        try:
            with closing(open_to_read(self._path)) as file:
                now, key = self._clock(), json.dumps(self._hashed([subject]))
                ends = [end for (end,) in file.execute(_HELD, (key,))]
                known = self._look_up(file, subject, now, 0)
                return SubjectView(known, wait_for(ends, now, 0))
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"ledger file: {error}") from error

    def _is_leased(self, file: sqlite3.Connection, names: Iterable[str]) -> bool:
        keys = json.dumps(self._hashed(names))
        return file.execute(_HELD, (keys,)).fetchone() is not None

    def _settle(self, file: sqlite3.Connection, claim: Claim) -> None:
        if not self._free(file, claim):
            raise LostClaim
        request, expires = claim.request, self._clock() + _KEPT
        for name in request.identities:
            event = (self._hash(name), _text(request.snapshot), expires)
            file.execute("REPLACE INTO events VALUES (?, ?, ?)", event)
        for name in set(request.subjects) - claim.dropped:
            self._write_subject(file, name, self._read_subject(file, name).after(request))
            if request.kept is not None:
                kept = (
                    self._hash(name),
                    request.kept,
                    expires if name in request.leave else None,
                )
                file.execute("REPLACE INTO kept VALUES (?, ?, ?)", kept)
        self._sweep(file)

    def _release(
        self, file: sqlite3.Connection, claim: Claim, touched: frozenset[str], rest: float
    ) -> None:
        if rest:
            keys = self._hashed(claim.request.keys)
            ended = (self._clock() + rest, claim.token, json.dumps(keys))
            mine = file.execute(_REST, ended).rowcount == len(keys)
        else:
            mine = self._free(file, claim)
        for name in touched - claim.dropped if mine else ():
            self._write_subject(
                file, name, self._read_subject(file, name).touched(claim.request.snapshot)
            )

    def _write_subject(self, file: sqlite3.Connection, name: str, known: Known) -> None:
        owner = None if known.owner is None else str(known.owner)
        subject = (self._hash(name), _text(known.snapshot), owner, self._clock() + _KEPT)
        file.execute("REPLACE INTO subjects VALUES (?, ?, ?, ?)", subject)

    def _free(self, file: sqlite3.Connection, claim: Claim) -> bool:
        """Free the leases that the claim still holds. Return whether it held all of them."""
        keys = self._hashed(claim.request.keys)
        return file.execute(_FREE, (claim.token, json.dumps(keys))).rowcount == len(keys)

    def _sweep(self, file: sqlite3.Connection) -> None:
        """Delete some of the records that have expired.

        A lease is deleted 100 days after its end: until then its claim may still be settled.
        """
        for statement in _SWEEP.split(";"):
            file.execute(statement, {"now": self._clock()})

    def _read_event(self, file: sqlite3.Connection, name: str) -> Done | None:
        query = "SELECT snapshot FROM events WHERE id = ?"
        row = file.execute(query, (self._hash(name),)).fetchone()
        return Done(_snapshot(row[0])) if row else None

    def _read_subject(self, file: sqlite3.Connection, name: str) -> Known:
        query = "SELECT snapshot, owner FROM subjects WHERE id = ?"
        row = file.execute(query, (self._hash(name),)).fetchone()
        if row is None:
            return NOBODY
        return Known(_snapshot(row[0]), None if row[1] is None else int(row[1]))

    def _look_up(self, file: sqlite3.Connection, name: str, now: float, longest: float) -> Known:
        """The record of a subject, with the snapshot of a lease on it that has expired."""
        query = "SELECT expires, snapshot FROM leases WHERE id = ?"
        row = file.execute(query, (self._hash(name),)).fetchone()
        expired = row and not in_force(row[0], now, longest)
        return self._read_subject(file, name).touched(_snapshot(row[1]) if expired else None)

    def _kept(self, file: sqlite3.Connection, after: str, most: int) -> list[Kept]:
        rows, now = file.execute(_KEPT_AFTER, (after, most)), self._clock()
        return [
            Kept(key, state, leased=until is not None and in_force(until, now, 0))
            for key, state, until in rows
        ]

    def _hash(self, name: str) -> str:
        return hmac.digest(self._key, name.encode(), "sha256").hex()

    def _hashed(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._hash(name) for name in names)

    async def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        job = _Job(work, time.monotonic() + self._patience)
        self._jobs.append(job)
        if len(self._jobs) == 1:  # otherwise the thread is at work and will take this job, too
            try:
                asyncio.get_running_loop().run_in_executor(self._thread, self._do_jobs)
            except RuntimeError:  # the ledger was closed
                self._jobs.clear()
                raise
        return cast(T, await job.ended)

    def _do_jobs(self) -> None:
        """Do all jobs that wait, and those that are added meanwhile; runs in the thread."""
        while self._jobs:
            jobs = self._transact()
            if jobs:
                jobs[0].ended.get_loop().call_soon_threadsafe(_hand_over, jobs)

    def _transact(self) -> list[_Job]:
        """Do the jobs that wait when the file is free, in one transaction; return those that ended.

        A commit waits for the disk, which takes longer than the work of a dozen events.
        """
        jobs: list[_Job] = []
        try:
            with self._begin(self._jobs[0].deadline) as file:
                jobs = self._take()
                for job in jobs:
                    job.carry_out(file)
        except Exception as error:  # of any kind: no job may be reported as done
            self._close()  # the next transaction begins with a new connection
            jobs = jobs or self._take(time.monotonic() if is_busy(error) else inf)
            for job in jobs:
                job.failure = LedgerUnavailable(f"ledger file: {error}")
        return jobs

    def _take(self, due: float = inf) -> list[_Job]:
        """Take the jobs whose deadline is not later than `due` off the queue, oldest first."""
        jobs: list[_Job] = []
        while self._jobs and self._jobs[0].deadline <= due and len(jobs) < _TOGETHER:
            job = self._jobs.popleft()
            if not job.ended.done():  # otherwise its caller was cancelled
                jobs.append(job)
        return jobs

    def _begin(self, deadline: float) -> sqlite3.Connection:
        """Begin a transaction on a file with the tables of this version; return the connection.

        It waits for other processes until the deadline (monotonic clock).

        Raises:
            LedgerUnavailable: a newer connector, or another program, has written the file.
            sqlite3.Error: the file cannot be used, or others still hold it at the deadline.
        """
        if self._file is None:
            self._file = open_file(self._path, deadline)
            begin(self._file, deadline)
            add_tables(self._file)
        else:
            begin(self._file, deadline)
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _hand_over(jobs: list[_Job]) -> None:
    for job in jobs:
        job.hand_over()


def _note(file: sqlite3.Connection, name: str) -> str | None:
    row = file.execute("SELECT text FROM notes WHERE id = ?", (name,)).fetchone()
    return str(row[0]) if row else None


def _first_note(file: sqlite3.Connection, name: str, text: str) -> str:
    file.execute("INSERT OR IGNORE INTO notes VALUES (?, ?)", (name, text))
    return _note(file, name) or text


def _counted(file: sqlite3.Connection, given: dict[str, Any]) -> int:
    file.execute(_COUNT, given)
    return int(file.execute("SELECT value FROM counters WHERE id = :id", given).fetchone()[0])


def _text(snapshot: Snapshot | None) -> str | None:
    if snapshot is None:
        return None
    return json.dumps(snapshot.numbers)


def _snapshot(text: str | None) -> Snapshot | None:
    return Snapshot(*json.loads(text)) if text else None
