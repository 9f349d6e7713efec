"""A real PostgreSQL that all tests of a run share; each test has a database of its own."""

import atexit
from functools import cache
from uuid import uuid4

import pytest

from connector.settings import PostgresqlUrl
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import NotInstalled

USER = "ledger"
PASSWORD = "pass'word"


@cache
def shared() -> Postgresql:
    """The server; the tests that need it are skipped on a machine without PostgreSQL."""
    return started(Postgresql({"max_connections": "60"}))


def started(server: Postgresql) -> Postgresql:
    """Start a server with the user `ledger`; it ends with the run at the latest."""
    try:
        server.__enter__()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    atexit.register(server.__exit__)
    quoted = PASSWORD.replace("'", "''")
    server.run(f"create user {USER} password '{quoted}'")
    return server


def new_database(server: Postgresql, owner: str = USER) -> PostgresqlUrl:
    """Make an empty database; its URL as the user `ledger`."""
    name = f"ledger_{uuid4().hex[:12]}"
    server.run(f"create database {name} owner {owner}")
    return PostgresqlUrl(USER, server.host, server.port, name, "disable")
