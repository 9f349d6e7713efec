"""A pipeline whose external system is a real database."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Result
from connector.pipeline import Pipeline, Record
from connector.system import Renewal
from connector.systems.sql.client import SqlSystem
from connector.systems.sql.entry import SqlSystemEntry
from connector_tools.counterparts.real.mariadb import Mariadb
from connector_tools.counterparts.real.postgresql import Postgresql
from tests.support.events import event

PASSWORD = "pass'word"
TABLES = {
    "cards": "imsi varchar(15) primary key, number varchar(15) unique, plan varchar(20) not null,"
    " quota decimal(12,2), seen timestamp null, barred boolean, check (quota >= 0)",
    "log": "entry text",
}
HEAD = """\
name: cards
summary: Keeps a table of cards.
settings:
  password: {{secret: DATABASE_PASSWORD}}
  ca: {{env: DATABASE_CA, default: none}}
system:
  sql:
    driver: {driver}
    host: 127.0.0.1
    port: {port}
    database: radius
    user: connector
    password: =settings.password
    timeout: {timeout}
"""


@dataclass
class Database:
    """A server with a database `radius` and a user `connector`, who may change all its tables."""

    server: Postgresql | Mariadb
    driver: str

    def setup(self) -> None:
        """Make the database, the user and the tables."""
        quoted = PASSWORD.replace("'", "''")
        self.server.run("create database radius")
        if self.driver == "postgresql":
            self.server.run(f"create user connector password '{quoted}'")
        else:
            self.server.run(f"create user connector@'127.0.0.1' identified by '{quoted}'")
        self.clear()

    def clear(self) -> None:
        """Make all tables anew."""
        self.run("".join(self._made(name, columns) for name, columns in TABLES.items()))

    def make_table(self, name: str, columns: str) -> None:
        """Make one table anew."""
        self.run(self._made(name, columns))

    def _made(self, name: str, columns: str) -> str:
        to = "connector" if self.driver == "postgresql" else "connector@'127.0.0.1'"
        grant = f"grant select, insert, update, delete on {name} to {to}"
        return f"drop table if exists {name}; create table {name} ({columns}); {grant}; "

    def run(self, sql: str) -> list[list[str]]:
        """Run statements in the database, past the connector."""
        return self.server.run(sql, "radius")

    def head(self, timeout: str = "5s") -> str:
        """The head of a mapping file for this database."""
        return HEAD.format(driver=self.driver, port=self.server.port, timeout=timeout)


_REQUIRE = "    require: [{that: account, because: account_info is missing}]\n"


@asynccontextmanager
async def serving(
    folder: Path, text: str, settings: dict[str, Any] | None = None, renewal: Renewal | None = None
) -> AsyncIterator[Pipeline]:
    """The pipeline of a mapping file with this text."""
    file = folder / "cards.yaml"
    file.write_text(text)
    mapping = load(file)
    assert isinstance(mapping.system, SqlSystemEntry)
    values = {"password": PASSWORD, "ca": "none"} if settings is None else settings
    async with SqlSystem(mapping.system, values, renewal) as system:
        yield Pipeline(mapping, values, MemoryLedger(), system, budget=20)
    await asyncio.sleep(0.01)  # sockets close in the next turn of the event loop


def with_calls(*calls: str, more: str = "") -> str:
    """The rest of a mapping file whose only rule makes these calls."""
    listed = "".join(f"      - {call}\n" for call in calls)
    rule = f"  - name: a card changed\n    on: SIM/Updated\n{more}{_REQUIRE}"
    return f"rules:\n{rule}    subject: imsi:{{{{ sim.imsi }}}}\n    calls:\n{listed}"


async def handled(pipeline: Pipeline, **change: Any) -> tuple[Result, Record]:
    """Send an event with these changes; its result, and what happened to it."""
    record = Record()
    body = json.dumps(event(change=change.pop("change", None), **change)).encode()
    return await pipeline.handle(body, record), record


async def applied(folder: Path, text: str, **change: Any) -> tuple[Result, Record]:
    """The end of one event with a mapping file of its own."""
    async with serving(folder, text) as pipeline:
        return await handled(pipeline, **change)
