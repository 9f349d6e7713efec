"""Reads one reply from the bytes of a connection, in the pieces in which they come (RFC 9112)."""

import re

from connector.systems.causes import cause_of
from connector.systems.http.faults import Cut, TooLarge, Unreadable
from connector.systems.http.head import NO_STATUS, Head, read_head, status_of

_MOST_HEAD = 300_000  # bytes, as curl
_MOST_FRAMING = 1_000_000  # bytes of a reply outside its body: heads, sizes of chunks, trailers
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SIZE = re.compile(rb"0*([0-9A-Fa-f]{1,16})[ \t]*+(?:;[^\0]*+)?\r?")


class ReplyReader:
    """One reply. `most` limits the bytes of its body, which can still be packed.

    `feed` and `end` get what the connection receives. `head` is there once it was read; it is that
    of the final reply. `body` is whole once `done` is true. `sound` is false if bytes came that do
    not belong to the reply, or if its end is unclear.
    """

    def __init__(self, most: int) -> None:
        self.head: Head | None = None
        self.body = bytearray()
        self.done = False
        self.sound = True
        self._most = most
        self._received = 0
        self._buffer = bytearray()  # what is not read yet
        self._seen = 0  # bytes of the buffer in which the end of the head is not
        self._left: int | None = None  # bytes of the chunk that are missing; None before its size
        self._last = False  # the last chunk came: trailers follow

    @property
    def begun(self) -> bool:
        """True if any byte came."""
        return self._received > 0

    def feed(self, data: bytes) -> None:
        """Read the next bytes.

        Raises:
            Unreadable: the bytes are not a reply.
            TooLarge: the reply is larger than the limit.
        """
        self._buffer += data
        self._received += len(data)
        while not self.done and self._step():
            pass
        if self.done:
            self.sound = self.sound and not self._buffer
        elif self._received > self._most + _MOST_FRAMING:
            raise TooLarge(self.status)

    def end(self, error: Exception | None) -> None:
        """Note that the connection ended, with or without an error; some replies end without one.

        Raises:
            Cut: the reply is not whole.
        """
        if error or self.head is None or self.head.chunked or self.head.length is not None:
            cause = cause_of(error) if error else "connection closed"
            raise Cut(cause, self.status)
        self.done = True

    @property
    def status(self) -> int | None:
        """The status of the final reply, as soon as the line that has it was read."""
        return self.head.status if self.head else status_of(self._buffer)

    def _step(self) -> bool:
        """Read the next part; False if it has not come yet."""
        if self.head is None:
            return self._read_head()
        if self.head.chunked:
            return self._read_trailer() if self._last else self._read_chunk()
        if len(self._buffer) > self._most:
            raise TooLarge(self.status)
        if self.head.length is None:
            self.body = self._buffer
            return False
        if len(self._buffer) < self.head.length:
            return False
        self.body, self._buffer = self._buffer, self._buffer[self.head.length :]
        del self.body[self.head.length :]
        self.done = True
        return False

    def _read_head(self) -> bool:
        if self._buffer.startswith((b"\r", b"\n")):
            self._buffer = self._buffer.lstrip(b"\r\n")  # left over from a reply before
        end = _BLANK_LINE.search(self._buffer, max(self._seen - 2, 0))
        self._seen = len(self._buffer)
        if not end:
            if not b"HTTP/".startswith(self._buffer[:5]):
                raise Unreadable(NO_STATUS)
            if self._seen > _MOST_HEAD:
                raise TooLarge
            return False
        if end.end() > _MOST_HEAD:
            raise TooLarge
        raw = bytes(self._buffer[: end.end()])
        del self._buffer[: end.end()]
        self._seen = 0
        head = read_head(raw)
        if head.status == 101:
            raise Unreadable("it changes to another protocol", head.status)
        if head.status < 200:
            return True  # an interim reply: the final reply follows
        self.head, self.sound = head, head.keeps
        if head.length is not None and head.length > self._most:
            raise TooLarge(head.status)
        return True

    def _read_chunk(self) -> bool:
        if self._left is None:
            return self._read_size()
        if self._left > 0:
            part = self._buffer[: self._left]
            self.body += part
            del self._buffer[: self._left]
            self._left -= len(part)
            return self._left == 0
        line = self._line()
        if line is None:
            return False
        if line not in (b"\r", b""):
            raise Unreadable("a chunk is longer than its size", self.status)
        self._left = None
        return True

    def _read_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = _SIZE.fullmatch(line)
        if not size:
            raise Unreadable("the size of a chunk is not a number", self.status)
        self._left = int(size[1], 16)
        if len(self.body) + self._left > self._most:
            raise TooLarge(self.status)
        self._last = self._left == 0
        return True

    def _read_trailer(self) -> bool:
        """Read a line after the last chunk. Trailers are not merged into the headers (RFC 9110)."""
        line = self._line()
        if line is None:
            return False
        if line in (b"\r", b""):
            self.done = True
            return False
        if b"\0" in line or (b":" not in line and line[:1] not in (b" ", b"\t")):
            raise Unreadable("a line after its last chunk is not a header", self.status)
        return True

    def _line(self) -> bytes | None:
        """The next line without its LF; None if it has not come. LF alone makes the end unclear."""
        at = self._buffer.find(b"\n")
        if at < 0:
            return None
        line = bytes(self._buffer[:at])
        del self._buffer[: at + 1]
        self.sound = self.sound and line.endswith(b"\r")
        return line
