"""The mapping freeradius-sql with a real FreeRADIUS on a real PostgreSQL, driven by events.

After each event a real Access-Request is answered as billing says.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.ledger.memory import MemoryLedger
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline
from connector.startup import start
from connector_tools.counterparts.freeradius_sql import SPEEDS, FreeradiusSql
from connector_tools.counterparts.real.radius import Answer
from connector_tools.program import NotInstalled
from tests.support import ROOT
from tests.support.events import event

MAPPING = ROOT / "mappings" / "freeradius-sql.yaml"
NUMBER, OTHER = "420700000001", "420700000002"
REFUSED = Answer(accepted=False)
TABLES = ("radcheck", "radreply", "radusergroup")


@pytest.fixture(scope="module")
def counterpart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeradiusSql]:
    try:
        with FreeradiusSql(tmp_path_factory.mktemp("freeradius")) as running:
            yield running
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture
def radius(counterpart: FreeradiusSql) -> Iterator[FreeradiusSql]:
    counterpart.run("; ".join(f"delete from {table}" for table in TABLES))  # noqa: S608 - ours
    counterpart.wrong.clear()
    yield counterpart
    counterpart.end()


@asynccontextmanager
async def serving(radius: FreeradiusSql, **more: str) -> AsyncIterator[Pipeline]:
    """The pipeline as the function makes it from its environment."""
    variables = {**radius.variables(*radius.place), **more}
    environ = {**variables, "MAPPING_FILE": str(MAPPING), "API_TOKEN": "t" * 40}
    started = await asyncio.to_thread(start, environ)
    mapping = started.mapping
    client = mapping.protocol.client(mapping.system, started.values, started.secrets)
    async with client as system:
        yield Pipeline(mapping, started.values, MemoryLedger(), system, budget=8)


async def applied(pipeline: Pipeline, name: str = "subscriber-updated", **change: Any) -> Result:
    """Send an event of the account with these fields of `account_info`."""
    changed = {f"pb_data.account_info.{key}": value for key, value in change.items()}
    return await pipeline.handle(json.dumps(event(name, change=changed)).encode())


def asked(radius: FreeradiusSql, name: str = NUMBER, password: str | None = None) -> Answer:
    right = radius.variables(*radius.place)["RADIUS_PASSWORD"]
    return radius.radius.ask(name, right if password is None else password)


def rows(radius: FreeradiusSql) -> list[list[list[str]]]:
    return [radius.run(f"select * from {table} order by id") for table in TABLES]  # noqa: S608 - ours


def served(product: str = "Mobile L") -> Answer:
    return Answer(True, "277147", SPEEDS[product], SPEEDS[product] // 10)


async def test_a_life_of_a_subscriber_is_seen_in_access_requests(radius: FreeradiusSql) -> None:
    async with serving(radius) as pipeline:
        steps: list[tuple[dict[str, Any], Answer]] = [
            ({}, served()),
            ({"blocked": True}, REFUSED),
            ({"blocked": False}, served()),
            ({"product_name": "mobile-s"}, served("mobile-s")),
            ({"status": "suspended"}, REFUSED),
            ({"bill_status": "suspended"}, REFUSED),
            ({"status": "active", "product_name": "mobile-m"}, served("mobile-m")),
            ({"bill_status": "terminated"}, REFUSED),
            ({}, served()),
        ]
        assert asked(radius) == REFUSED
        for change, answer in steps:
            result = await applied(pipeline, **change)
            assert result.outcome is Outcome.APPLIED, (change, result)
            assert asked(radius) == answer, change
        assert asked(radius, password="wrong") == REFUSED
        result = await applied(pipeline, "subscriber-deleted")
        assert result.outcome is Outcome.APPLIED, result
        assert asked(radius) == REFUSED
    assert rows(radius) == [[], [], []]
    assert radius.holds() == {}
    assert radius.wrong == []


async def test_another_number_is_another_user(radius: FreeradiusSql) -> None:
    async with serving(radius) as pipeline:
        await applied(pipeline)
        await applied(pipeline, id=f"{OTHER}@msisdn")
        assert asked(radius) == REFUSED
        assert asked(radius, OTHER) == served()
    record = {"served": True, "number": OTHER, "product": "Mobile L", "account": 277147}
    assert radius.holds() == {"277147": record}
    assert radius.wrong == []


async def test_a_number_that_another_account_has_is_not_taken(radius: FreeradiusSql) -> None:
    async with serving(radius) as pipeline:
        await applied(pipeline)
        body = event("subscriber-updated", change={"pb_data.account_info.i_account": 99})
        body["data"]["variables"]["i_account"] = 99
        result = await pipeline.handle(json.dumps(body).encode())
        assert result.outcome is Outcome.FAILED
        assert result.reason
        assert "another account has the user name" in result.reason
    assert asked(radius) == served()
    assert list(radius.holds()) == ["277147"]


async def test_rows_of_the_operator_stay(radius: FreeradiusSql) -> None:
    radius.run(
        "insert into radreply (username, attribute, op, value)"  # noqa: S608 - ours
        f" values ('{NUMBER}', 'Framed-IP-Address', ':=', '192.0.2.1')"
    )
    async with serving(radius) as pipeline:
        await applied(pipeline)
        await applied(pipeline, blocked=True)
        await applied(pipeline, "subscriber-deleted")
    assert radius.run("select attribute from radreply") == [["Framed-IP-Address"]]


@pytest.mark.parametrize("name", ["'; delete from radcheck; --", "a b%_*)(\\", "Ада", "x" * 200])
async def test_a_hostile_user_name_is_data(radius: FreeradiusSql, name: str) -> None:
    async with serving(radius, RADIUS_USER_NAME="id") as pipeline:
        await applied(pipeline)
        result = await applied(pipeline, id=name)
    assert result.outcome is Outcome.APPLIED, result
    passwords = "select username from radcheck where attribute = 'Cleartext-Password'"
    assert radius.run(passwords) == [[name]]


@pytest.mark.parametrize("outage", FreeradiusSql.outages)
async def test_an_outage_changes_nothing_and_the_event_that_comes_again_all(
    radius: FreeradiusSql, outage: str
) -> None:
    async with serving(radius) as pipeline:
        await applied(pipeline)
        before = rows(radius)
        await asyncio.to_thread(radius.begin, outage)
        await asyncio.sleep(0.3)
        result = await applied(pipeline, blocked=True)
        assert result.outcome is Outcome.UNAVAILABLE, result
        await asyncio.to_thread(radius.end)
        await asyncio.sleep(0.3)
        assert before == rows(radius)
        assert asked(radius) == served()
        result = await applied(pipeline, blocked=True)
        assert result.outcome is Outcome.APPLIED, result
        assert asked(radius) == REFUSED
    assert radius.wrong == []


def test_the_page_shows_the_statements_that_an_operator_runs_once() -> None:
    once = Path(MAPPING).with_suffix(".sql").read_text()
    page = Path(MAPPING).with_suffix(".md").read_text()
    assert once in page
