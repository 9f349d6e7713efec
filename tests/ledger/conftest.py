"""Each ledger in turn, and a PostgreSQL server with a database of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.ledger.records import LedgerStore
from connector.settings import PostgresqlUrl
from connector_tools.counterparts.real.postgresql import Postgresql
from tests.support.ledgers import STORES, Store
from tests.support.postgresql import new_database, shared


@pytest.fixture(params=sorted(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with STORES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def ledger(store: Store) -> LedgerStore:
    return store.ledger


@pytest.fixture
def server() -> Postgresql:
    return shared()


@pytest.fixture
def url(server: Postgresql) -> PostgresqlUrl:
    return new_database(server)
