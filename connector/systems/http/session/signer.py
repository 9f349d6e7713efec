"""Signs JSON Web Tokens with RS256 (RFC 7515), with the signer of google-auth.

Only `connector.systems.http.session.logins` uses it. The first signature imports google-auth.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from uuid import uuid4


def signed(key: str, key_id: str | None, claims: Mapping[str, Any]) -> str:
    """A JSON Web Token with these claims and a `jti` of its own; `key` is in PEM format.

    Raises:
        ValueError: the key cannot be used; the text does not quote it.
    """
    head = {"alg": "RS256", "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    text = f"{_part(head)}.{_part({'jti': uuid4().hex, **claims})}"
    return f"{text}.{_encoded(signer(key).sign(text.encode()))}"


def signer(key: str) -> Any:
    """The signer of a private key in PEM format.

    Raises:
        ValueError: the key cannot be used; the text does not quote it.
    """
    from google.auth.crypt import RSASigner  # noqa: PLC0415 - 30 ms, rarely needed

    try:
        return RSASigner.from_string(key)  # type: ignore[no-untyped-call]  # google-auth has no types
    except Exception:  # cryptography raises errors of many types; their texts may quote the key
        raise ValueError("must be an RSA private key in PEM format") from None


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
