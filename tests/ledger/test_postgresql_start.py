"""The start with a PostgreSQL that can never serve, and with one that is down for a while."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from connector.ledger.postgresql import PostgresqlLedger
from connector.ledger.postgresql_database import Login
from connector.ledger.postgresql_place import place_problem
from connector.ledger.postgresql_tables import LOCK
from connector.ledger.records import Claim, LedgerUnavailable
from connector.settings import BadSettings, PostgresqlUrl
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import DidNotStart, free_port
from tests.support.certificates import Authority
from tests.support.events import event
from tests.support.function import Function, environment
from tests.support.ledgers import claim_request
from tests.support.postgresql import PASSWORD, USER, new_database, started
from tests.support.scripted import ScriptedServer


async def check(url: PostgresqlUrl, password: str = PASSWORD, patience: float = 6) -> None:
    ledger = PostgresqlLedger(url, b"key", Login(lambda: password), patience)
    try:
        await ledger.check()
    finally:
        await ledger.close()


async def refusal(url: PostgresqlUrl, password: str = PASSWORD) -> str:
    with pytest.raises(BadSettings) as refused:
        await check(url, password)
    (problem,) = refused.value.problems
    assert problem.startswith("LEDGER_URL: PostgreSQL ")
    assert password not in problem
    return problem


async def test_the_first_start_makes_the_tables_and_the_next_one_keeps_them(
    server: Postgresql, url: PostgresqlUrl
) -> None:
    await check(url)
    server.run("insert into nsps_notes values ('kept', 'text')", url.database)
    await check(url)
    assert server.run("select * from nsps_notes", url.database) == [["kept", "text"]]
    for table in ("nsps_names", "nsps_counters"):
        assert server.run(f"select count(*) from {table}", url.database) == [["0"]]  # noqa: S608


async def test_instances_that_start_at_once_make_the_tables_once(
    server: Postgresql, url: PostgresqlUrl
) -> None:
    await asyncio.gather(*(check(url) for _ in range(8)))
    assert server.run("select version from nsps_version", url.database) == [["1"]]


async def test_a_start_waits_while_another_makes_the_tables(url: PostgresqlUrl) -> None:
    other = await asyncpg.connect(
        host=url.host, port=url.port, user=USER, password=PASSWORD, database=url.database
    )
    async with other.transaction():
        await other.execute(f"select pg_advisory_xact_lock({LOCK})")
        waiting = asyncio.create_task(check(url))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert await other.fetchval("select to_regclass('nsps_names') is null")
    await waiting
    await other.close()


async def test_a_database_that_does_not_exist_stops_the_start(url: PostgresqlUrl) -> None:
    assert "has no such database: create it" in await refusal(url._replace(database="other"))


async def test_a_wrong_password_stops_the_start(url: PostgresqlUrl) -> None:
    assert "refuses the login: correct the user" in await refusal(url, "wrong-password")


async def test_an_unknown_user_stops_the_start(url: PostgresqlUrl) -> None:
    assert "refuses the login" in await refusal(url._replace(user="nobody"))


async def test_an_address_that_may_not_log_in_stops_the_start(
    server: Postgresql, url: PostgresqlUrl
) -> None:
    rules = server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    try:
        rules.write_text(f"host {url.database} {USER} 127.0.0.1/32 reject\n{before}")
        server.run("select pg_reload_conf()")
        await asyncio.sleep(0.3)
        assert "pg_hba.conf" in await refusal(url)
    finally:
        rules.write_text(before)
        server.run("select pg_reload_conf()")


async def test_a_user_who_may_not_make_tables_stops_the_start(server: Postgresql) -> None:
    url = new_database(server, owner="postgres")
    server.run("revoke create on schema public from public", url.database)
    assert "make the user the owner of the database" in await refusal(url)


@pytest.mark.parametrize("right", ["insert", "update", "delete", "select"])
async def test_a_user_who_may_not_use_the_tables_stops_the_start(
    server: Postgresql, right: str
) -> None:
    """The tables may have been made by another user."""
    url = new_database(server, owner="postgres")
    await check(url._replace(user="postgres"))
    rights = {"select", "insert", "update", "delete"} - {right}
    server.run(f"grant {', '.join(rights)} on all tables in schema public to {USER}", url.database)
    assert "all rights on the tables nsps_*" in await refusal(url)
    server.run(f"grant {right} on all tables in schema public to {USER}", url.database)
    await check(url)


async def test_a_server_that_only_reads_stops_the_start(
    server: Postgresql, url: PostgresqlUrl
) -> None:
    server.run(f"alter database {url.database} set default_transaction_read_only = on")
    assert "takes no changes: name the primary" in await refusal(url)


async def test_tables_of_a_newer_connector_stop_the_start_unchanged(
    server: Postgresql, url: PostgresqlUrl
) -> None:
    await check(url)
    server.run("update nsps_version set version = 2", url.database)
    assert "use the newer connector, or name another database" in await refusal(url)
    assert server.run("select version from nsps_version", url.database) == [["2"]]


@pytest.mark.parametrize(
    "table", ["nsps_names (a int)", "nsps_version (a int)", "nsps_version (version int)"]
)
async def test_tables_of_another_program_stop_the_start(
    server: Postgresql, url: PostgresqlUrl, table: str
) -> None:
    name, _ = table.split(maxsplit=1)
    server.run(f"create table {table}; alter table {name} owner to {USER}", url.database)
    assert "name another database" in await refusal(url)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def encrypted(authority: Authority) -> Iterator[Postgresql]:
    """A server whose certificate is for `localhost`."""
    server = Postgresql()
    file = server.folder / "server.pem"
    file.write_bytes(authority.certificate(["localhost"]).read_bytes())
    file.chmod(0o600)
    shutil.chown(file, server.folder.owner())
    server.prepare()
    server.settings |= {"ssl": "on", "ssl_cert_file": str(file), "ssl_key_file": str(file)}
    yield started(server)
    server.__exit__()


@pytest.mark.parametrize(
    ("place", "works"),
    [
        ("verify-full trusted localhost", True),
        ("verify-full trusted 127.0.0.1", False),
        ("verify-ca trusted 127.0.0.1", True),
        ("verify-ca unknown localhost", False),
        ("require unknown 127.0.0.1", True),
        ("disable unknown 127.0.0.1", True),
    ],
)
async def test_the_certificate_of_the_server_is_checked_as_sslmode_says(
    encrypted: Postgresql, authority: Authority, place: str, works: bool
) -> None:
    mode, known, host = place.split()
    authorities = str(authority.path) if known == "trusted" else None
    url = new_database(encrypted)._replace(host=host, sslmode=mode, authorities=authorities)
    if works:
        await check(url)
    else:
        assert "certificate that is not trusted: name the file" in await refusal(url)


async def test_a_server_without_tls_stops_the_start(url: PostgresqlUrl) -> None:
    assert "offers no TLS: switch it on" in await refusal(url._replace(sslmode="require"))


def test_a_file_of_authorities_that_cannot_be_used_is_found_before_a_connection(
    url: PostgresqlUrl, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("something else")
    for name in ("ca.pem", "missing.pem"):
        found = place_problem(url._replace(sslmode="verify-full", authorities=str(tmp_path / name)))
        assert found
        assert f"{name} cannot be read as certificates" in found
    assert place_problem(url) is None


def test_without_asyncpg_the_start_names_the_packages(
    url: PostgresqlUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)  # as if it were not installed
    found = place_problem(url)
    assert found
    assert "nsps-connector[postgresql], or the list requirements/postgresql.txt" in found


async def test_an_outage_does_not_stop_the_start_and_the_tables_are_made_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = started(Postgresql())
    url = new_database(server)
    server.stop()
    ledger = PostgresqlLedger(url, b"key", Login(lambda: PASSWORD), patience=1)
    await ledger.check()
    assert caplog.messages == ["the ledger cannot be reached yet"]
    with pytest.raises(LedgerUnavailable):
        await ledger.claim(claim_request())
    server.start()
    assert isinstance(await ledger.claim(claim_request()), Claim)
    await ledger.close()
    server.__exit__()


async def test_a_port_where_nobody_listens_does_not_stop_the_start(
    url: PostgresqlUrl, caplog: pytest.LogCaptureFixture
) -> None:
    await check(url._replace(port=free_port()), patience=0.3)
    assert caplog.messages == ["the ledger cannot be reached yet"]
    assert PASSWORD not in caplog.text


async def test_a_password_that_was_changed_is_read_again(server: Postgresql) -> None:
    server.run("create user renewed password 'old'")
    url = new_database(server, owner="renewed")._replace(user="renewed")
    known, read = ["old"], []

    async def renew() -> None:
        read.append(known[0])
        known[0] = "new"

    ledger = PostgresqlLedger(url, b"key", Login(lambda: known[0], renew))
    await ledger.check()
    server.run("alter user renewed password 'new'")
    server.run("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'renewed'")
    assert isinstance(await ledger.claim(claim_request()), Claim)
    assert read == ["old"]
    await ledger.close()


async def test_the_password_can_be_in_the_file_of_pgpassfile(
    url: PostgresqlUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "passwords"
    file.write_text(f"{url.host}:*:*:{USER}:{PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    ledger = PostgresqlLedger(url, b"key")
    await ledger.check()
    await ledger.close()


def variables(url: PostgresqlUrl, **more: str) -> dict[str, str]:
    place = f"postgresql://{url.user}@{url.host}:{url.port}/{url.database}?sslmode=disable"
    return {"LEDGER_URL": place, "HASH_KEY": "a-key-of-tests", "LEDGER_PASSWORD": PASSWORD, **more}


def test_a_function_with_two_workers_keeps_its_ledger_in_postgresql(
    url: PostgresqlUrl, server: Postgresql, system: ScriptedServer, tmp_path: Path
) -> None:
    env = environment(system.url, **variables(url, WORKERS="2"))
    posted = event()
    with Function(tmp_path / "log", env) as function:
        answers = [function.post(posted).json()["message"] for _ in range(4)]
    assert answers[0] == "Event accepted for processing"
    assert set(answers[1:]) == {"Event ignored: already applied"}
    assert len(system.requests) == 1
    assert server.run("select count(*) from nsps_names where settled", url.database) != [["0"]]
    assert PASSWORD not in (tmp_path / "log").read_text()


def test_a_function_that_may_not_log_in_says_so_in_one_line(
    url: PostgresqlUrl, tmp_path: Path
) -> None:
    env = environment("http://127.0.0.1:9", **variables(url, LEDGER_PASSWORD="not-the-password"))
    function = Function(tmp_path / "log", env)
    function.client.close()
    with pytest.raises(DidNotStart):
        function.wait_until_healthy()
    (line,) = function.lines()
    assert line["message"] == "the connector cannot start"
    assert line["cause"].startswith("LEDGER_URL: PostgreSQL refuses the login")
    assert "not-the-password" not in (tmp_path / "log").read_text()
