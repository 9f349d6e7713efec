"""Unpacks the body of a reply: its Content-Encoding (RFC 9110, 8.4).

Some systems pack a reply although the request forbids it, and some name a coding that is none. A
body that is still packed must never be read as if it were not: an error in it would be overlooked.
"""

import zlib
from collections.abc import Iterable

from connector.systems.http.faults import Packed, TooLarge
from connector.systems.http.head import Headers, items

_MOST_CODINGS = 5  # one over the other, as curl
_MOST_MEMBERS = 100  # of gzip; each may unpack to nothing
_GZIP_OR_ZLIB, _RAW = 47, -15  # wbits: zlib finds out which of the two formats the data has
_FORMATS = {
    b"gzip": (_GZIP_OR_ZLIB,),
    b"x-gzip": (_GZIP_OR_ZLIB,),
    b"deflate": (_GZIP_OR_ZLIB, _RAW),
    b"x-deflate": (_GZIP_OR_ZLIB, _RAW),
}
# Codings that pack, but not with zlib: those that IANA lists, and others in use.
_OTHER = frozenset(
    b"br brotli zstd zstandard compress x-compress dcb dcz exi pack200-gzip aes128gcm bzip2 x-bzip2"
    b" xz lzma lz4 snappy sdch base64".split()
)
_MAGIC = (b"\x1f\x8b", b"\x1f\x9d", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ", b"\x04\x22\x4d\x18")


def unpacked(body: bytes, headers: Headers, most: int, status: int) -> bytes:
    """The body without its codings; `most` limits its bytes, also between two codings.

    A coding that is none, such as `UTF-8` or `none`, leaves the body as it is.

    Raises:
        Packed: the body cannot be unpacked.
        TooLarge: the unpacked body is larger than `most`.
    """
    values = [value for name, value in headers if name.lower() == b"content-encoding"]
    if not body or not values:
        return body
    codings = [_name(item) for value in values for item in items(value)]
    if sum(coding in _FORMATS for coding in codings) > _MOST_CODINGS:
        raise Packed("it has too many codings", status)
    try:
        for coding in reversed(codings):  # the last was applied last
            body = _without(coding, body, most, status)
    except zlib.error:
        raise Packed("it is not in its Content-Encoding", status) from None
    return body


def _name(item: bytes) -> bytes:
    return item.partition(b";")[0].strip(b" \t\"'")


def _without(coding: bytes, body: bytes, most: int, status: int) -> bytes:
    if coding in _FORMATS:
        return _inflated(body, _FORMATS[coding], most, status)
    if coding in _OTHER or (coding not in (b"", b"identity") and body.startswith(_MAGIC)):
        raise Packed("its Content-Encoding is not supported", status)
    return body


def _inflated(body: bytes, formats: Iterable[int], most: int, status: int) -> bytes:
    """Unpack with the first of the formats that fits."""
    first: Exception | None = None
    for wbits in formats:
        try:
            return _members(body, wbits, most, status)
        except (zlib.error, Packed) as error:
            first = first or error
    assert first  # noqa: S101 - a coding has at least one format
    raise first


def _members(body: bytes, wbits: int, most: int, status: int) -> bytes:
    """Unpack a body of one or more members (gzip, RFC 1952); what follows the last is ignored."""
    plain = b""
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(wbits)
        plain += unpacker.decompress(body, most + 1 - len(plain))
        if len(plain) > most:
            raise TooLarge(status)
        if not unpacker.eof:
            raise Packed("it was cut", status)
        body = unpacker.unused_data
        if wbits == _RAW or not body.startswith(b"\x1f\x8b"):
            return plain
    raise Packed("it has too many members", status)
