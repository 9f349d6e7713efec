"""A ledger file that an older connector, a newer one, or another program has written."""

import asyncio
import hmac
import json
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.ledger.records import Busy, Claim, Duplicate, LedgerUnavailable, Superseded
from connector.ledger.sqlite import SqliteLedger
from tests.support.contender import race
from tests.support.ledgers import at, claim_request

# The text that connectors of version 0 ran when they opened a file.
VERSION_0 = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, outcome TEXT NOT NULL, snapshot TEXT, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subjects (
    id TEXT PRIMARY KEY, snapshot TEXT, owner TEXT, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    id TEXT PRIMARY KEY, token TEXT NOT NULL, expires REAL NOT NULL, snapshot TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_expire ON events (expires);
CREATE INDEX IF NOT EXISTS subjects_expire ON subjects (expires);
CREATE INDEX IF NOT EXISTS leases_expire ON leases (expires);
"""
TABLES = ("events", "subjects", "leases")
NOW = time.time()
LATER = NOW + 86400
HELD = claim_request("event:held", about=("imsi:3",), snapshot=at(20))


def hashed(name: str) -> str:
    return hmac.digest(b"key", name.encode(), "sha256").hex()


def text(second: float, created: float = 0) -> str:
    return json.dumps([second, created, 0])


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        yield file


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of version 0: two events, two subjects, a lease that is held and one that expired."""
    path = tmp_path / "ledger"
    with opened(path) as file:
        file.executescript(VERSION_0)
        for event in (
            (hashed("event:a"), "applied", text(10), LATER),
            (hashed("event:b"), "applied", None, LATER),
        ):
            file.execute("REPLACE INTO events VALUES (?, ?, ?, ?)", event)
        for subject in (
            (hashed("imsi:1"), text(10), "1", LATER),
            (hashed("imsi:2"), text(10, created=9), "2", LATER),
        ):
            file.execute("REPLACE INTO subjects VALUES (?, ?, ?, ?)", subject)
        for lease in (
            (hashed("event:held"), "token", time.time() + 500, text(20)),
            (hashed("imsi:3"), "token", time.time() + 500, text(20)),
            (hashed("event:crashed"), "other", NOW - 1, text(20)),
            (hashed("imsi:4"), "other", NOW - 1, text(20)),
        ):
            file.execute("REPLACE INTO leases VALUES (?, ?, ?, ?)", lease)
    return path


def version(path: Path) -> int:
    with opened(path) as file:
        return int(file.execute("PRAGMA user_version").fetchone()[0])


def contents(path: Path) -> dict[str, list[Any]]:
    with opened(path) as file:
        return {
            table: sorted(file.execute(f"SELECT * FROM {table}"))  # noqa: S608 - from TABLES
            for table in TABLES
        }


def schema(path: Path) -> set[tuple[str, str]]:
    with opened(path) as file:
        found = file.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {(name, sql.strip()) for name, sql in found}


async def migrate(path: Path) -> None:
    """Open the file as a connector does for its first event."""
    ledger = SqliteLedger(path, b"key")
    assert await ledger.claim(claim_request("event:a", about=())) == Duplicate()
    await ledger.close()


async def test_an_old_file_is_migrated_with_all_records_and_leases(old: Path) -> None:
    before = contents(old)
    await migrate(old)
    assert version(old) == 1
    assert contents(old) == before | {
        "events": [(name, snapshot, expires) for name, _, snapshot, expires in before["events"]]
    }


async def test_a_migrated_file_has_the_tables_of_a_new_one(old: Path, tmp_path: Path) -> None:
    await migrate(old)
    new = tmp_path / "new"
    ledger = SqliteLedger(new, b"key")
    await ledger.claim(claim_request())
    await ledger.close()
    assert version(new) == version(old)
    assert schema(new) == schema(old)


async def test_the_records_of_an_old_file_decide_as_before(old: Path) -> None:
    ledger = SqliteLedger(old, b"key")
    assert await ledger.claim(claim_request("event:a", about=())) == Duplicate()
    assert await ledger.claim(claim_request("event:b", about=())) == Duplicate()
    assert (
        await ledger.claim(claim_request("event:new", about=("imsi:1",), snapshot=at(9)))
        == Superseded()
    )
    release = claim_request(
        "event:swap", about=("imsi:2",), released=frozenset({"imsi:2"}), owner=1
    )
    assert await ledger.claim(release._replace(snapshot=at(30))) == Superseded()
    assert isinstance(await ledger.claim(claim_request("event:new", about=("imsi:3",))), Busy)
    late = claim_request("event:late", about=("imsi:4",), snapshot=at(10))
    assert await ledger.claim(late) == Superseded(), "the crashed event may have been applied"
    await ledger.close()


async def test_a_claim_that_an_old_connector_made_can_be_settled(old: Path) -> None:
    ledger = SqliteLedger(old, b"key")
    await ledger.settle(Claim(HELD, "token"))
    assert await ledger.claim(HELD) == Duplicate()
    await ledger.close()


async def test_a_migration_that_fails_changes_nothing(old: Path) -> None:
    """The last statement fails here, because another table has an index of that name."""
    with opened(old) as file:
        file.execute("DROP INDEX events_expire")
        file.execute("CREATE INDEX events_expire ON subjects (owner)")
    before, tables = contents(old), schema(old)
    ledger = SqliteLedger(old, b"key")
    with pytest.raises(LedgerUnavailable, match="events_expire already exists"):
        await ledger.claim(claim_request())
    await ledger.close()
    assert (version(old), contents(old), schema(old)) == (0, before, tables)


def test_processes_that_open_an_old_file_at_once_migrate_it_once(old: Path, tmp_path: Path) -> None:
    many = [(f"{number:064}", "applied", text(10), LATER) for number in range(50_000)]
    with opened(old) as file:  # so that the migration takes some tenths of a second
        file.execute("BEGIN")
        file.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", many)
        file.execute("COMMIT")
    before = contents(old)
    race("sqlite", str(old), tmp_path / "log")
    after = contents(old)
    assert version(old) == 1
    assert {(name, snapshot, expires) for name, _, snapshot, expires in before["events"]} < set(
        after["events"]
    )
    assert set(before["subjects"]) - set(after["subjects"]) == {
        row for row in before["subjects"] if row[0] == hashed("imsi:1")
    }, "the race is about imsi:1 and changes no other subject"
    assert set(before["leases"]) <= set(after["leases"])


async def test_connections_that_open_an_old_file_at_once_migrate_it_once(old: Path) -> None:
    ledgers = [SqliteLedger(old, b"key") for _ in range(8)]
    event = claim_request("event:new", about=("imsi:5",))
    verdicts = await asyncio.gather(*(ledger.claim(event) for ledger in ledgers))
    assert sorted(type(verdict).__name__ for verdict in verdicts) == [*["Busy"] * 7, "Claim"]
    for ledger in ledgers:
        await ledger.close()


async def test_an_old_connector_gets_an_error_from_a_migrated_file(old: Path) -> None:
    """So it answers 503, and does not apply again what was applied."""
    with opened(old) as older:
        query = "SELECT outcome, snapshot FROM events WHERE id = ?"
        assert older.execute(query, (hashed("event:a"),)).fetchone()
        await migrate(old)
        with pytest.raises(sqlite3.OperationalError, match="no such column: outcome"):
            older.execute(query, (hashed("event:a"),))
        with pytest.raises(sqlite3.OperationalError, match="has 3 columns but 4 values"):
            older.execute("REPLACE INTO events VALUES ('x', 'applied', NULL, 0)")


async def test_a_file_of_a_newer_connector_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with opened(path) as file:
        file.execute("PRAGMA user_version = 2")
        file.execute("CREATE TABLE events (id TEXT PRIMARY KEY)")
    before = path.read_bytes()
    ledger = SqliteLedger(path, b"key")
    with pytest.raises(LedgerUnavailable) as refused:
        await ledger.claim(claim_request())
    await ledger.close()
    assert str(refused.value) == (
        "ledger file: it has version 2, and this connector knows versions up to 1: "
        "use the newer connector, or name another file in LEDGER_URL"
    )
    assert path.read_bytes() == before


async def test_a_file_that_a_newer_connector_migrates_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = SqliteLedger(path, b"key")
    claim = await ledger.claim(claim_request())
    assert isinstance(claim, Claim)
    with opened(path) as file:
        file.execute("PRAGMA user_version = 2")
    with pytest.raises(LedgerUnavailable, match="version 2"):
        await ledger.settle(claim)
    await ledger.close()


async def test_a_file_with_a_table_of_another_program_is_refused_and_not_changed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger"
    with opened(path) as file:
        file.execute("CREATE TABLE events (day TEXT, what TEXT)")
    before = schema(path)
    ledger = SqliteLedger(path, b"key")
    with pytest.raises(LedgerUnavailable, match="name another file in LEDGER_URL"):
        await ledger.claim(claim_request())
    await ledger.close()
    assert (version(path), schema(path)) == (0, before)


def test_a_look_changes_no_old_file_and_makes_no_new_one(old: Path, tmp_path: Path) -> None:
    """`connector history` may be newer than the function that serves with the file."""
    old.chmod(0o640)
    before = old.read_bytes()
    view = asyncio.run(SqliteLedger(old, b"key").look("imsi:1"))
    assert view.known.snapshot is not None
    assert old.read_bytes() == before
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    with opened(old) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (0,)
    missing = tmp_path / "missing"
    view = asyncio.run(SqliteLedger(missing, b"key").look("imsi:1"))
    assert view.known.snapshot is None
    assert not missing.exists()


async def test_a_look_at_a_file_of_a_newer_connector_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with opened(path) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerUnavailable, match="has version 99"):
        await SqliteLedger(path, b"key").look("imsi:1")
