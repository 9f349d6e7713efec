"""The headers and query parameters that authenticate a request to an HTTP system.

They are computed for each request, so that a rotated secret takes effect at once.
"""

from base64 import b64encode
from typing import NamedTuple

from connector.mapping.expression import Constant, Scope, formed
from connector.mapping.protocol import HIDDEN
from connector.mapping.text import text_of
from connector.systems.http.entry import Auth


class HttpCredentials(NamedTuple):
    """Headers and query parameters, as pairs of name and value."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def credentials(auth: Auth | None, scope: Scope) -> HttpCredentials:
    """The credentials of `system.http.auth`; `scope` has the settings."""
    return _placed(auth, _secret(auth, scope)) if auth else HttpCredentials()


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
