"""The headers and query parameters that authenticate a request to an HTTP system.

They are computed for each request, so that a rotated secret takes effect at once.
"""

from base64 import b64encode
from typing import NamedTuple

from connector.mapping.expression import Constant, Scope
from connector.systems.http.entry import Auth

HIDDEN = "***"


class Credentials(NamedTuple):
    """Headers and query parameters, by name."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def credentials(auth: Auth | None, scope: Scope) -> Credentials:
    """The credentials of a mapping; `scope` holds its settings."""
    if auth is None:
        return Credentials()
    if auth.basic:
        pair = f"{auth.basic.username.evaluate(scope)}:{auth.basic.password.evaluate(scope)}"
        token = b64encode(pair.encode()).decode()  # RFC 7617, in UTF-8
        return Credentials((("Authorization", f"Basic {token}"),))
    if auth.api_key is None:
        token = str((auth.bearer or Constant("")).evaluate(scope))  # RFC 6750
        return Credentials((("Authorization", f"Bearer {token}"),))
    key, value = auth.api_key, str(auth.api_key.value.evaluate(scope))
    if key.header:
        return Credentials(((key.header, value),))
    return Credentials(query=((str(key.query), value),))


def hidden(auth: Auth | None) -> Credentials:
    """The same credentials as a person may see them: the names and `***`."""
    if auth is None:
        return Credentials()
    if auth.api_key is None:
        return Credentials((("Authorization", f"{'Basic' if auth.basic else 'Bearer'} {HIDDEN}"),))
    if auth.api_key.header:
        return Credentials(((auth.api_key.header, HIDDEN),))
    return Credentials(query=((str(auth.api_key.query), HIDDEN),))
