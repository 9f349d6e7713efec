"""A connection to a system that answers commands of one line: one command at a time."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from connector.systems.causes import cause_of, is_refusal
from connector.systems.connect import NoConnection, connect
from connector.systems.line.reader import ReplyReader
from connector.systems.line.telnet import Telnet

_MOST_BYTES = 1_000_000  # of a reply; that of an HLR has some hundred
_MOST_LINES = 10_000
_BLANK = b" \t\r\n\0"


class LineFailure(Exception):  # noqa: N818 - a failure of the network, not a bug
    """No whole reply came; the text is the cause in words.

    `sent` is true if the system may have received the command, `broken` if a reply began.
    `too_large` is true if the reply was longer than the connector reads. `refused` is true if the
    system refused our certificate.
    """

    def __init__(
        self,
        cause: str,
        *,
        sent: bool = False,
        broken: bool = False,
        too_large: bool = False,
        refused: bool = False,
    ) -> None:
        super().__init__(cause)
        self.sent = sent
        self.broken = broken
        self.too_large = too_large
        self.refused = refused


async def open_connection(
    make: "Callable[[], LineConnection]",
    place: tuple[str, int],
    within: float,
    tls: ssl.SSLContext | None,
) -> "LineConnection":
    """Open a connection in `within` seconds; `make` makes it.

    Raises:
        LineFailure: the connection cannot be opened.
    """
    try:
        return (await connect(make, place, within, tls))[0]
    except NoConnection as error:
        raise LineFailure(str(error), refused=error.refused) from None


class LineConnection(asyncio.Protocol):
    """A connection, with the callbacks of asyncio. After any failure it cannot be used again."""

    def __init__(self, *, encoding: str, terminator: str, telnet: bool, logout: str | None) -> None:
        self._encoding = encoding
        self._terminator = terminator
        self._telnet = Telnet() if telnet else None
        self._logout = logout
        self._sound = True  # False once replies could be mixed up
        self._reply: asyncio.Future[list[str]] | None = None
        self._reader = ReplyReader(None, None, encoding)
        self._early = b""  # what came before the greeting was awaited, or the first command sent
        self._begun = False  # True once one of the two has happened
        self._received = 0  # bytes since the last command
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.logged_in = False
        """True once the login has ended; set by `connector.systems.line.login`."""

    @property
    def reusable(self) -> bool:
        """True if another command may be sent."""
        return self._sound and self._reply is None and not self._transport.is_closing()

    @property
    def heard(self) -> bool:
        """True if something came since the last command was sent."""
        return self._received > 0

    async def greeting(self, pattern: str) -> list[str]:
        """Wait for the lines that the system sends first.

        Raises:
            LineFailure: the connection was lost before.
        """
        if self._transport.is_closing():
            raise LineFailure("connection closed before the greeting")
        early, self._early = self._early, b""
        self._begin(ReplyReader(pattern, pattern, self._encoding))
        self._received = len(early)
        self._read(early)
        return await self._lines()

    async def ask(self, command: str, ends: str | None, prompt: str | None) -> list[str]:
        """Send a command; returns the lines of its reply. The patterns are those of `ReplyReader`.

        Raises:
            LineFailure: the connection was lost, or the reply is too large.
        """
        if not self.reusable:
            raise LineFailure("closed before the command was sent")
        if self._early.strip(_BLANK):
            raise LineFailure(
                "text came before the first command, but the mapping has no `greeting`"
            )
        self._begin(ReplyReader(ends, prompt, self._encoding))
        self._write(command)
        return await self._lines()

    async def leave(self, within: float) -> None:
        """Log out, if the connection can still be used, and close it in `within` seconds."""
        self.close()
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._closed)
        except TimeoutError:
            self._transport.abort()

    def close(self) -> None:
        """Close the connection, after a logout if the system waits for a command."""
        if not (self.reusable and self.logged_in and self._logout):
            self._transport.abort()
            return
        self._sound = False
        self._write(self._logout)
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._received += len(data)
        if self._telnet:
            data, answer = self._telnet.feed(data)
            if answer:
                self._transport.write(answer)
        if self._waits:
            self._read(data)
        elif self._begun:
            self._sound = self._sound and not data.strip(_BLANK)
        else:
            self._early += data
        if self._received > _MOST_BYTES or len(self._reader.lines) > _MOST_LINES:
            cause = "a reply of more than 1 MB or 10,000 lines"
            self._fail(LineFailure(cause, sent=True, too_large=True))
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if not self._closed.done():
            self._closed.set_result(None)
        cause = cause_of(error) if error else "connection closed"
        refused = error is not None and is_refusal(error)
        told = cause if refused else f"{cause} before the end of the reply"
        self._fail(LineFailure(told, sent=not refused, broken=self._replying, refused=refused))

    @property
    def _waits(self) -> bool:
        return self._reply is not None and not self._reply.done()

    @property
    def _replying(self) -> bool:
        return self._waits and self.heard

    def _begin(self, reader: ReplyReader) -> None:
        self._reader = reader
        self._begun = True
        self._received = 0
        self._reply = asyncio.get_running_loop().create_future()

    def _write(self, command: str) -> None:
        self._transport.write(f"{command}{self._terminator}".encode("ascii"))

    def _read(self, data: bytes) -> None:
        """Read bytes of a reply; what follows its end must be blank."""
        rest = self._reader.feed(data)
        if self._reader.done and self._reply:
            self._sound = self._sound and not rest.strip(_BLANK)
            self._reply.set_result(self._reader.lines)

    async def _lines(self) -> list[str]:
        assert self._reply  # noqa: S101 - `_begin` made it
        try:
            return await self._reply
        except BaseException:
            self._sound = False  # the reply may still come
            raise
        finally:
            self._reply = None

    def _fail(self, failure: LineFailure) -> None:
        self._sound = False
        if self._reply and not self._reply.done():
            self._reply.set_exception(failure)
