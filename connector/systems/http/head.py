"""The head of a reply: its status, its headers, and how the end of its body is found (RFC 9112).

It reads what two of h11, aiohttp and curl read (docs/decisions/0028-replies-that-others-read.md).
It refuses what could be read in two ways: two different lengths, a length and chunks together, a
NUL character, a line break inside a line.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from connector.systems.http.faults import Unreadable

Headers = list[tuple[bytes, bytes]]

_SHORT = 2_000  # bytes of a head that is remembered
NO_STATUS = "it does not begin with a status line of HTTP/1"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_STATUS = re.compile(rb"HTTP/(\d\.\d) ([1-9]\d\d)(?: [^\r\n\0]*)?\r?\n")
_PLAIN = re.compile(rb"^(%b):[ \t]*+([^\r\n\0]*+)\r\n" % _TOKEN, re.MULTILINE)
_HEADER = re.compile(rb"(%b)[ \t]*:([^\r\n\0]*+)\r?" % _TOKEN)
_FOLD = re.compile(rb"\r?\n[ \t]++")
_NAME = re.compile(rb"%b(?=[ \t]*:)" % _TOKEN)
_LENGTH = re.compile(rb"\d{1,20}")
_FRAMING = (b"connection", b"content-length", b"transfer-encoding")


class Head(NamedTuple):
    """The head of a reply.

    `length` is that of the body; None if the body has chunks or ends with the connection. `keeps`
    is true if the connection can carry another request after this reply.
    """

    status: int
    headers: Headers
    length: int | None
    chunked: bool
    keeps: bool


def read_head(raw: bytes) -> Head:
    """The head in these bytes, which end with the empty line after the headers.

    Under load most heads are the same, for a second at least.

    Raises:
        Unreadable: it is not a head, or it could be read in two ways.
    """
    return _read_short(raw) if len(raw) <= _SHORT else _read(raw)


def _read(raw: bytes) -> Head:
    first = _STATUS.match(raw)
    if not first:
        raise Unreadable(NO_STATUS)
    status, at = int(first[2]), first.end()
    headers = _PLAIN.findall(raw, at)
    plain = len(headers) == raw.count(b"\n", at) - 1
    if not plain:
        headers = _odd(raw[at:], status)
    if not plain or b" \r" in raw or b"\t\r" in raw:
        headers = [(name, value.strip(b" \t")) for name, value in headers]
    return _framed(status, first[1] >= b"1.1", headers, plain)


_read_short = lru_cache(32)(_read)


def status_of(raw: bytes | bytearray) -> int | None:
    """The status in the beginning of a final reply; None if its line is not there yet."""
    first = _STATUS.match(raw)
    status = int(first[2]) if first else 0
    return status if status >= 200 else None


def items(value: bytes) -> list[bytes]:
    """The items of a header that is a list, in lower case."""
    return [item.strip(b" \t") for item in value.lower().split(b",")]


def _odd(raw: bytes, status: int) -> Headers:
    """Headers with lines that end in LF, with folded lines, or with blanks before a colon."""
    headers = []
    for number, line in enumerate(_FOLD.sub(b" ", raw).split(b"\n")[:-2], 1):
        found = _HEADER.fullmatch(line)
        if not found:
            raise Unreadable(_fault(line, number), status)
        if found[1].lower() == b"transfer-encoding" and line[len(found[1])] != ord(":"):
            raise Unreadable("a blank before the colon of its Transfer-Encoding", status)
        headers.append((found[1], found[2]))
    return headers


def _fault(line: bytes, number: int) -> str:
    """What is wrong with the line of a header, without its value."""
    name = _NAME.match(line)
    where = f"its header {name[0].decode()}" if name else f"its header {number}"
    if b"\0" in line:
        return f"{where} has a NUL character"
    if b"\r" in line.removesuffix(b"\r"):
        return f"{where} has a CR that does not end its line"
    return f"{where} has no name that HTTP allows"


def _framed(status: int, keeps: bool, headers: Headers, plain: bool) -> Head:
    """Find out where the body ends; a head that is not plain is the last on its connection."""
    options, codings, lengths = [], [], []
    for name, value in [header for header in headers if header[0].lower() in _FRAMING]:
        match name.lower():
            case b"connection":
                options += items(value)
            case b"transfer-encoding":
                codings += items(value)
            case _:
                lengths += items(value)
    if options:
        keeps = b"close" not in options and (keeps or b"keep-alive" in options)
    chunked = {coding for coding in codings if coding not in (b"", b"identity")}
    plain = plain and (bool(chunked) or not codings) and len(lengths) < 2
    if lengths and chunked:
        raise Unreadable("it has both Content-Length and Transfer-Encoding", status)
    length = _length(lengths, status) if lengths else None
    empty = status < 200 or status in (204, 304)
    if empty:
        length, chunked = 0, set()
    if chunked and chunked != {b"chunked"}:
        raise Unreadable("its Transfer-Encoding is not chunked", status)
    keeps = keeps and plain and (bool(chunked) or length is not None)
    return Head(status, headers, length, bool(chunked), keeps)


def _length(values: list[bytes], status: int) -> int:
    """The one length that all values give."""
    if len(values) > 1 and len(set(values)) > 1:
        raise Unreadable("it has two different values of Content-Length", status)
    if not _LENGTH.fullmatch(values[0]):
        raise Unreadable("its Content-Length is not a number", status)
    return int(values[0])
