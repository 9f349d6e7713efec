"""The driver for PostgreSQL, on asyncpg: the extended protocol, in which the server binds values.

The types of the parameters are asked of the server, and the values of the event get these types.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from connector.systems.causes import cause_of
from connector.systems.sql.call import Values
from connector.systems.sql.connection import (
    IDLE_SECONDS,
    Lost,
    Place,
    Refused,
    Result,
    login_within,
    refuse_many,
)
from connector.systems.sql.postgresql_types import typed
from connector.systems.sql.rows import row
from connector.systems.sql.statement import Statement

_MARK = "savepoint statement"
_ANOTHER_TYPE = "22P02"  # invalid_text_representation


async def connect(place: Place) -> "PostgresqlConnection":
    """Open a connection and log in, as `connector.systems.sql.connection.Connect`."""
    async with _errors(), login_within(place.connect_timeout):
        opened = await asyncpg.connect(
            host=place.host,
            port=place.port,
            user=place.user,
            password=place.password,
            database=place.database,
            ssl=place.tls or False,
            timeout=place.connect_timeout,
            statement_cache_size=0,  # statements are kept here, with the types of their parameters
            server_settings={
                "application_name": "nsps-connector",
                "statement_timeout": str(place.milliseconds),
                "idle_in_transaction_session_timeout": str(IDLE_SECONDS * 1000),
            },
        )
    return PostgresqlConnection(opened)


class PostgresqlConnection:
    """See `connector.systems.sql.connection.Connection`."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._prepared: dict[Statement, PreparedStatement[asyncpg.Record]] = {}

    @property
    def reusable(self) -> bool:
        """See `Connection`."""
        return not self._connection.is_closed() and not self._connection.is_in_transaction()

    async def begin(self, *, read_only: bool) -> None:
        """See `Connection`."""
        mode = " read only" if read_only else ""
        await self._simple(f"begin isolation level read committed{mode}; {_MARK}")

    async def mark(self) -> None:
        """See `Connection`: an error aborts all of a transaction that is not behind a savepoint."""
        await self._simple(_MARK)

    async def back(self) -> None:
        """See `Connection`."""
        await self._simple("rollback to savepoint statement")

    async def commit(self) -> None:
        """See `Connection`."""
        done = await self._simple("commit")
        if done != "COMMIT":  # PostgreSQL answers ROLLBACK if the transaction was aborted
            raise Refused("40000", words="the transaction was rolled back")

    async def run(self, statement: Statement, values: Values) -> Result:
        """See `Connection`."""
        async with _errors():
            prepared = self._prepared.get(statement) or await self._prepare(statement)
            records = await prepared.fetch(*_bound(statement, values, prepared))
            done = (prepared.get_statusmsg() or "").split()
        refuse_many(records)
        rows = [row(record.keys(), record.values()) for record in records]
        return Result(rows, int(done[-1]) if done and done[-1].isdigit() else len(rows))

    def close(self) -> None:
        """See `Connection`."""
        self._connection.terminate()

    async def _prepare(self, statement: Statement) -> "PreparedStatement[asyncpg.Record]":
        names = _in_order(statement)
        text = statement.text(lambda name: f"${names.index(name) + 1}")
        prepared = await self._connection.prepare(text)
        self._prepared[statement] = prepared
        return prepared

    async def _simple(self, text: str) -> str:
        async with _errors():
            return await self._connection.execute(text)


def _in_order(statement: Statement) -> list[str]:
    """The names of the parameters, each once: `$1` is the first."""
    return list(dict.fromkeys(statement.names))


def _bound(
    statement: Statement, values: Values, prepared: "PreparedStatement[asyncpg.Record]"
) -> Iterator[Any]:
    for name, kind in zip(_in_order(statement), prepared.get_parameters(), strict=True):
        try:
            yield typed(values[name], kind.name)
        except (ValueError, ArithmeticError):
            raise Refused(_ANOTHER_TYPE, words=f"`:{name}` must be {kind.name}") from None


@asynccontextmanager
async def _errors() -> AsyncIterator[None]:
    """Raise the errors of asyncpg as `Refused` and `Lost`."""
    try:
        yield
    except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError):
        raise Refused("0A000", kind="changed") from None
    except asyncpg.PostgresConnectionError as error:
        raise Lost(_lost(error)) from None
    except asyncpg.PostgresError as error:
        raise _refused(error) from None
    except asyncpg.DataError:
        raise Refused(_ANOTHER_TYPE) from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise Lost(_lost(error)) from None


def _lost(error: BaseException) -> str:
    return cause_of(error) if isinstance(error, OSError) else "connection closed"


def _refused(error: asyncpg.PostgresError) -> Refused:
    """The refusal. Only messages of class 42 are logged: they quote the statement, never values."""
    sqlstate = str(error.sqlstate)
    words = str(error.args[0]) if sqlstate.startswith("42") and error.args else ""
    return Refused(sqlstate, constraint=_name(error), words=words)


def _name(error: asyncpg.PostgresError) -> str | None:
    """The constraint or the column that a row breaks."""
    found = getattr(error, "constraint_name", None) or getattr(error, "column_name", None)
    return None if found is None else str(found)
