"""The wire format of Osmocom's control interface: GET and SET of variables over TCP.

A message has two bytes of length, the protocol bytes EE 00, and text such as `GET 3 variable`,
`SET_REPLY 4 variable OK` or `ERROR 5 No such subscriber.`. The number in the text identifies the
request; the connection skips messages with another number.
"""

import asyncio
import re
import struct
from typing import NamedTuple

from connector.systems.causes import cause_of
from connector.systems.connect import NoConnection, open_streams

_PROTOCOL = b"\xee\x00"
_LONGEST = 65_535  # bytes of a message
_REPLY = re.compile(r"(GET_REPLY|SET_REPLY) (\S+) (\S+) ?(.*)", re.S)
_ERROR = re.compile(r"ERROR (\S+) ?(.*)", re.S)


class CtrlReply(NamedTuple):
    """An answer: a `value`, or the text of an `error`."""

    value: str | None = None
    error: str | None = None


class CtrlFailure(Exception):  # noqa: N818 - a failure of the network, not a bug
    """No reply came. `sent` is true if the system may have received the request."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


async def open_connection(host: str, port: int, within: float) -> "TcpConnection":
    """Open a connection in `within` seconds.

    Raises:
        CtrlFailure: the connection cannot be opened.
    """
    try:
        return TcpConnection(*await open_streams((host, port), within))
    except NoConnection as error:
        raise CtrlFailure(str(error), sent=False) from None


class TcpConnection:
    """A connection for one request at a time. After any failure it must be closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asked = 0

    @property
    def reusable(self) -> bool:
        """True if another request may be sent: the system has not closed the connection."""
        return not (self._reader.at_eof() or self._writer.is_closing())

    async def ask(self, variable: str, value: str | None) -> CtrlReply:
        """GET the variable if `value` is None, else SET it; returns the reply.

        Raises:
            CtrlFailure: the connection was lost before the reply.
            ValueError: the request does not fit into a message.
        """
        self._asked += 1
        number = str(self._asked)
        question = (
            f"GET {number} {variable}" if value is None else f"SET {number} {variable} {value}"
        )
        try:
            self._writer.write(frame(question))
            await self._writer.drain()
            while True:
                found = reply(await self._read(), number)
                if found:
                    return found
        except (OSError, EOFError) as error:
            cause = cause_of(error) if isinstance(error, OSError) else "connection closed"
            raise CtrlFailure(f"{cause} before the end of the reply", sent=True) from None

    def close(self) -> None:
        """Close the connection at once, without waiting for a reply."""
        self._writer.transport.abort()

    async def _read(self) -> str:
        """The text of the next message of this protocol; other messages (pings) are skipped."""
        while True:
            length, protocol = struct.unpack(">HB", await self._reader.readexactly(3))
            body = await self._reader.readexactly(length)
            if bytes((protocol,)) + body[:1] == _PROTOCOL:
                return body[1:].decode("ascii", errors="replace").rstrip("\0")


def frame(text: str) -> bytes:
    """The bytes of a message with this text.

    Raises:
        ValueError: the text is not printable ASCII, or too long.
    """
    if not text.isascii() or not text.isprintable() or len(text) >= _LONGEST:
        raise ValueError("a message takes printable ASCII only")
    return struct.pack(">H", len(text) + 1) + _PROTOCOL + text.encode("ascii")


def reply(text: str, number: str) -> CtrlReply | None:
    """The reply in the text of a message; None if it does not answer request `number`."""
    said = _REPLY.fullmatch(text)
    if said:
        return CtrlReply(value=said[4]) if said[2] == number else None
    refused = _ERROR.fullmatch(text)
    if refused and refused[1] in (number, "err"):  # "err": the system could not read the number
        return CtrlReply(error=refused[2])
    return None


def fields(value: str) -> dict[str, str]:
    """The fields of a value with lines `name<tab>value`, such as that of `info`, by name."""
    pairs = (line.partition("\t") for line in value.splitlines())
    return {name: text for name, tab, text in pairs if tab}
