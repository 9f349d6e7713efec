"""The text of a reply's body, in the character set that it is in.

A byte order mark and the pattern of UTF-16 and UTF-32 cannot be mistaken, so they go first. Then
comes the charset of Content-Type, then the XML declaration, then UTF-8, then Windows-1252. UTF-8
goes before another set that is named beside it: bytes that are UTF-8 by chance are rare.
"""

import codecs
import json
import re
from collections.abc import Iterator
from email.message import Message
from functools import lru_cache

_LONGEST = 500  # characters of a Content-Type that is looked at
_XML = re.compile(rb"\s*+<\?xml[^>]{1,200}?encoding\s*=\s*[\"']([A-Za-z][\w.-]{0,40})")
# What Python can decode, but what is not a character set.
_NO_CHARSETS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"}


def decoded(body: bytes, content_type: str) -> str:
    """The text of a body, without a byte order mark; `content_type` is the header's value.

    It never fails: a charset that Python does not know is not used, and bytes that are in no
    charset are read as Latin-1.
    """
    content_type = content_type[:_LONGEST]
    if body.isascii() and b"\0" not in body and _is_utf_8(content_type) and not _XML.match(body):
        return body.decode()  # most replies
    sure = json.detect_encoding(body)
    if sure.startswith(("utf-16", "utf-32")):
        return body.decode(sure, "replace").removeprefix("\ufeff")
    body = body.removeprefix(codecs.BOM_UTF8)
    named = [] if sure == "utf-8-sig" else list(_named(body, content_type))
    for charset in _order(named, b"\0" in body):
        try:
            return body.decode(charset)
        except UnicodeError:
            continue
    return body.decode(named[0] if named and named[0] != "utf-8" else "latin-1", "replace")


def _order(named: list[str], nul: bool) -> Iterator[str]:
    """The character sets to try, most likely first; `nul` is true if the body has a zero byte.

    Without one the body is not in UTF-16, although some systems say so: their XML declaration was
    written before the text was encoded.
    """
    wide = [] if nul else [name for name in named if name.startswith(("utf-16", "utf-32"))]
    if not named or wide or "utf-8" in named:
        yield "utf-8"
    yield from (name for name in named if name not in ("utf-8", *wide))
    yield "utf-8"
    yield from wide
    if not named or named[0] == "utf-8":
        yield "cp1252"


def _named(body: bytes, content_type: str) -> Iterator[str]:
    """The character sets that Content-Type and the XML declaration name, as Python spells them."""
    declared = _XML.match(body)
    for name in (_parameter(content_type), declared[1].decode() if declared else None):
        charset = _known(name) if name else None
        if charset:
            yield charset


@lru_cache(256)
def _is_utf_8(content_type: str) -> bool:
    """True if Content-Type names UTF-8, or nothing."""
    name = _parameter(content_type)
    return not name or _known(name) == "utf-8"


@lru_cache(256)
def _parameter(content_type: str) -> str | None:
    """The parameter `charset` of a Content-Type."""
    if "charset" not in content_type.lower():
        return None
    message = Message()
    message["content-type"] = " ".join(content_type.split())
    try:
        return message.get_content_charset()
    except (ValueError, LookupError):
        return None


@lru_cache(256)
def _known(name: str) -> str | None:
    """The name in Python of a character set; None if Python does not know it, or it is none."""
    try:
        found = codecs.lookup(name.strip(" \"'"))
        " ".encode(found.name)  # refuses codecs that are not for text, such as hex
    except (LookupError, ValueError):
        return None
    name = found.name.replace("_", "-")
    return None if name in _NO_CHARSETS else name
