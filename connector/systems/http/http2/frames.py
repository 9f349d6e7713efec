"""Cuts the bytes of a connection into frames (RFC 9113, 4.1).

h2 refuses every frame after a GOAWAY, also the replies that a system still sends for the requests
that it has accepted. So the connection reads a GOAWAY itself and does not give it to h2.
"""

from collections.abc import Iterator
from typing import NamedTuple

_HEAD = 9  # bytes: length, type, flags, number of the stream
_SETTINGS, _GOAWAY = 4, 7
_LARGEST = 16_384  # bytes of a frame, the limit that h2 tells the system
_NUMBER = 0x7FFF_FFFF


class NotHttp2(Exception):  # noqa: N818 - says what came
    """The system speaks another protocol, or breaks the rules of HTTP/2."""


class GoAway(NamedTuple):
    """The system takes no more requests; it does not carry out those above the stream `last`."""

    last: int


class Frames:
    """The frames of one connection, in the pieces in which they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._first = True

    def feed(self, data: bytes) -> Iterator[bytes | GoAway]:
        """Yield each whole frame: a GOAWAY as such, any other as its bytes.

        Raises:
            NotHttp2: the first frame is not SETTINGS, or a frame is larger than allowed. h2 would
                wait for all of it.
        """
        self._buffer += data
        while len(self._buffer) >= _HEAD:
            length, kind = int.from_bytes(self._buffer[:3]), self._buffer[3]
            if length > _LARGEST or (self._first and kind != _SETTINGS):
                raise NotHttp2
            end = _HEAD + length
            if len(self._buffer) < end:
                return
            frame = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._first = False
            yield _go_away(frame) or frame


def _go_away(frame: bytes) -> GoAway | None:
    """The GOAWAY in a frame; None if it is another, or one that h2 must refuse."""
    if frame[3] != _GOAWAY or len(frame) < _HEAD + 8 or frame[5:_HEAD] != bytes(4):
        return None
    return GoAway(int.from_bytes(frame[_HEAD : _HEAD + 4]) & _NUMBER)
