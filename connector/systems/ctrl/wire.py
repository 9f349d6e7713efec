"""The wire of Osmocom's control interface: GET and SET of variables over TCP.

A message is two bytes of length, the protocol bytes EE 00, and text: `GET 3 variable`,
`SET_REPLY 4 variable OK`, `ERROR 5 No such subscriber.`. The connection counts the ids;
messages with another id are skipped.
"""

import asyncio
import re
import struct
from typing import NamedTuple

_PROTOCOL = b"\xee\x00"
_LONGEST = 65_535
_REPLY = re.compile(r"(GET_REPLY|SET_REPLY) (\S+) (\S+) ?(.*)", re.S)
_ERROR = re.compile(r"ERROR (\S+) ?(.*)", re.S)


class CtrlReply(NamedTuple):
    """An answer: a `value`, or the text of an `error`."""

    value: str | None = None
    error: str | None = None


class CtrlFailure(Exception):  # noqa: N818 - an event on the wire, not an error of ours
    """No answer; `sent` says whether the request may have been received."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


async def connect(host: str, port: int) -> "Connection":
    """Open a connection.

    Raises:
        CtrlFailure: it cannot be opened.
    """
    try:
        return Connection(*await asyncio.open_connection(host, port))
    except OSError as error:
        raise CtrlFailure(f"no connection: {type(error).__name__}", sent=False) from None


class Connection:
    """A connection, for one question at a time; after any failure it must be closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asked = 0

    async def ask(self, variable: str, value: str | None) -> CtrlReply:
        """GET a variable, or SET it to a value.

        Raises:
            CtrlFailure: the connection was lost, or the answer is not of this protocol.
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
            raise CtrlFailure(f"connection lost: {type(error).__name__}", sent=True) from None

    def close(self) -> None:
        """Close it at once; a reply that is still on its way is lost."""
        self._writer.transport.abort()

    async def _read(self) -> str:
        """The next message of this protocol; others (a ping) are skipped."""
        while True:
            length, protocol = struct.unpack(">HB", await self._reader.readexactly(3))
            body = await self._reader.readexactly(length)
            if bytes((protocol,)) + body[:1] == _PROTOCOL:
                return body[1:].decode("ascii", errors="replace").rstrip("\0")


def frame(text: str) -> bytes:
    """A message as it goes on the wire.

    Raises:
        ValueError: it is not ASCII, has a control character, or is too long.
    """
    if not text.isascii() or not text.isprintable() or len(text) >= _LONGEST:
        raise ValueError("a message takes printable ASCII only")
    return struct.pack(">H", len(text) + 1) + _PROTOCOL + text.encode("ascii")


def reply(text: str, number: str) -> CtrlReply | None:
    """The answer to question `number` in a message; None if it answers another question."""
    said = _REPLY.fullmatch(text)
    if said:
        return CtrlReply(value=said[4]) if said[2] == number else None
    refused = _ERROR.fullmatch(text)
    if refused and refused[1] in (number, "err"):  # "err": it could not read the number
        return CtrlReply(error=refused[2])
    return None


def fields(value: str) -> dict[str, str]:
    """The lines `name<tab>value` of a value such as `info`'s."""
    pairs = (line.partition("\t") for line in value.splitlines())
    return {name: text for name, tab, text in pairs if tab}
