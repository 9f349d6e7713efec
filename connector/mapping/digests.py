"""Filters that compute bytes of text, and write them as text: digests, HMAC, UUID, base64, hex.

A digest is bytes: `text | sha1 | base64` and `text | sha1 | hex` write them. Text is taken as its
bytes in UTF-8.
"""

import hashlib
import hmac as python_hmac
from base64 import b64decode, b64encode
from binascii import Error
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from connector.mapping.text import BadValue, kind_of, text_of

NAMESPACE = UUID("2c5d4ec6-b7f8-5bbb-8fc7-ec438ef6d27f")
"""The namespace of the UUIDs (RFC 9562, 5.5). It never changes: the same event, the same UUID."""

_ALGORITHMS = ("md5", "sha1", "sha256", "sha512")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else text_of(value).encode()


def _digest(algorithm: str, value: object) -> bytes:
    """The digest of a text or of bytes, as bytes."""
    # not for security: the system on the other side decides what it wants
    return hashlib.new(algorithm, _bytes(value), usedforsecurity=False).digest()


def hmac(value: object, key: object, algorithm: str = "sha256") -> bytes:
    """Filter `hmac`: the authentication code (RFC 2104) of a text, as bytes.

    Raises:
        BadValue: the value or the key has no text, or the algorithm is unknown.
    """
    if key is None or key == "":
        raise BadValue("the key of `hmac` has no value")
    if algorithm not in _ALGORITHMS:
        raise BadValue(f"the algorithm of `hmac` must be one of {', '.join(_ALGORITHMS)}")
    return python_hmac.digest(_bytes(key), _bytes(value), algorithm)


def to_base64(value: object) -> str:
    """Filter `base64`: a text or bytes in base64 (RFC 4648, 4)."""
    return b64encode(_bytes(value)).decode()


def unbase64(value: object) -> str:
    """Filter `unbase64`: the text that base64 stands for; without padding, too.

    Raises:
        BadValue: the value is not base64, or stands for bytes that are not text in UTF-8.
    """
    text = text_of(value)
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (Error, ValueError):
        raise BadValue("text that is not base64 of text in UTF-8") from None


def to_hex(value: object) -> str:
    """Filter `hex`: a text or bytes as hexadecimal digits, in lower case."""
    return _bytes(value).hex()


def uuid(value: object) -> str:
    """Filter `uuid`: the UUID (version 5) of a text; the same text always gives the same one."""
    if isinstance(value, bytes):
        raise BadValue(f"`uuid` takes text, not {kind_of(value)}")
    return str(uuid5(NAMESPACE, text_of(value)))


FILTERS: dict[str, Any] = {
    **{name: partial(_digest, name) for name in _ALGORITHMS},
    "hmac": hmac,
    "base64": to_base64,
    "unbase64": unbase64,
    "hex": to_hex,
    "uuid": uuid,
}
"""The filters by the names that a mapping uses."""
