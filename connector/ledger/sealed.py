"""Encrypts what a ledger keeps of an event (docs/decisions/0047-what-a-ledger-keeps.md).

Import this module only if it is used: the import of the library takes some 40 ms.
"""

import hashlib
import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12  # bytes
_LONGEST = 200_000  # bytes of a sealed event; a document of Firestore holds 1 MiB


class WrongKey(Exception):  # noqa: N818 - it names what is wrong
    """The state was sealed with another key, or is damaged."""


def sealing_key(secret: str) -> bytes:
    """Make the key of `seal` from the secret HASH_KEY."""
    return hashlib.sha256(b"kept-state:" + secret.encode()).digest()


def seal(key: bytes, body: bytes) -> bytes | None:
    """Encrypt the body of an event; the pipeline calls this.

    Returns None if the result is too large for a store.
    """
    nonce = os.urandom(_NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, zlib.compress(body), None)
    return sealed if len(sealed) <= _LONGEST else None


def unseal(key: bytes, state: bytes) -> bytes:
    """Decrypt what `seal` made; the audit calls this.

    Raises:
        WrongKey: it cannot be decrypted.
    """
    try:
        return zlib.decompress(AESGCM(key).decrypt(state[:_NONCE], state[_NONCE:], None))
    except (InvalidTag, ValueError):
        raise WrongKey from None
