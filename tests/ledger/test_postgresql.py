"""The ledger in PostgreSQL: round trips, instances, crashes, a server that goes away, a pooler."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from connector import log
from connector.ledger.postgresql import PostgresqlLedger
from connector.ledger.postgresql_database import Login
from connector.ledger.records import (
    Busy,
    Claim,
    Duplicate,
    LedgerUnavailable,
    LostClaim,
    Superseded,
)
from connector.settings import PostgresqlUrl
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import NotInstalled
from tests.support.contender import crash, race
from tests.support.ledgers import Clock, at, claim_request
from tests.support.pgbouncer import PgBouncer
from tests.support.postgresql import PASSWORD, new_database, started
from tests.support.postgresql_wire import Wire

LOGIN = Login(lambda: PASSWORD)


@pytest.fixture
async def ledger(url: PostgresqlUrl) -> AsyncIterator[PostgresqlLedger]:
    opened = PostgresqlLedger(url, b"key", LOGIN)
    yield opened
    await opened.close()


@pytest.fixture
async def wire(server: Postgresql) -> AsyncIterator[Wire]:
    async with Wire(server.port) as opened:
        yield opened


@pytest.fixture
async def wired(wire: Wire, url: PostgresqlUrl) -> AsyncIterator[PostgresqlLedger]:
    """A ledger that reaches the server through `wire`, with all of its statements prepared."""
    opened = PostgresqlLedger(url._replace(port=wire.port), b"key", LOGIN)
    await opened.settle(await granted(opened, "event:warm", about=("imsi:warm",)))
    await opened.release(await granted(opened, "event:up", about=("imsi:up",)))
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgresql]:
    """A server that a test may stop."""
    server = started(Postgresql())
    yield server
    server.__exit__()


@pytest.fixture
async def on_own_server(own_server: Postgresql) -> AsyncIterator[PostgresqlLedger]:
    opened = PostgresqlLedger(new_database(own_server), b"key", LOGIN, patience=2)
    await opened.settle(await granted(opened, "event:old"))
    yield opened
    own_server.resume()
    own_server.start()
    await opened.close()


async def granted(ledger: PostgresqlLedger, name: str, **fields: Any) -> Claim:
    claim = await ledger.claim(claim_request(name, **fields))
    assert isinstance(claim, Claim), claim
    return claim


def rows(server: Postgresql, url: PostgresqlUrl, columns: str = "count(*)") -> list[list[str]]:
    return server.run(f"select {columns} from nsps_names", url.database)  # noqa: S608


async def test_an_event_takes_three_round_trips(wire: Wire, wired: PostgresqlLedger) -> None:
    swap = claim_request("event:a", "espf:1", about=("imsi:1", "imsi:2"))
    before = wire.requests
    claim = await wired.claim(swap)
    assert isinstance(claim, Claim)
    assert wire.requests - before == 2
    await wired.settle(claim)
    assert wire.requests - before == 3
    assert await wired.claim(swap) == Duplicate()
    assert wire.requests - before == 4
    await wired.release(await granted(wired, "event:b"))
    assert wire.requests - before == 7


async def test_names_are_kept_as_hmacs_and_those_of_subjects_begin_as_in_the_log(
    ledger: PostgresqlLedger, server: Postgresql, url: PostgresqlUrl
) -> None:
    subject = "imsi:001010000000001"
    await ledger.settle(await granted(ledger, "event:9d2f", about=(subject,), owner=77))
    found = server.run("select encode(id, 'hex'), n::text from nsps_names as n", url.database)
    assert len(found) == 2
    assert any(row[0].startswith(log.subject_hash(b"key", subject)) for row in found)
    for text in ("9d2f", "imsi", "001010000000001", "event"):
        assert not [row for row in found if text in row[1]]


async def test_a_row_is_kept_for_a_hundred_days_after_an_event(
    ledger: PostgresqlLedger, server: Postgresql, url: PostgresqlUrl
) -> None:
    await ledger.settle(await granted(ledger, "event:a"))
    await granted(ledger, "event:b", about=("imsi:2",))
    days = rows(server, url, "round(extract(epoch from expires - now()) / 86400)")
    assert days == [["100"]] * 4


async def test_expired_rows_are_deleted_and_others_stay(
    server: Postgresql, url: PostgresqlUrl
) -> None:
    clock = Clock(0)
    ledger = PostgresqlLedger(url, b"key", LOGIN, ahead=clock)
    await ledger.settle(await granted(ledger, "event:a", about=("imsi:1",)))
    await ledger.release(await granted(ledger, "event:b", about=("imsi:2",)))
    await granted(ledger, "event:crashed", about=("imsi:3",))
    await clock.pass_by(99 * 86400)
    again = PostgresqlLedger(url, b"key", LOGIN, ahead=clock)
    await again.settle(await granted(again, "event:c", about=("imsi:4",)))
    assert rows(server, url) == [["6"]], "the released rows are gone"
    await clock.pass_by(2 * 86400)
    third = PostgresqlLedger(url, b"key", LOGIN, ahead=clock)
    await third.settle(await granted(third, "event:d", about=("imsi:5",)))
    assert rows(server, url) == [["4"]]
    for one in (ledger, again, third):
        await one.close()


async def test_a_lease_whose_answer_is_lost_is_the_claim_s_own(
    wire: Wire, wired: PostgresqlLedger
) -> None:
    wire.lose(2)
    claim = await granted(wired, "event:a")
    assert wire.lost == 1
    assert isinstance(await wired.claim(claim_request("event:b")), Busy)
    await wired.settle(claim)
    assert await wired.claim(claim_request("event:a")) == Duplicate()


async def test_a_settlement_whose_answer_is_lost_is_found(
    wire: Wire, wired: PostgresqlLedger
) -> None:
    claim = await granted(wired, "event:a")
    wire.lose(1)
    await wired.settle(claim)
    assert wire.lost == 1
    assert await wired.claim(claim_request("event:a")) == Duplicate()
    with pytest.raises(LostClaim):
        await wired.settle(claim)


async def test_a_release_whose_answer_is_lost_frees_the_subject_once(
    wire: Wire, wired: PostgresqlLedger
) -> None:
    claim = await granted(wired, "event:a", snapshot=at(20))
    wire.lose(1)
    await wired.release(claim, frozenset({"imsi:1"}))
    assert wire.lost == 1
    assert await wired.claim(claim_request("event:b", snapshot=at(10))) == Superseded()
    await granted(wired, "event:a", snapshot=at(20))


async def test_connections_that_the_server_ends_are_opened_again(
    ledger: PostgresqlLedger, server: Postgresql, url: PostgresqlUrl
) -> None:
    claims = [granted(ledger, f"event:{n}", about=(f"imsi:{n}",)) for n in range(8)]
    held = await asyncio.gather(*claims)
    server.run(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()",
        url.database,
    )
    await asyncio.gather(*(ledger.settle(claim) for claim in held))
    verdicts = await asyncio.gather(*(ledger.claim(claim.request) for claim in held))
    assert verdicts == [Duplicate()] * 8


async def test_a_caller_that_is_cancelled_leaves_a_ledger_that_works(
    ledger: PostgresqlLedger,
) -> None:
    await ledger.check()
    for pause in (0.0005, 0.001, 0.002, 0.004):
        many = [asyncio.create_task(ledger.claim(claim_request(f"event:{n}"))) for n in range(20)]
        await asyncio.sleep(pause)
        for task in many:
            task.cancel()
        await asyncio.gather(*many, return_exceptions=True)
    await ledger.settle(await granted(ledger, "event:a", about=("imsi:other",)))


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_that_is_down_is_unavailable_and_keeps_all_that_was_recorded(
    own_server: Postgresql, on_own_server: PostgresqlLedger, end: str
) -> None:
    held = await granted(on_own_server, "event:held", about=("imsi:held",))
    await asyncio.to_thread(getattr(own_server, end))
    with pytest.raises(LedgerUnavailable, match="PostgreSQL: "):
        await on_own_server.claim(claim_request("event:b"))
    with pytest.raises(LedgerUnavailable):
        await on_own_server.settle(held)
    await asyncio.to_thread(own_server.start)
    assert await on_own_server.claim(claim_request("event:old")) == Duplicate()
    await on_own_server.settle(held)
    assert await on_own_server.claim(held.request) == Duplicate()


async def test_a_restart_shorter_than_the_patience_is_not_seen(
    own_server: Postgresql, on_own_server: PostgresqlLedger
) -> None:
    patient = PostgresqlLedger(on_own_server._database._url, b"key", LOGIN, patience=20)
    await patient.check()
    await asyncio.to_thread(own_server.stop)
    own_server.start()
    await patient.settle(await granted(patient, "event:b"))
    await patient.close()


async def test_a_server_that_does_not_answer_is_unavailable_within_the_patience(
    own_server: Postgresql, on_own_server: PostgresqlLedger
) -> None:
    own_server.suspend()
    started_at = time.monotonic()
    claims = [on_own_server.claim(claim_request(f"event:{n}")) for n in range(20)]
    verdicts = await asyncio.gather(*claims, return_exceptions=True)
    assert {type(verdict) for verdict in verdicts} == {LedgerUnavailable}
    assert time.monotonic() - started_at < 10  # one after the other would take 40 s
    own_server.resume()
    assert await on_own_server.claim(claim_request("event:old")) == Duplicate()


async def test_a_server_that_turns_read_only_is_unavailable_until_it_takes_changes(
    own_server: Postgresql, on_own_server: PostgresqlLedger
) -> None:
    own_server.read_only(True)
    try:
        with pytest.raises(LedgerUnavailable, match="ReadOnly"):
            await on_own_server.claim(claim_request("event:b"))
    finally:
        own_server.read_only(False)
    await asyncio.sleep(0.2)
    await granted(on_own_server, "event:b")


async def test_of_many_claims_at_once_one_wins(url: PostgresqlUrl) -> None:
    instances = [PostgresqlLedger(url, b"key", LOGIN) for _ in range(5)]
    for number in range(20):
        wanted = [claim_request(f"event:{number}:{n}", snapshot=None) for n in range(10)]
        claims = [instances[n % 5].claim(one) for n, one in enumerate(wanted)]
        verdicts = await asyncio.gather(*claims)
        (winner,) = (one for one in verdicts if isinstance(one, Claim))
        assert {type(one) for one in verdicts} == {Claim, Busy}
        owner = next(one for one in instances if winner.token in one._leased)
        await owner.settle(winner)
    for one in instances:
        await one.close()


_SLOW = """
create function slow() returns trigger language plpgsql as
    'begin perform pg_sleep(0.02); return new; end';
create trigger slow before insert or update on nsps_names for each row execute function slow()
"""


async def test_claims_of_the_same_subjects_in_any_order_never_wait_for_each_other(
    server: Postgresql, url: PostgresqlUrl
) -> None:
    """Rows are locked in one order; a trigger makes each take so long that others meet them."""
    instances = [PostgresqlLedger(url, b"key", LOGIN) for _ in range(4)]
    await instances[0].check()
    server.run(_SLOW, url.database)
    subjects = [f"imsi:{number}" for number in range(5)]
    random = Random(5)  # noqa: S311 - it chooses an order, not a secret
    for turn in range(6):
        wanted = [
            claim_request(
                f"event:{turn}:{n}", about=tuple(random.sample(subjects, 5)), snapshot=None
            )
            for n in range(4)
        ]
        claims = (ledger.claim(one) for ledger, one in zip(instances, wanted, strict=True))
        verdicts = await asyncio.gather(*claims)
        ((ledger, claim),) = (
            (ledger, one)
            for ledger, one in zip(instances, verdicts, strict=True)
            if isinstance(one, Claim)
        )
        await ledger.settle(claim)
    for one in instances:
        await one.close()
    await asyncio.sleep(0.5)  # the server counts when a connection ends
    query = "select deadlocks from pg_stat_database where datname = current_database()"
    assert server.run(query, url.database) == [["0"]]


def place(url: PostgresqlUrl) -> str:
    return f"postgresql://{url.user}@{url.host}:{url.port}/{url.database}?sslmode=disable"


def test_events_of_one_subject_never_overlap_in_several_processes(
    url: PostgresqlUrl, tmp_path: Path
) -> None:
    race("postgresql", place(url), tmp_path / "log")


def test_a_killed_process_frees_its_subject_when_its_lease_expires(
    url: PostgresqlUrl, tmp_path: Path
) -> None:
    crash("postgresql", place(url), tmp_path / "log")


@pytest.fixture
def pooler(server: Postgresql) -> Iterator[PgBouncer]:
    made = PgBouncer(server)
    try:
        with made:
            yield made
    except NotInstalled as missing:
        pytest.skip(str(missing))


async def test_a_pooler_in_transaction_mode_can_stand_before_the_server(
    pooler: PgBouncer, url: PostgresqlUrl
) -> None:
    """There prepared statements would be lost, or those of another client."""
    instances = [PostgresqlLedger(pooler.before(url), b"key", LOGIN) for _ in range(4)]

    async def apply(number: int) -> None:
        ledger = instances[number % 4]
        await ledger.settle(await granted(ledger, f"event:{number}", about=(f"imsi:{number}",)))

    await asyncio.gather(*(apply(number) for number in range(40)))
    wanted = [claim_request(f"event:{number}", about=(f"imsi:{number}",)) for number in range(40)]
    verdicts = await asyncio.gather(*(instances[0].claim(one) for one in wanted))
    assert verdicts == [Duplicate()] * 40
    for one in instances:
        await one.close()


def test_events_never_overlap_behind_a_pooler(
    pooler: PgBouncer, url: PostgresqlUrl, tmp_path: Path
) -> None:
    race("postgresql", place(pooler.before(url)), tmp_path / "log")


async def test_a_pooler_takes_the_limits_of_a_statement(
    pooler: PgBouncer, url: PostgresqlUrl
) -> None:
    ledger = PostgresqlLedger(pooler.before(url), b"key", LOGIN)
    await ledger.check()
    shown = await ledger._database.run("SELECT current_setting('statement_timeout')")
    assert [row[0] for row in shown] == ["3s"]
    await ledger.close()
