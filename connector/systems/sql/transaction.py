"""The transaction of a turn: all statements of an event, and the commit at its end."""

import asyncio
from collections.abc import Callable

from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.sql.call import SqlCall
from connector.systems.sql.connection import Connection, Lost, Refused, Result
from connector.systems.sql.outcomes import MEANINGS, kind_of, reply_to, unavailable

_CERTAIN = ("23", "40")  # refusals of a commit after which the transaction is undone for certain


class SqlTransaction:
    """See `connector.system.Transaction`.

    `until` is the deadline of the turn, `within` the longest time for the commit, in seconds.
    `keep` takes the connection back after the commit.
    """

    def __init__(
        self, connection: Connection, until: float, within: float, keep: Callable[[], None]
    ) -> None:
        self.lasting = False
        self._connection = connection
        self._until = until
        self._within = within
        self._keep = keep
        self._marked = True  # the beginning of a transaction is a mark, too
        self._over = False

    async def run(self, call: SqlCall) -> Result:
        """Send the statement of a call.

        Raises:
            Refused, Lost: see `Connection`. The transaction is over if the error says so.
        """
        if self._over:
            raise Lost("the transaction is over")
        try:
            return await self._run(call)
        except Refused as refused:
            if MEANINGS[kind_of(refused)].ends_transaction:
                self.abandon()
            raise
        except BaseException:
            self.abandon()
            raise

    async def _run(self, call: SqlCall) -> Result:
        if not self._marked:
            await self._connection.mark()
        self._marked = False
        try:
            return await self._connection.run(call.statement, call.values)
        except Refused as refused:
            if not MEANINGS[kind_of(refused)].ends_transaction:
                await self._connection.back()
                self._marked = True
            raise

    async def commit(self) -> Reply:
        """See `Transaction`."""
        if self._over:
            return unavailable("the transaction is over", End.NOT_SENT)
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            return unavailable("no time left for the commit", End.NOT_SENT)
        self.lasting = True
        reply = await self._committed(min(self._within, self._until - now))
        if reply.end is End.ANSWERED and reply.outcome is not Outcome.APPLIED:
            self.lasting = False
        return reply

    async def _committed(self, within: float) -> Reply:
        try:
            async with asyncio.timeout(within):
                await self._connection.commit()
        except TimeoutError:
            return self._unknown(f"no reply to the commit within {within:.3g} s", End.PENDING)
        except Lost as lost:
            return self._unknown(f"{lost} during the commit", End.UNKNOWN)
        except Refused as refused:
            self.abandon()
            certain = refused.sqlstate[:2] in _CERTAIN
            reply = reply_to(refused)
            return reply if certain else self._unknown(f"{reply.cause}, at the commit", End.UNKNOWN)
        except BaseException:
            self.abandon()
            raise
        self._over = True
        self._keep()
        return Reply(Outcome.APPLIED)

    def _unknown(self, cause: str, end: End) -> Reply:
        self.abandon()
        return unavailable(cause, end)

    def abandon(self) -> None:
        """Give the transaction up if it is not committed: the server undoes it."""
        if not self._over:
            self._over = True
            self._connection.close()
