"""The headers and query parameters that authenticate a request to an HTTP system.

They are computed for each request, so that a rotated secret takes effect at once. Those of a
session are in `connector.systems.http.session.client`.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from connector.mapping.expression import Constant, Scope, Value, formed
from connector.mapping.session import HIDDEN, UNKNOWN_SESSION
from connector.mapping.text import text_of
from connector.settings import BadSettings
from connector.systems.http.entry import ApiKey, Auth, HttpServer

_UNSENDABLE = (
    "is missing or has a character that a header cannot have: use printable ASCII, and check the "
    "secret or the variable that it comes from"
)


class HttpCredentials(NamedTuple):
    """Headers and query parameters, as pairs of name and value."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def credentials(auth: Auth | None, scope: Scope) -> HttpCredentials:
    """The credentials of `system.http.auth`, without those of a session; `scope` has the settings.

    Raises:
        EvaluationError: an expression fails, or its value has no text.
    """
    if auth is None or auth.session:
        return HttpCredentials()
    if auth.api_key:
        return _keys(auth.api_key, lambda key: formed(key.value, scope, text_of))
    if auth.basic:
        username = formed(auth.basic.username, scope, text_of)
        pair = basic(username, formed(auth.basic.password, scope, text_of))
        return HttpCredentials((("Authorization", f"Basic {pair}"),))
    return bearer(formed(auth.bearer or Constant(""), scope, text_of))


def bearer(token: str) -> HttpCredentials:
    """The header with a token (RFC 6750)."""
    return HttpCredentials((("Authorization", f"Bearer {token}"),))


def basic(username: str, password: str) -> str:
    """User name and password as RFC 7617 encodes them, in UTF-8."""
    return b64encode(f"{username}:{password}".encode()).decode()


def hidden(auth: Auth | None) -> HttpCredentials:
    """The credentials for people to read, with `***` in place of each secret."""
    if auth is None or auth.login or auth.wsse:
        return HttpCredentials()
    if auth.api_key:
        return _keys(auth.api_key, lambda key: HIDDEN)
    scheme = "Basic" if auth.basic else "Bearer"
    return HttpCredentials((("Authorization", f"{scheme} {HIDDEN}"),))


def _keys(keys: tuple[ApiKey, ...], text: Callable[[ApiKey], str]) -> HttpCredentials:
    return HttpCredentials(
        tuple((key.header, text(key)) for key in keys if key.header),
        tuple((key.query, text(key)) for key in keys if key.query),
    )


def check(http: HttpServer, settings: Mapping[str, Any]) -> None:
    """Check that the headers of `system.http` can be sent; a start and a rotated secret need it.

    Raises:
        BadSettings: names each entry that cannot, and never repeats a value.
    """
    scope = Scope(settings=settings, session=UNKNOWN_SESSION)
    problems = [
        f"system.http.headers: {name} {_UNSENDABLE}"
        for name, value in http.headers.items()
        if not _sendable(value, scope)
    ]
    auth = http.auth
    if auth and auth.bearer and not _sendable(auth.bearer, scope):
        problems.append(f"system.http.auth: the bearer token {_UNSENDABLE}")
    keys = [key for key in auth.api_key if key.header] if auth else []
    if not all(_sendable(key.value, scope) for key in keys):
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
