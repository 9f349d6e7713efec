"""Connections to the database of the PostgreSQL ledger: a few, opened again after they are lost.

Each statement is a transaction of its own, in one round trip: the connection keeps it prepared.
Behind a pooler such as PgBouncer a statement may meet another connection of the server each time,
so it is prepared, executed and forgotten in one explicit transaction, which takes four round trips.

Import this module only if it is used: asyncpg takes 30 ms, and is not in the usual packages.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg

from connector.ledger.postgresql_place import tls_context
from connector.settings import PostgresqlUrl

Row = asyncpg.Record
_CONNECTIONS = 10  # they wait for the disk together: PostgreSQL commits several at once
_IDLE = 60.0  # seconds after which a connection that is not used is closed
_TIMEOUT = 3.0  # seconds for a connection or a statement
_PREPARED = 20  # statements that a connection keeps prepared; there are fewer
_LIMITS = {  # milliseconds; the server ends what takes longer, also if this process has vanished
    "statement_timeout": "3000",
    "lock_timeout": "3000",
    "idle_in_transaction_session_timeout": "10000",
}
_SET_LIMITS = "; ".join(f"SET LOCAL {name} = {ms}" for name, ms in _LIMITS.items())
_POOLED = "NSPS1"
_NO_POOLER = f"""
DO $$ BEGIN
    IF pg_backend_pid() <> {{pid}} THEN RAISE SQLSTATE '{_POOLED}'; END IF;
END $$
"""
_REFUSED_LOGIN = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""The errors of connections and statements. `TimeoutError` and errors of TLS are `OSError`."""


async def _keep() -> None:
    """Read nothing again."""


class Login(NamedTuple):
    """`password` gives the password for a new connection, as it is now; `renew` reads it again.

    Without a password, asyncpg looks into the file of PGPASSFILE.
    """

    password: Callable[[], str | None] = lambda: None
    renew: Callable[[], Awaitable[object]] = _keep


async def _rest(_: object) -> None:
    """Reset nothing when the pool takes a connection back: it saves a round trip each time."""


class _Opened(NamedTuple):
    pool: "asyncpg.Pool[Row]"
    pooled: bool  # whether a pooler is between the connections and the server


class Database:
    """The database of a ledger; all methods but `close` raise one of `TROUBLE`.

    Nothing is opened before it is used. If the server refuses the login, `login` is renewed once.
    """

    def __init__(self, url: PostgresqlUrl, login: Login) -> None:
        self._url = url
        self._login = login
        self._opening = asyncio.Lock()
        self._opened: _Opened | None = None

    async def run(self, statement: str, *values: Any) -> list[Row]:
        """Carry out one statement, as a transaction, and return its rows."""
        async with self._connection() as (connection, pooled):
            if not pooled:
                return list(await connection.fetch(statement, *values))
            async with _transaction(connection):
                return list(await connection.fetch(statement, *values))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["asyncpg.Connection[Row]"]:
        """A connection for several statements that belong together; only a start needs it."""
        async with self._connection() as (connection, _), _transaction(connection):
            yield connection

    async def close(self) -> None:
        """Close all connections at once; nothing is under way."""
        if self._opened is not None:
            self._opened.pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple["asyncpg.Connection[Row]", bool]]:
        """A connection of the pool; the caller bounds the wait for one.

        After an error but a broken constraint it is not used again.
        """
        opened = await self._open()
        taken = await self._logged_in(opened.pool.acquire)
        try:
            async with asyncio.timeout(_TIMEOUT):
                yield taken, opened.pooled
        except asyncpg.IntegrityConstraintViolationError:
            raise
        except BaseException:
            taken.terminate()
            raise
        finally:
            await opened.pool.release(taken)

    async def _open(self) -> _Opened:
        async with self._opening:
            if self._opened is None:
                pooled = await self._logged_in(self._is_pooled)
                self._opened = _Opened(await self._pool(pooled=pooled), pooled)
            return self._opened

    async def _logged_in(self, connect: Callable[[], Any]) -> Any:
        """Connect; if the login is refused, once more with the password as it is now."""
        try:
            return await connect()
        except _REFUSED_LOGIN:
            await self._login.renew()
            return await connect()

    async def _is_pooled(self) -> bool:
        """Whether a pooler answers: it names an id that is not the one of the server's process.

        `execute` without values sends a simple query, which works with every pooler.
        """
        connection = await asyncpg.connect(**self._options(), statement_cache_size=0)
        try:
            await connection.execute(_NO_POOLER.format(pid=connection.get_server_pid()))
        except asyncpg.PostgresError as error:
            if error.sqlstate != _POOLED:
                raise
            return True
        finally:
            connection.terminate()
        return False

    async def _pool(self, *, pooled: bool) -> "asyncpg.Pool[Row]":
        """The pool; a pooler neither keeps prepared statements nor takes other settings."""
        settings = {"application_name": "nsps-connector", **({} if pooled else _LIMITS)}
        return await asyncpg.create_pool(
            **self._options(),
            min_size=0,
            max_size=_CONNECTIONS,
            max_inactive_connection_lifetime=_IDLE,
            reset=_rest,
            statement_cache_size=0 if pooled else _PREPARED,
            server_settings=settings,
        )

    def _options(self) -> dict[str, Any]:
        url = self._url
        return {
            "host": url.host,
            "port": url.port,
            "user": url.user,
            "database": url.database,
            "password": (lambda: self._login.password() or "") if self._login.password() else None,
            "ssl": tls_context(url) or False,
            "timeout": _TIMEOUT,
        }


@asynccontextmanager
async def _transaction(connection: "asyncpg.Connection[Row]") -> AsyncIterator[None]:
    """A transaction with the limits, which a pooler takes in no other way."""
    async with connection.transaction(isolation="read_committed"):
        await connection.execute(_SET_LIMITS)
        yield
