"""User name and password in each message: the UsernameToken of WS-Security.

OASIS Web Services Security UsernameToken Profile 1.1: the digest is Base64 of SHA-1 of nonce, time
and password. Nonce and time are made for each request, so a retry has its own.
"""

import secrets
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha1

from markupsafe import Markup

from connector.mapping.text import in_xml

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"


def username_token(username: str, password: str, *, plain: bool) -> dict[str, str]:
    """The values of `session` for one request.

    `security` is the element for a SOAP header. The others are its parts, for systems that want
    them elsewhere; `digest` is the password itself if it is `plain`.
    """
    nonce, now = secrets.token_bytes(16), datetime.now(UTC)
    created = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    digest = password if plain else _digest(nonce, created, password)
    parts = {
        "username": username,
        "digest": digest,
        "nonce": b64encode(nonce).decode(),
        "created": created,
    }
    kind = "PasswordText" if plain else "PasswordDigest"
    return {"security": _element(parts, f"{_WSS}username-token-profile-1.0#{kind}"), **parts}


def _digest(nonce: bytes, created: str, password: str) -> str:
    data = nonce + created.encode() + password.encode()
    return b64encode(sha1(data, usedforsecurity=False).digest()).decode()  # the profile wants SHA-1


def _element(parts: dict[str, str], kind: str) -> Markup:
    """The element as markup, which `xml:` does not encode once more."""
    return Markup(  # noqa: S704 - all values are escaped
        f'<wsse:Security xmlns:wsse="{_WSS}wssecurity-secext-1.0.xsd" '
        f'xmlns:wsu="{_WSS}wssecurity-utility-1.0.xsd"><wsse:UsernameToken>'
        f"<wsse:Username>{in_xml(parts['username'])}</wsse:Username>"
        f'<wsse:Password Type="{kind}">{in_xml(parts["digest"])}</wsse:Password>'
        f'<wsse:Nonce EncodingType="{_WSS}soap-message-security-1.0#Base64Binary">'
        f"{parts['nonce']}</wsse:Nonce><wsu:Created>{parts['created']}</wsu:Created>"
        "</wsse:UsernameToken></wsse:Security>"
    )
