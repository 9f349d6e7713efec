"""The headers and query parameters that authenticate a request to an HTTP system.

They are computed for each request, so that a rotated secret takes effect at once.
"""

from base64 import b64encode
from typing import NamedTuple

from connector.mapping.expression import Constant, Scope
from connector.systems.http.entry import Auth

HIDDEN = "***"


class HttpCredentials(NamedTuple):
    """Headers and query parameters, as pairs of name and value."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def credentials(auth: Auth | None, scope: Scope) -> HttpCredentials:
    """The credentials of `system.http.auth`; `scope` has the settings."""
    if auth is None:
        return HttpCredentials()
    if auth.basic:
        pair = f"{auth.basic.username.evaluate(scope)}:{auth.basic.password.evaluate(scope)}"
        token = b64encode(pair.encode()).decode()  # RFC 7617, in UTF-8
        return HttpCredentials((("Authorization", f"Basic {token}"),))
    if auth.api_key is None:
        token = str((auth.bearer or Constant("")).evaluate(scope))  # RFC 6750
        return HttpCredentials((("Authorization", f"Bearer {token}"),))
    key, value = auth.api_key, str(auth.api_key.value.evaluate(scope))
    if key.header:
        return HttpCredentials(((key.header, value),))
    return HttpCredentials(query=((str(key.query), value),))


def hidden(auth: Auth | None) -> HttpCredentials:
    """The credentials for people to read, with `***` in place of each secret."""
    if auth is None:
        return HttpCredentials()
    if auth.api_key is None:
        return HttpCredentials(
            (("Authorization", f"{'Basic' if auth.basic else 'Bearer'} {HIDDEN}"),)
        )
    if auth.api_key.header:
        return HttpCredentials(((auth.api_key.header, HIDDEN),))
    return HttpCredentials(query=((str(auth.api_key.query), HIDDEN),))
