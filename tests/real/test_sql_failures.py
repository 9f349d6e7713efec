"""What errors and outages of real databases mean: outcomes, and what is left in the tables."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connector.outcome import Outcome
from connector_tools.counterparts.real.mariadb import Mariadb
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import NotInstalled
from tests.support.sql import PASSWORD, Database, applied, handled, serving, with_calls

INSERT = (
    "{sql: 'insert into cards (imsi, number, plan) values (:imsi, :number, :plan)', "
    "params: {imsi: =sim.imsi, number: =account.msisdn, plan: =account.product_name}}"
)
LOG = "{sql: 'insert into log (entry) values (:entry)', params: {entry: =sim.imsi}}"


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Database]:
    try:
        running: Postgresql | Mariadb = Postgresql() if request.param == "postgresql" else Mariadb()
        with running:
            database = Database(running, request.param)
            database.setup()
            yield database
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    server.server.start()
    server.clear()
    yield server
    server.server.resume()
    server.server.start()


def count(database: Database, table: str = "log") -> int:
    return int(database.run(f"select count(*) from {table}")[0][0])  # noqa: S608 - ours


# Errors of statements

ERRORS = {
    "unique": ("insert into cards (imsi, plan) values ('1', 'a'), ('1', 'b')", Outcome.FAILED),
    "not_null": ("insert into cards (imsi, plan) values ('1', null)", Outcome.REJECTED),
    "check": ("insert into cards (imsi, plan, quota) values ('1', 'a', -1)", Outcome.REJECTED),
    "data": ("insert into cards (imsi, plan) values ('1234567890123456', 'a')", Outcome.REJECTED),
    "permission": ("insert into forbidden (a) values (1)", Outcome.FAILED),
    "statement": ("insert into cards (imsi) values (1, 2)", Outcome.FAILED),
}
MORE = {
    "foreign_key": ("insert into child (parent) values ('9')", Outcome.FAILED),
    "statement": ("insert into cards (no_such_column) values (1)", Outcome.FAILED),
    "data": ("insert into cards (imsi, plan, quota) values ('1', 'a', 99999999999)", "rejected"),
}
CHILD = (
    "drop table if exists child; drop table if exists forbidden; create table forbidden (a int);"
    "create table child (parent varchar(15), foreign key (parent) references cards (imsi));"
)


@pytest.mark.parametrize(("kind", "sql", "outcome"), [
    (kind, *rest) for errors in (ERRORS, MORE) for kind, rest in errors.items()
])  # fmt: skip
async def test_an_error_has_its_kind_and_outcome_and_undoes_all(
    database: Database, tmp_path: Path, kind: str, sql: str, outcome: Outcome
) -> None:
    to = "connector" if database.driver == "postgresql" else "connector@'127.0.0.1'"
    database.run(f"{CHILD} grant insert on child to {to}")
    try:
        text = database.head() + with_calls(LOG, f'{{sql: "{sql}"}}')
        result, record = await applied(tmp_path, text)
        assert record.calls[1][1].seen["error"] == kind, result
        assert result.outcome is Outcome(outcome), result
        assert record.touched == set()
        assert count(database) == 0
    finally:
        database.run("drop table child; drop table forbidden")


@pytest.mark.parametrize(("sql", "name"), [
    ("insert into cards (imsi, plan) values ('1', null)", "plan"),
    ("insert into cards (imsi) values ('1')", "plan"),
    ("insert into cards (imsi, plan, seen) values ('1', 'a', 'x for column `b` at row 1')", "seen"),
    ("insert into cards (imsi, plan, quota) values ('1', 'a', 1e30)", "quota"),
    ("insert into cards (imsi, plan) values ('12345678901234567', 'a')", "imsi"),
])  # fmt: skip
async def test_an_error_of_a_value_names_the_column_if_the_database_does(
    database: Database, tmp_path: Path, sql: str, name: str
) -> None:
    result, record = await applied(tmp_path, database.head() + with_calls(f'{{sql: "{sql}"}}'))
    assert result.outcome is Outcome.REJECTED, result
    seen = record.calls[0][1].seen
    if database.driver == "mariadb" or seen["error"] == "not_null":
        assert seen["constraint"] == name
        assert result.reason and result.reason.endswith(f"({name})")


async def test_the_mapping_decides_what_an_error_means(database: Database, tmp_path: Path) -> None:
    database.run("insert into cards (imsi, number, plan) values ('2', '420700000001', 'b')")
    rules = (
        "replies: [{if: reply.error == 'unique', outcome: rejected, because: =reply.constraint}]"
    )
    text = database.head() + with_calls(INSERT.replace("{sql", f"{{{rules}, sql"))
    result, _ = await applied(tmp_path, text)
    assert result.outcome is Outcome.REJECTED
    assert result.reason and "number" in result.reason


async def test_what_was_sent_is_in_no_message(database: Database, tmp_path: Path) -> None:
    """Messages of databases quote values: "Key (number)=(...) already exists"."""
    email = "Very.Personal@example.com"
    database.run(f"insert into cards (imsi, plan) values ('001010000000001', '{email[:20]}')")  # noqa: S608 - ours
    call = INSERT.replace("=account.product_name", "=account.email")
    result, _ = await applied(
        tmp_path,
        database.head() + with_calls(call),
        change={"pb_data.account_info.email": email[:20]},
    )
    assert result.outcome is Outcome.FAILED
    for text in (result.reason or "", result.cause or ""):
        assert "Personal" not in text
        assert "001010000000001" not in text


# Locks and time


def two_cards(database: Database) -> None:
    database.run("insert into cards (imsi, plan) values ('1', 'a'), ('2', 'b')")


def sleep(database: Database, seconds: float) -> str:
    name = "pg_sleep" if database.driver == "postgresql" else "sleep"
    return f"{{sql: 'select {name}({seconds}) as slept'}}"


def update(imsi: str) -> str:
    sql = f"update cards set plan = ''new'' where imsi = ''{imsi}''"  # noqa: S608 - ours
    return f"{{sql: '{sql}'}}"


async def test_of_two_transactions_in_a_deadlock_one_comes_again(
    database: Database, tmp_path: Path
) -> None:
    two_cards(database)
    pause = sleep(database, 0.5)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = applied(
        tmp_path / "a", database.head() + with_calls(update("1"), pause, update("2"), LOG)
    )
    two = applied(
        tmp_path / "b", database.head() + with_calls(update("2"), pause, update("1"), LOG)
    )
    ends = await asyncio.gather(one, two)
    outcomes = sorted(result.outcome for result, _ in ends)
    assert outcomes == ["applied", "unavailable"]
    assert any("met another" in (result.reason or "") for result, _ in ends)
    assert count(database) == 1


async def test_a_deadlock_of_the_first_call_is_sent_again_at_once(
    database: Database, tmp_path: Path
) -> None:
    """Two statements that each change two rows in another order."""
    two_cards(database)
    text = database.head() + with_calls(update("1"), LOG)
    async with serving(tmp_path, text) as pipeline:
        results = await asyncio.gather(*(handled(pipeline) for _ in range(5)))
    assert {result.outcome for result, _ in results} == {Outcome.APPLIED}
    assert count(database) == 5


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(
    database: Database, tmp_path: Path
) -> None:
    text = database.head("1s") + with_calls(LOG, sleep(database, 3))
    result, record = await applied(tmp_path, text)
    assert result.outcome is Outcome.UNAVAILABLE
    assert record.touched == set()
    assert not record.unanswered
    assert [reply.attempts for _, reply in record.calls] == [1, 1]
    assert count(database) == 0


# Credentials


@dataclass
class Secrets:
    """Settings whose password is renewed, as `connector.system.Renewal`."""

    settings: dict[str, Any]
    newer: str | None = None
    generation: int = 0
    asked: int = 0

    async def renewed(self, since: int) -> bool:
        self.asked += 1
        if self.newer is None:
            return False
        self.settings["password"], self.newer = self.newer, None
        self.generation += 1
        return True


async def test_a_refused_login_is_no_fault_of_the_event(database: Database, tmp_path: Path) -> None:
    secrets = Secrets({"password": "wrong", "ca": "none"})
    text = database.head() + with_calls(LOG)
    async with serving(tmp_path, text, secrets.settings, secrets) as pipeline:
        result, record = await handled(pipeline)
    assert result.outcome is Outcome.FAILED
    assert result.reason and "refused the connector's credentials" in result.reason
    assert (secrets.asked, record.touched) == (1, set())


async def test_a_refused_login_is_tried_once_more_with_newer_secrets(
    database: Database, tmp_path: Path
) -> None:
    secrets = Secrets({"password": "wrong", "ca": "none"}, newer=PASSWORD)
    text = database.head() + with_calls(LOG)
    async with serving(tmp_path, text, secrets.settings, secrets) as pipeline:
        result, _ = await handled(pipeline)
    assert result.outcome is Outcome.APPLIED, result
    assert count(database) == 1


async def test_too_many_connections_are_unavailable(database: Database, tmp_path: Path) -> None:
    if database.driver == "postgresql":
        limit, end = (
            "alter user connector connection limit 0",
            "alter user connector connection limit -1",
        )
    else:
        who = "connector@'127.0.0.1'"
        limit = f"alter user {who} with max_connections_per_hour 1"
        end = f"alter user {who} with max_connections_per_hour 0; flush user_resources"
        database.run(limit)
        await applied(tmp_path, database.head() + with_calls(sleep(database, 0)))
    database.run(limit)
    try:
        result, _ = await applied(tmp_path, database.head() + with_calls(LOG))
    finally:
        database.run(end)
    assert result.outcome is Outcome.UNAVAILABLE, result
    assert result.reason and "too many connections" in result.reason


# Outages


async def test_a_server_that_was_restarted_is_connected_again(
    database: Database, tmp_path: Path
) -> None:
    async with serving(tmp_path, database.head() + with_calls(LOG)) as pipeline:
        for end in (database.server.stop, database.server.kill):
            result, _ = await handled(pipeline)
            assert result.outcome is Outcome.APPLIED, result
            await asyncio.to_thread(end)
            result, record = await handled(pipeline)
            assert result.outcome is Outcome.UNAVAILABLE
            assert record.touched == set()
            await asyncio.to_thread(database.server.start)
            result, _ = await handled(pipeline)
            assert result.outcome is Outcome.APPLIED, result
    assert count(database) == 4


async def test_a_restart_between_two_events_is_not_noticed(
    database: Database, tmp_path: Path
) -> None:
    """The first call of an event may be sent again, whatever it does."""
    async with serving(tmp_path, database.head() + with_calls(LOG)) as pipeline:
        await handled(pipeline)
        await asyncio.to_thread(database.server.kill)
        await asyncio.to_thread(database.server.start)
        result, record = await handled(pipeline)
    assert result.outcome is Outcome.APPLIED, result
    assert record.calls[0][1].attempts <= 2, "asyncpg notices at once that the server is gone"
    assert count(database) == 2


@pytest.mark.parametrize("ending", ["stop", "kill"])
async def test_a_server_that_ends_in_the_middle_undoes_all(
    database: Database, tmp_path: Path, ending: str
) -> None:
    text = database.head() + with_calls(LOG, sleep(database, 2), LOG)
    event = asyncio.create_task(applied(tmp_path, text))
    await asyncio.sleep(0.7)
    await asyncio.to_thread(getattr(database.server, ending))
    result, record = await event
    await asyncio.to_thread(database.server.start)
    assert result.outcome is Outcome.UNAVAILABLE, result
    assert (record.touched, record.unanswered) == (set(), False)
    assert [reply.attempts for _, reply in record.calls] == [1, 1]
    assert count(database) == 0


async def test_a_suspended_server_never_applies_later_what_it_did_not_answer(
    database: Database, tmp_path: Path
) -> None:
    async with serving(tmp_path, database.head("1s") + with_calls(LOG, LOG)) as pipeline:
        result, _ = await handled(pipeline)
        assert result.outcome is Outcome.APPLIED, result
        database.server.suspend()
        result, record = await handled(pipeline)
        assert result.outcome is Outcome.UNAVAILABLE
        assert (record.touched, record.unanswered) == (set(), False)
        database.server.resume()
        await asyncio.sleep(0.5)
        assert count(database) == 2
        result, _ = await handled(pipeline)
        assert result.outcome is Outcome.APPLIED, result
    assert count(database) == 4


async def test_a_read_only_server_is_unavailable(database: Database, tmp_path: Path) -> None:
    async with serving(tmp_path, database.head() + with_calls(LOG)) as pipeline:
        await handled(pipeline)
        database.server.read_only(True)
        await asyncio.sleep(0.3)
        try:
            result, record = await handled(pipeline)
        finally:
            database.server.read_only(False)
        await asyncio.sleep(0.3)
        assert result.outcome is Outcome.UNAVAILABLE
        assert result.reason and "read-only" in result.reason
        assert record.touched == set()
        result, _ = await handled(pipeline)
        assert result.outcome is Outcome.APPLIED, result


async def test_a_table_that_was_altered_is_noticed(database: Database, tmp_path: Path) -> None:
    """PostgreSQL refuses a statement that it has prepared for other columns."""
    database.run("insert into cards (imsi, plan) values ('1', 'a')")
    call = "{id: found, sql: 'select * from cards'}"
    async with serving(tmp_path, database.head() + with_calls(call)) as pipeline:
        await handled(pipeline)
        database.run("alter table cards add more int")
        result, record = await handled(pipeline)
    assert result.outcome is Outcome.APPLIED, result
    assert "more" in record.calls[0][1].seen["row"]


# The end of a commit


_COMMIT = re.compile(rb"commit\0|\x03COMMIT")  # as PostgreSQL and MariaDB are sent it


@dataclass
class Wire:
    """Stands between the connector and the database; cuts the connection at the commit.

    `cut` is `before` (the commit does not arrive), `after` (its reply does not), or empty.
    """

    to: int
    cut: str = ""
    port: int = 0
    cuts: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.to)
        self.writers += [writer, up_writer]
        back = asyncio.create_task(self.copy(up_reader, writer))
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.cut and _COMMIT.search(data):
                    self.cuts += 1
                    back.cancel()
                    await asyncio.wait([back])
                    if self.cut == "after":
                        up_writer.write(data)
                        await up_reader.read(1)
                    break
                up_writer.write(data)
        writer.close()
        up_writer.close()

    async def copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
            writer.close()


@asynccontextmanager
async def wire(database: Database) -> AsyncIterator[Wire]:
    found = Wire(database.server.port)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for writer in found.writers:
            writer.close()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(("cut", "rows"), [("before", 0), ("after", 1)])
async def test_a_lost_reply_to_the_commit_is_an_unknown_end(
    database: Database, tmp_path: Path, cut: str, rows: int
) -> None:
    async with wire(database) as between:
        head = database.head().replace(str(database.server.port), str(between.port))
        async with serving(tmp_path, head + with_calls(LOG)) as pipeline:
            between.cut = cut
            result, record = await handled(pipeline)
            assert result.outcome is Outcome.UNAVAILABLE
            assert result.reason and "commit" in result.reason
            assert record.touched == {"imsi:001010000000001"}, "perhaps it lasts"
            assert between.cuts == 1
            assert count(database) == rows


async def test_what_a_function_wrote_is_not_taken_as_done_without_a_commit(
    database: Database, tmp_path: Path
) -> None:
    """A `select` that calls a function looks as if it only reads."""
    database.run(NOTE_MARIADB if database.driver == "mariadb" else NOTE_POSTGRESQL)
    async with wire(database) as between:
        head = database.head().replace(str(database.server.port), str(between.port))
        call = "{sql: 'select note(:text)', params: {text: =sim.imsi}}"
        async with serving(tmp_path, head + with_calls(call)) as pipeline:
            between.cut = "before"
            result, _ = await handled(pipeline)
            assert result.outcome is Outcome.UNAVAILABLE
            assert count(database) == 0
            between.cut = ""
            assert (await handled(pipeline))[0].outcome is Outcome.APPLIED
    assert count(database) == 1


NOTE_POSTGRESQL = (
    "create or replace function note(entry text) returns text language sql security definer"
    " as 'insert into log values (entry) returning entry'"
)
NOTE_MARIADB = """
delimiter //
create or replace function note(entry text) returns text
    begin insert into log values (entry); return entry; end //
delimiter ;
grant execute on function note to connector@'127.0.0.1';
"""


async def test_a_cancelled_event_is_undone(database: Database, tmp_path: Path) -> None:
    """As when the instance that works on it is stopped."""
    text = database.head() + with_calls(LOG, sleep(database, 3))
    async with serving(tmp_path, text) as pipeline:
        event = asyncio.create_task(handled(pipeline))
        await asyncio.sleep(0.7)
        event.cancel()
        with suppress(asyncio.CancelledError):
            await event
    assert count(database) == 0
