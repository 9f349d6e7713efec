"""What the client asks of the driver of a database, and the errors of all drivers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from connector.systems.sql.call import Values
from connector.systems.sql.statement import Statement

MOST_ROWS = 10_000
"""The largest number of rows of a reply."""
IDLE_SECONDS = 60
"""The server ends a transaction in which nothing happens for so long: its function was killed."""


class Place(NamedTuple):
    """Where a database is, and how to log in; times are in seconds.

    `timeout` is for one statement. The server ends a statement a little earlier.
    """

    host: str
    port: int
    database: str
    user: str
    password: str
    tls: ssl.SSLContext | None
    connect_timeout: float
    timeout: float

    def __repr__(self) -> str:
        """Without the password."""
        return f"Place({self.host}:{self.port}/{self.database})"

    @property
    def milliseconds(self) -> int:
        """The longest time for a statement at the server."""
        return max(1, int(self.timeout * 900))


class Result(NamedTuple):
    """The rows of a reply, and how many rows were found or changed."""

    rows: list[dict[str, Any]]
    counted: int


class Refused(Exception):  # noqa: N818 - the answer of a database
    """The database refused a statement or a login.

    `code` is the number of the error at MariaDB, 0 at PostgreSQL. `constraint` is the name of a
    constraint, index or column. `words` are for the log and hold no values. `kind` is the kind of
    the error, if the driver knows better than its SQLSTATE says.
    """

    def __init__(
        self,
        sqlstate: str,
        code: int = 0,
        constraint: str | None = None,
        words: str = "",
        kind: str | None = None,
    ) -> None:
        super().__init__(f"SQLSTATE {sqlstate}")
        self.sqlstate = sqlstate
        self.code = code
        self.constraint = constraint
        self.words = words
        self.kind = kind


class Lost(Exception):  # noqa: N818 - a failure of the network
    """There is no connection, or it broke; the text is the cause in words."""


class Connection(Protocol):
    """A connection to a database, for one transaction at a time.

    All methods that wait raise `Refused` or `Lost`. A connection that is cancelled while it waits
    must be closed.
    """

    @property
    def reusable(self) -> bool:
        """True if another transaction may begin."""

    async def begin(self, *, read_only: bool) -> None:
        """Begin a transaction, at the isolation level `read committed`, and note the point."""

    async def mark(self) -> None:
        """Note this point of the transaction, before the next statement: it may be refused."""

    async def run(self, statement: Statement, values: Values) -> Result:
        """Send a statement; the values of its parameters are bound by the server."""

    async def back(self) -> None:
        """Return to the last mark after a statement was refused; the transaction goes on."""

    async def commit(self) -> None:
        """Make the transaction last."""

    def close(self) -> None:
        """Close the connection at once; the server undoes a transaction that is open."""


Connect = Callable[[Place], Awaitable[Connection]]
"""Opens a connection and logs in; raises `Refused` or `Lost`."""


@asynccontextmanager
async def login_within(seconds: float) -> AsyncIterator[None]:
    """A connection and a login that may take so long; raises `Lost` after it."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Lost(f"no connection within {seconds:g} s") from None


def refuse_many(rows: Sized) -> None:
    """Refuse a reply with too many rows; raises `Refused`."""
    if len(rows) > MOST_ROWS:
        raise Refused("54000", words=f"a reply has more than {MOST_ROWS:,} rows")
