"""The room of SQL with a real PostgreSQL and a real MariaDB.

A test asks the database itself, past the connector, what was done.
"""

import asyncio
import hashlib
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.outcome import Outcome
from connector.plan.holding import summary
from connector.systems.sql.call import SqlCall
from connector.systems.sql.statement import statement
from connector_tools.counterparts.real.mariadb import Mariadb
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import NotInstalled
from tests.support.calls import turn_of
from tests.support.sql import Database, applied, handled, serving, with_calls

INSERT = (
    "{sql: 'insert into cards (imsi, number, plan) values (:imsi, :number, :plan)', "
    "params: {imsi: =sim.imsi, number: =account.msisdn, plan: =account.product_name}}"
)
LOG = "{sql: 'insert into log (entry) values (:entry)', params: {entry: =account.email}}"
HOSTILE = [
    "'; drop table cards; --",
    "\\'; drop table cards; -- ",
    '" or ""="',
    "a\nb\r\nc\t",
    "%_*)(..\\",
    "$1 ? :imsi :: /* x */",
    "Ада \U0001f4f1 ß",
    "x" * 10_000,
    "",
]


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Database]:
    running: Postgresql | Mariadb = Postgresql() if request.param == "postgresql" else Mariadb()
    try:
        with running:
            database = Database(running, request.param)
            database.setup()
            yield database
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture
def database(server: Database) -> Database:
    server.clear()
    return server


# What is done


async def test_a_statement_changes_a_row(database: Database, tmp_path: Path) -> None:
    result, record = await applied(tmp_path, database.head() + with_calls(INSERT))
    assert result.outcome is Outcome.APPLIED, result
    assert database.run("select imsi, number, plan from cards") == [
        ["001010000000001", "420700000001", "Mobile L"]
    ]
    (call, reply) = record.calls[0]
    assert (call.method, call.target) == ("INSERT", "cards")
    assert reply.seen["count"] == 1


async def test_a_reply_has_rows_with_values_as_in_json(database: Database, tmp_path: Path) -> None:
    database.run(
        "insert into cards values ('1', null, 'a', 12.50, '2026-03-02 10:15:32', true),"
        " ('2', '7', 'b', 3.00, null, false)"
    )
    read = "{id: found, sql: 'select * from cards order by imsi'}"
    result, record = await applied(tmp_path, database.head() + with_calls(read))
    assert result.outcome is Outcome.APPLIED, result
    seen = record.calls[0][1].seen
    assert seen["count"] == 2
    assert seen["row"] == seen["rows"][0]
    assert seen["rows"][0] == {
        "imsi": "1",
        "number": None,
        "plan": "a",
        "quota": 12.5,
        "seen": "2026-03-02T10:15:32",
        "barred": True,
    }
    assert seen["rows"][1]["quota"] == 3
    assert isinstance(seen["rows"][1]["quota"], int)


async def test_values_get_the_types_of_their_columns(database: Database, tmp_path: Path) -> None:
    insert = (
        "{sql: 'insert into cards values (:imsi, null, :plan, :quota, :seen, :barred)', params: "
        "{imsi: =account.i_account, plan: 7, quota: '12.50', seen: '2026-03-02T10:15:32', "
        "barred: =account.blocked}}"
    )
    result, _ = await applied(tmp_path, database.head() + with_calls(insert))
    assert result.outcome is Outcome.APPLIED, result
    found = database.run("select imsi, plan, quota, seen, barred from cards")[0]
    assert found[:4] == ["277147", "7", "12.50", "2026-03-02 10:15:32"]
    assert found[4] in ("f", "0")


@pytest.mark.parametrize("value", HOSTILE)
async def test_hostile_text_is_data(database: Database, tmp_path: Path, value: str) -> None:
    text = database.head() + with_calls(LOG)
    result, _ = await applied(tmp_path, text, change={"pb_data.account_info.email": value})
    assert result.outcome is Outcome.APPLIED, result
    assert database.run("select count(*) from cards") == [["0"]]
    assert database.run("select md5(entry) from log") == [[digest(value)]]


def digest(text: str) -> str:
    """As `md5` of both databases."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def test_any_text_is_data(database: Database, tmp_path: Path) -> None:
    """Also text that PostgreSQL cannot hold: it is refused, and nothing is changed."""
    texts = st.lists(st.text(max_size=40), min_size=5, max_size=30)

    async def sent(values: list[str]) -> None:
        async with serving(tmp_path, database.head() + with_calls(LOG)) as pipeline:
            for value in values:
                database_text = {"pb_data.account_info.email": value}
                result, _ = await handled(pipeline, change=database_text)
                refused = "\0" in value and database.driver == "postgresql"
                assert (result.outcome is Outcome.REJECTED) == refused, (value, result)

    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts)
    def check(values: list[str]) -> None:
        database.clear()
        in_a_loop(sent(values))
        kept = [value for value in values if "\0" not in value or database.driver == "mariadb"]
        found = sorted(row[0] for row in database.run("select md5(entry) from log"))
        assert found == sorted(digest(value) for value in kept)

    await asyncio.to_thread(check)


def in_a_loop(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


Cases = dict[str, list[tuple[Any, Any]]]
TYPED: Cases = {
    "decimal(40,2)": [(10**30, 10**30), ("1" * 30, int("1" * 30)), (-(10**30), -(10**30))],
    "int": [(10**30, None), ("1_000", None), ("\u0663", None), ("2147483648", None)],
    "time": [(10**29, None), ("09:00:00", "09:00:00"), ("x", None)],
    "date": [("10.0.0.1", None), ("0000-00-00", None), ("2026-11-29", "2026-11-29")],
}
BY_DRIVER: dict[str, Cases] = {
    "postgresql": {
        "numeric": [("1_000", None)],
        "interval": [(90, "00:01:30"), ("-30:00:00.5", "-30:00:00.500000")],
    },
    "mariadb": {
        "time": [
            (10**29, None),
            ("09:00:00", "09:00:00"),
            (-1, "-00:00:01"),
            ("30:00:00", "30:00:00"),
        ]
    },
}


async def test_a_value_of_another_form_is_refused_and_never_changed(
    database: Database, tmp_path: Path
) -> None:
    """None stands for a value that is refused; the others are read as they are here."""
    types = TYPED | BY_DRIVER[database.driver]
    write = "{sql: 'insert into typed values (:value)', params: {value: =%s}}"
    read = "{sql: 'select a from typed'}"
    for kind, cases in types.items():
        for value, expected in cases:
            database.make_table("typed", f"a {kind}")
            text = database.head() + with_calls(write % json.dumps(value), read)
            result, record = await applied(tmp_path, text)
            refused = result.outcome is Outcome.REJECTED
            assert refused == (expected is None), (kind, value, result)
            assert refused or record.calls[1][1].seen["row"]["a"] == expected, (kind, value)


# One transaction


async def test_all_calls_of_an_event_are_one_transaction(
    database: Database, tmp_path: Path
) -> None:
    broken = "{sql: 'insert into cards (imsi, number) values (:imsi, null)', params: {imsi: '2'}}"
    text = database.head() + with_calls(INSERT, LOG, broken)
    result, record = await applied(tmp_path, text)
    assert result.outcome is Outcome.REJECTED
    assert [reply.outcome for _, reply in record.calls] == ["applied", "applied", "rejected"]
    assert record.touched == set(), "nothing lasts"
    assert database.run("select count(*) from cards") == [["0"]]
    assert database.run("select count(*) from log") == [["0"]]


async def test_an_error_that_the_mapping_accepts_undoes_its_statement_only(
    database: Database, tmp_path: Path
) -> None:
    database.run("insert into cards (imsi, plan) values ('001010000000001', 'old')")
    again = INSERT.replace("{sql", "{accept: [unique], sql")
    result, _ = await applied(tmp_path, database.head() + with_calls(LOG, again, LOG))
    assert result.outcome is Outcome.APPLIED, result
    assert database.run("select plan from cards") == [["old"]]
    assert database.run("select count(*) from log") == [["2"]]


async def test_a_reading_that_the_mapping_accepts_leaves_the_transaction_as_it_is(
    database: Database, tmp_path: Path
) -> None:
    reading = "{sql: 'select * from no_such_table', accept: [statement, permission]}"
    text = database.head() + with_calls(INSERT, reading, LOG)
    result, _ = await applied(tmp_path, text)
    assert result.outcome is Outcome.APPLIED, result
    assert database.run("select count(*) from cards union all select count(*) from log") == [
        ["1"],
        ["1"],
    ]


async def test_a_connection_serves_one_event_after_the_other(
    database: Database, tmp_path: Path
) -> None:
    who = "pg_backend_pid()" if database.driver == "postgresql" else "connection_id()"
    call = f"{{id: found, sql: 'select {who} as number'}}"
    async with serving(tmp_path, database.head() + with_calls(call, LOG)) as pipeline:
        numbers = set()
        for _ in range(5):
            _, record = await handled(pipeline)
            numbers.add(record.calls[0][1].seen["row"]["number"])
    assert len(numbers) == 1
    assert database.run("select count(*) from log") == [["5"]]


async def test_a_turn_that_may_only_read_cannot_write(database: Database, tmp_path: Path) -> None:
    async with serving(tmp_path, database.head() + with_calls(LOG)) as pipeline:
        call = SqlCall("", "INSERT", "log", statement=statement("insert into log values ('x')"))
        turn = turn_of(5)
        turn.read_only = True
        reply = await pipeline.system.send(call, turn)
        pipeline.system.leave(turn)
    assert (reply.outcome, reply.seen["error"]) == (Outcome.UNAVAILABLE, "read_only")
    assert database.run("select count(*) from log") == [["0"]]


# Rows as resources

RESOURCES = """\
resources:
  card:
    of: [imsi]
    read: {sql: "select number, plan from cards where imsi = :imsi", params: {imsi: =imsi}}
    want: {number: =account.msisdn, plan: =account.product_name}
    create:
      sql: insert into cards (imsi, number, plan) values (:imsi, :number, :plan)
      params: {imsi: =imsi, number: =want.number, plan: =want.plan}
    change:
      sql: update cards set number = :number, plan = :plan where imsi = :imsi
      params: {imsi: =imsi, number: =want.number, plan: =want.plan}
    remove: {sql: "delete from cards where imsi = :imsi", params: {imsi: =imsi}}
rules:
  - name: a card changed
    on: SIM/Updated
    require: [{that: account, because: account_info is missing}]
    hold: {imsi: =sim.imsi}
  - name: a card is gone
    on: SIM/Deleted
    remove: {imsi: =sim.imsi}
"""
HELD = [["001010000000001", "420700000001", "Mobile L"]]
CARDS = "select imsi, number, plan from cards"


@pytest.mark.parametrize(
    ("before", "calls", "differs"),
    [
        ("", ["SELECT", "INSERT"], "created"),
        ("('001010000000001', '420700000001', 'old')", ["SELECT", "UPDATE"], "plan"),
        ("('001010000000001', '420700000001', 'Mobile L')", ["SELECT"], "unchanged"),
    ],
)
async def test_a_row_is_created_or_changed_if_it_differs(
    database: Database, tmp_path: Path, before: str, calls: list[str], differs: str
) -> None:
    if before:
        database.run(f"insert into cards (imsi, number, plan) values {before}")  # noqa: S608 - ours
    result, record = await applied(tmp_path, database.head() + RESOURCES)
    assert result.outcome is Outcome.APPLIED, result
    assert [call.method for call, _ in record.calls] == calls
    assert record.plan
    assert summary(record.replies, record.plan.steps) == {"card": differs}
    assert database.run(CARDS) == HELD


async def test_a_row_is_removed_and_a_missing_row_needs_nothing(
    database: Database, tmp_path: Path
) -> None:
    database.run("insert into cards (imsi, plan) values ('001010000000001', 'a'), ('2', 'b')")
    for calls in (["SELECT", "DELETE"], ["SELECT"]):
        result, record = await applied(tmp_path, database.head() + RESOURCES, name="sim-deleted")
        assert result.outcome is Outcome.APPLIED, result
        assert [call.method for call, _ in record.calls] == calls
    assert database.run("select imsi from cards") == [["2"]]


async def test_a_row_that_somebody_else_inserts_meanwhile_is_read_again(
    database: Database, tmp_path: Path
) -> None:
    """The insert waits for the other transaction, and is refused when that one commits."""
    other = "insert into cards (imsi, number, plan) values ('001010000000001', null, 'old')"
    with meanwhile(database, other, 0.7) as begun:
        await asyncio.to_thread(begun.wait)
        result, record = await applied(tmp_path, database.head() + RESOURCES)
    assert result.outcome is Outcome.APPLIED, result
    assert [call.method for call, _ in record.calls] == ["SELECT", "INSERT", "SELECT", "UPDATE"]
    assert database.run(CARDS) == HELD


async def test_a_row_that_somebody_else_deletes_meanwhile_is_created(
    database: Database, tmp_path: Path
) -> None:
    database.run("insert into cards (imsi, plan) values ('001010000000001', 'old')")
    other = "delete from cards where imsi = '001010000000001'"
    with meanwhile(database, other, 0.7) as begun:
        await asyncio.to_thread(begun.wait)
        result, record = await applied(tmp_path, database.head() + RESOURCES)
    assert result.outcome is Outcome.APPLIED, result
    assert [call.method for call, _ in record.calls] == ["SELECT", "UPDATE", "SELECT", "INSERT"]
    assert database.run(CARDS) == HELD


async def test_a_value_that_another_row_has_is_refused_and_can_be_tried_again(
    database: Database, tmp_path: Path
) -> None:
    database.run("insert into cards (imsi, number, plan) values ('2', '420700000001', 'b')")
    result, record = await applied(tmp_path, database.head() + RESOURCES)
    assert result.outcome is Outcome.FAILED
    assert result.reason and "another row has this value already" in result.reason
    assert "420700000001" not in f"{result.reason} {result.cause}"
    assert record.touched == set()
    assert database.run("select imsi from cards") == [["2"]]


_CLIENT_STARTS = 1.5  # seconds within which the program of the other client has begun


@contextmanager
def meanwhile(database: Database, sql: str, seconds: float) -> Iterator[threading.Event]:
    """Another client that does this and commits so many seconds later."""
    begun = threading.Event()
    sleep = "pg_sleep" if database.driver == "postgresql" else "sleep"

    def work() -> None:
        threading.Timer(_CLIENT_STARTS, begun.set).start()
        database.run(f"begin; {sql}; select {sleep}({seconds + _CLIENT_STARTS}); commit;")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield begun
    finally:
        thread.join()
