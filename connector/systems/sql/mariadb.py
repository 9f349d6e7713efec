"""The driver for MariaDB, on asyncmy: prepared statements, in which the server binds values.

asyncmy can also join values into the text of a statement, as other libraries do. Only its
`prepare` is used here, for statements of mapping files; text without values is sent as it is.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncmy
from asyncmy.constants.CLIENT import FOUND_ROWS
from asyncmy.errors import MySQLError

from connector.mapping.text import text_of
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
from connector.systems.sql.rows import row
from connector.systems.sql.statement import Statement

_CLIENT_ERRORS = range(2000, 3000)  # of the library: there is no connection, or it broke
_NAMES = (  # of a key, a constraint or a column in the message of an error
    re.compile(r"for key '([^']+)'\Z"),
    re.compile(r"CONSTRAINT `([^`]+)`"),
    re.compile(r"for column (?:'|`[^`]+`\.`[^`]+`\.`)([^'`]+)['`] at row \d+\Z"),
    re.compile(r"\A(?:Column|Field) '([^']+)' "),
)
_LARGEST = 2**63  # a whole number of the protocol is smaller
# No value is cut, and no text that is no date becomes the date of zeros.
_MODES = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE"


async def connect(place: Place) -> "MariadbConnection":
    """Open a connection and log in, as `connector.systems.sql.connection.Connect`."""
    seconds = place.milliseconds / 1000
    async with _errors(), login_within(place.connect_timeout):
        opened: Any = await asyncmy.connect(
            host=place.host,
            port=place.port,
            user=place.user,
            password=place.password,
            database=place.database,
            ssl=place.tls,
            connect_timeout=place.connect_timeout,
            client_flag=FOUND_ROWS,  # an update counts the rows that it found
            autocommit=None,
            program_name="nsps-connector",
        )
        await opened.query(
            f"SET SESSION sql_mode = CONCAT(@@sql_mode, ',{_MODES}'), autocommit = 1,"
            f" max_statement_time = {seconds:.3f},"
            f" innodb_lock_wait_timeout = {max(1, int(seconds))},"
            f" lock_wait_timeout = {max(1, int(seconds))},"
            f" idle_transaction_timeout = {IDLE_SECONDS},"
            " tx_isolation = 'READ-COMMITTED', time_zone = '+00:00'"
        )
    return MariadbConnection(opened)


class MariadbConnection:
    """See `connector.systems.sql.connection.Connection`."""

    def __init__(self, connection: Any) -> None:  # asyncmy has no types for its methods
        self._connection = connection
        self._prepared: dict[Statement, Any] = {}
        self._begun = False

    @property
    def reusable(self) -> bool:
        """See `Connection`."""
        return bool(self._connection.connected) and not self._begun

    async def begin(self, *, read_only: bool) -> None:
        """See `Connection`."""
        self._begun = True
        await self._simple(f"START TRANSACTION READ {'ONLY' if read_only else 'WRITE'}")

    async def mark(self) -> None:
        """See `Connection`: a statement that is refused changes nothing in InnoDB."""

    async def back(self) -> None:
        """See `mark`."""

    async def commit(self) -> None:
        """See `Connection`."""
        await self._simple("COMMIT")
        self._begun = False

    async def run(self, statement: Statement, values: Values) -> Result:
        """See `Connection`."""
        async with _errors():
            prepared = self._prepared.get(statement) or await self._prepare(statement)
            found = await prepared.execute(_bound(statement, values))
        records = found.rows or ()
        refuse_many(records)
        names = [column[0] for column in found.description or ()]
        rows = [row(names, record) for record in records]
        return Result(rows, len(rows) if names else int(found.affected_rows))

    def close(self) -> None:
        """See `Connection`."""
        self._connection.close()

    async def _prepare(self, statement: Statement) -> Any:
        prepared = await self._connection.prepare(statement.text(lambda _: "?"))
        self._prepared[statement] = prepared
        return prepared

    async def _simple(self, text: str) -> None:
        async with _errors():
            await self._connection.query(text)


def _bound(statement: Statement, values: Values) -> tuple[Any, ...]:
    found = tuple(values[name] for name in statement.names)
    if any(isinstance(value, list) for value in found):
        raise Refused("22023", words="MariaDB has no lists: a parameter must be one value")
    return tuple(text_of(value) if _is_too_large(value) else value for value in found)


def _is_too_large(value: Any) -> bool:
    """Whether a number must be sent as text: MariaDB makes a number of it by the column's type."""
    return isinstance(value, int) and not -_LARGEST <= value < _LARGEST


@asynccontextmanager
async def _errors() -> AsyncIterator[None]:
    """Raise the errors of asyncmy as `Refused` and `Lost`."""
    try:
        yield
    except MySQLError as error:
        raise _of(error) from None
    except OSError as error:
        raise Lost(cause_of(error)) from None


def _of(error: MySQLError) -> Refused | Lost:
    code, text = (*error.args, 0, "")[:2]
    if not isinstance(code, int) or code == 0 or code in _CLIENT_ERRORS:
        cause = error.__cause__ or error.__context__
        return Lost(cause_of(cause) if isinstance(cause, OSError) else "connection closed")
    sqlstate = getattr(error, "sqlstate", None) or "HY000"
    names = (pattern.search(str(text)) for pattern in _NAMES)
    name = next((found[1] for found in names if found), None)
    words = str(text) if sqlstate.startswith("42") and code not in _WITH_NAMES else ""
    return Refused(sqlstate, code, name, words)


_WITH_NAMES = (1044, 1142, 1143, 1203, 1226)  # messages that name the user
