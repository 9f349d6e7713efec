"""The ledger in SQLite: several processes, crashes, a locked file, a file that cannot be used."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest

from connector.ledger.records import Busy, Claim, Duplicate, LedgerUnavailable, LostClaim
from connector.ledger.sqlite import SqliteLedger
from tests.support.contender import crash, race
from tests.support.ledgers import LEASE, Clock, claim_request

DAY = 86400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(path, b"key", patience=0.5)
    yield opened
    await opened.close()


@pytest.fixture
def held() -> Iterator[Event]:
    """An event for the ledger's thread to wait for, so that methods queue up."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def something_else(path: Path) -> Iterator[Path]:
    path.write_text("something else\n" * 100)
    yield path
    assert path.read_text() == "something else\n" * 100


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep the file locked, as another process in a long transaction does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def applied(ledger: SqliteLedger, name: str = "event:a") -> None:
    claim = await ledger.claim(claim_request(name))
    assert isinstance(claim, Claim)
    await ledger.settle(claim)


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


async def test_records_and_leases_survive_a_restart(path: Path) -> None:
    ledger = SqliteLedger(path, b"key")
    await applied(ledger, "event:a")
    assert isinstance(await ledger.claim(claim_request("event:b", about=("imsi:2",))), Claim)
    await ledger.close()
    again = SqliteLedger(path, b"key")
    assert await again.claim(claim_request("event:a")) == Duplicate()
    assert isinstance(await again.claim(claim_request("event:c", about=("imsi:2",))), Busy)
    await again.close()


def test_events_of_one_subject_never_overlap_in_several_processes(
    path: Path, tmp_path: Path
) -> None:
    race("sqlite", str(path), tmp_path / "log")


async def test_a_claim_waits_while_another_process_makes_the_file(
    path: Path, ledger: SqliteLedger
) -> None:
    """SQLite itself does not wait: it fails at once to turn such a file to WAL."""
    with locked(path):
        waiting = asyncio.create_task(ledger.claim(claim_request()))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert isinstance(await waiting, Claim)


def test_a_killed_process_frees_its_subject_when_its_lease_expires(
    path: Path, tmp_path: Path
) -> None:
    crash("sqlite", str(path), tmp_path / "log")
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_claim_waits_while_the_file_is_locked(path: Path, ledger: SqliteLedger) -> None:
    await applied(ledger)
    with locked(path):
        waiting = asyncio.create_task(ledger.claim(claim_request("event:b")))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert isinstance(await waiting, Claim)


async def test_a_file_that_stays_locked_is_unavailable_until_it_is_free(
    path: Path, ledger: SqliteLedger
) -> None:
    await applied(ledger)
    claim = await ledger.claim(claim_request("event:b"))
    assert isinstance(claim, Claim)
    with locked(path):
        with pytest.raises(LedgerUnavailable, match="locked"):
            await ledger.claim(claim_request("event:c", about=()))
        with pytest.raises(LedgerUnavailable, match="locked"):
            await ledger.settle(claim)
    await ledger.settle(claim)


async def test_many_claims_wait_for_a_locked_file_together(
    path: Path, ledger: SqliteLedger
) -> None:
    await applied(ledger)
    started = time.monotonic()
    with locked(path):
        claims = [ledger.claim(claim_request(f"event:{number}")) for number in range(50)]
        verdicts = await asyncio.gather(*claims, return_exceptions=True)
    assert {type(verdict) for verdict in verdicts} == {LedgerUnavailable}
    assert time.monotonic() - started < 10  # one after the other would take 50 times half a second


async def test_each_claim_waits_for_a_locked_file_for_its_own_time(
    path: Path, ledger: SqliteLedger
) -> None:
    await applied(ledger)
    with locked(path):
        first = asyncio.create_task(ledger.claim(claim_request("event:b", about=("imsi:2",))))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(ledger.claim(claim_request("event:c", about=("imsi:3",))))
        await asyncio.sleep(0.3)
        third = asyncio.create_task(ledger.claim(claim_request("event:d", about=("imsi:4",))))
        with pytest.raises(LedgerUnavailable, match="locked"):
            await first
        assert not second.done()
        with pytest.raises(LedgerUnavailable, match="locked"):
            await second
        assert not third.done()
    assert isinstance(await third, Claim)


async def test_a_claim_that_was_cancelled_while_the_file_was_locked_holds_no_lease(
    path: Path, ledger: SqliteLedger
) -> None:
    await applied(ledger)
    with locked(path):
        given_up = asyncio.create_task(ledger.claim(claim_request("event:b")))
        await asyncio.sleep(0.1)
        given_up.cancel()
        await asyncio.sleep(0)
    assert isinstance(await ledger.claim(claim_request("event:b")), Claim)


async def test_methods_that_wait_share_a_transaction_and_fail_alone(
    ledger: SqliteLedger, held: Event
) -> None:
    claim = await ledger.claim(claim_request())
    assert isinstance(claim, Claim)
    await ledger.settle(claim)
    statements: list[str] = []
    assert ledger._file
    ledger._thread.submit(ledger._file.set_trace_callback, statements.append).result()
    ledger._thread.submit(held.wait)
    asked = [ledger.claim(claim_request(f"event:{n}", about=(f"imsi:{n}",))) for n in range(20)]
    asked.insert(10, ledger.settle(claim))  # type: ignore[arg-type]  # gives no claim
    waiting = [asyncio.create_task(each) for each in asked]
    await asyncio.sleep(0)
    held.set()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(ended.pop(10), LostClaim)
    assert {type(verdict) for verdict in ended} == {Claim}
    assert statements.count("COMMIT") == 1
    assert isinstance(await ledger.claim(claim_request("event:0", about=())), Busy)


async def test_a_result_is_handed_over_before_the_next_transaction(
    path: Path, ledger: SqliteLedger, held: Event
) -> None:
    await applied(ledger)
    with locked(path):
        first = asyncio.create_task(ledger.claim(claim_request("event:b", about=("imsi:2",))))
        await asyncio.sleep(0.1)
        ledger._thread.submit(held.wait)
        second = asyncio.create_task(ledger.claim(claim_request("event:c", about=("imsi:3",))))
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert isinstance(await first, Claim)
        assert isinstance(await second, Claim)


async def test_a_closed_ledger_refuses_each_method(path: Path) -> None:
    ledger = SqliteLedger(path, b"key")
    await ledger.close()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="shutdown"):
            async with asyncio.timeout(5):
                await ledger.claim(claim_request())


async def test_an_unexpected_error_of_the_file_settles_nothing(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = await ledger.claim(claim_request())
    assert isinstance(claim, Claim)
    with monkeypatch.context() as patched:
        patched.setattr(SqliteLedger, "_begin", lambda *_: 1 / 0)
        with pytest.raises(LedgerUnavailable, match="zero"):
            await ledger.settle(claim)
    await ledger.settle(claim)


async def test_a_claim_that_was_cancelled_while_it_waited_is_not_carried_out(
    ledger: SqliteLedger, held: Event
) -> None:
    ledger._thread.submit(held.wait)
    given_up = asyncio.create_task(ledger.claim(claim_request()))
    other = asyncio.create_task(ledger.claim(claim_request("event:b", about=())))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.sleep(0)
    held.set()
    assert isinstance(await other, Claim)
    assert isinstance(await ledger.claim(claim_request()), Claim)


async def test_the_event_loop_goes_on_while_the_file_is_locked(
    path: Path, ledger: SqliteLedger
) -> None:
    await applied(ledger)
    with locked(path):
        waiting = asyncio.create_task(ledger.claim(claim_request("event:b")))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
    assert turns > 5
    with pytest.raises(LedgerUnavailable):
        await waiting


async def test_a_claim_that_cannot_be_released_expires(path: Path) -> None:
    clock = Clock()
    ledger = SqliteLedger(path, b"key", patience=0.2, clock=clock)
    claim = await ledger.claim(claim_request())
    assert isinstance(claim, Claim)
    with locked(path):
        await ledger.release(claim)
    assert isinstance(await ledger.claim(claim_request()), Busy)
    await clock.pass_by(LEASE + 1)
    assert isinstance(await ledger.claim(claim_request()), Claim)
    await ledger.close()


@pytest.mark.parametrize("place", ["missing/ledger", "."], ids=["no folder", "a folder"])
async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path, place: str) -> None:
    ledger = SqliteLedger(tmp_path / place, b"key")
    with pytest.raises(LedgerUnavailable, match="unable to open"):
        await ledger.claim(claim_request())
    await ledger.close()


async def test_a_file_that_is_no_database_is_unavailable_and_not_changed(
    something_else: Path,
) -> None:
    ledger = SqliteLedger(something_else, b"key")
    with pytest.raises(LedgerUnavailable, match="not a database"):
        await ledger.claim(claim_request())
    await ledger.close()


async def test_records_older_than_a_hundred_days_are_deleted(path: Path) -> None:
    clock = Clock()
    ledger = SqliteLedger(path, b"key", clock=clock)
    await applied(ledger, "event:a")
    await clock.pass_by(99 * DAY)
    assert await ledger.claim(claim_request("event:a")) == Duplicate()
    await ledger.claim(claim_request("event:crashed", about=("imsi:crashed",)))
    await clock.pass_by(2 * DAY)
    await applied(ledger, "event:b")
    assert (rows(path, "events"), rows(path, "subjects"), rows(path, "leases")) == (1, 1, 2)
    await clock.pass_by(100 * DAY)
    await applied(ledger, "event:c")
    assert rows(path, "leases") == 0
    await ledger.close()


async def test_the_file_has_no_name_in_clear_text(path: Path, ledger: SqliteLedger) -> None:
    wanted = claim_request("event:9d2f5c10b7e4", about=("imsi:001010000000001",))
    claim = await ledger.claim(wanted)
    assert isinstance(claim, Claim)
    await ledger.settle(claim)
    await ledger.claim(claim_request("event:77aa0e3f41c8", about=("imsi:001010000000002",)))
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"[10, 0, 0]" in written
    for name in (b"9d2f5c10b7e4", b"77aa0e3f41c8", b"imsi", b"00101000000000"):
        assert name not in written


async def test_with_another_key_no_record_is_found(path: Path, ledger: SqliteLedger) -> None:
    await applied(ledger)
    other = SqliteLedger(path, b"another key")
    await applied(other)
    await other.close()
