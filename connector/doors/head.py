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
    lines = [line]
    for name, value in headers:
        kept = _without_tokens(value) if name == b"connection" else value
        if name not in _UPGRADE and (kept or not value):
            lines.append(name + b": " + kept)
    return b"\r\n".join([*lines, b"", b""])


def _without_tokens(connection: bytes) -> bytes:
    tokens = [token.strip() for token in connection.split(b",")]
    return b", ".join(token for token in tokens if token.lower() not in _UPGRADE)


def origin_form(url: bytes) -> bytes:
    """Path and query of `http://host/path?query`; for `*`, the whole server, the root.

    Any other text stays as it is, and uvicorn refuses what it cannot read.
    """
    if url == b"*":
        return b"/"
    found = _ABSOLUTE.fullmatch(url)
    if not found:
        return url
    return found[1] if found[1].startswith(b"/") else b"/" + found[1]
