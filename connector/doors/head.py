"""Rewrites of a request's head that HTTP allows and uvicorn does not do."""

import re
from collections.abc import Iterable

_UPGRADE = (b"upgrade", b"http2-settings")
_ABSOLUTE = re.compile(rb"(?i)https?://[^/?#]+([^#]*)")


def without_upgrade(line: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A head with this request line and headers, but those that ask for another protocol.

    A server may ignore an upgrade (RFC 9110 7.8). Java's client sends one with each request that
    it does not know the server of: `Upgrade: h2c`. The headers' names are in lower case.
    """
    kept = [name + b": " + value for name, value in headers if name not in _UPGRADE]
    return b"\r\n".join([line, *kept, b"", b""])


def origin_form(url: bytes) -> bytes:
    """Path and query of `http://host/path?query` (RFC 9112 3.2.2); any other text as it is."""
    found = _ABSOLUTE.fullmatch(url)
    if not found:
        return url
    return found[1] if found[1].startswith(b"/") else b"/" + found[1]
