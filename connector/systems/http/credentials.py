"""The headers and query parameters that authenticate a request to an HTTP system.

They are computed for each request, so that a rotated secret takes effect at once.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.mapping.expression import Constant, Scope, Value, formed
from connector.mapping.protocol import HIDDEN
from connector.mapping.text import text_of
from connector.settings import BadSettings
from connector.systems.http.entry import Auth, Http

_UNSENDABLE = (
    "is missing or has a character that a header cannot have: use printable ASCII, and check the "
    "secret or the variable that it comes from"
)


class HttpCredentials(NamedTuple):
    """Headers and query parameters, as pairs of name and value."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def credentials(auth: Auth | None, scope: Scope) -> HttpCredentials:
    """The credentials of `system.http.auth`; `scope` has the settings."""
    return _placed(auth, _secret(auth, scope)) if auth else HttpCredentials()


def check(http: Http, settings: Mapping[str, Any]) -> None:
    """Check that the headers of `system.http` can be sent; a start and a rotated secret need it.

    Raises:
        BadSettings: names each entry that cannot, and never repeats a value.
    """
    scope = Scope(settings=settings)
    problems = [
        f"system.http.headers: {name} {_UNSENDABLE}"
        for name, value in http.headers.items()
        if not _sendable(value, scope)
    ]
    auth = http.auth
    if auth and auth.bearer and not _sendable(auth.bearer, scope):
        problems.append(f"system.http.auth: the bearer token {_UNSENDABLE}")
    if auth and auth.api_key and auth.api_key.header and not _sendable(auth.api_key.value, scope):
        problems.append(f"system.http.auth: the API key {_UNSENDABLE}")
    if auth and auth.basic and ":" in (_text(auth.basic.username, scope) or ":"):
        problems.append("system.http.auth: needs a user name without a colon (RFC 7617)")
    if auth and auth.basic and _text(auth.basic.password, scope) is None:
        problems.append("system.http.auth: the password is missing: check its secret")
    if problems:
        raise BadSettings(problems)


def _sendable(value: Value, scope: Scope) -> bool:
    return re.fullmatch(r"[\x20-\x7e]+", _text(value, scope) or "") is not None


def _text(value: Value, scope: Scope) -> str | None:
    """The text of a value; None if it has none."""
    try:
        return formed(value, scope, text_of)
    except ValueError:  # it cannot be computed, or has no text
        return None


def hidden(auth: Auth | None) -> HttpCredentials:
    """The credentials for people to read, with `***` in place of each secret."""
    return _placed(auth, HIDDEN) if auth else HttpCredentials()


def _secret(auth: Auth, scope: Scope) -> str:
    """The text that only the connector and the system know."""
    if auth.basic:
        username = formed(auth.basic.username, scope, text_of)
        pair = f"{username}:{formed(auth.basic.password, scope, text_of)}"
        return b64encode(pair.encode()).decode()  # RFC 7617, in UTF-8
    if auth.api_key:
        return formed(auth.api_key.value, scope, text_of)
    return formed(auth.bearer or Constant(""), scope, text_of)  # RFC 6750


def _placed(auth: Auth, secret: str) -> HttpCredentials:
    """The header or the query parameter with the secret."""
    key = auth.api_key
    if key is None:
        scheme = "Basic" if auth.basic else "Bearer"
        return HttpCredentials((("Authorization", f"{scheme} {secret}"),))
    if key.header:
        return HttpCredentials(((key.header, secret),))
    return HttpCredentials(query=((str(key.query), secret),))
