"""How the connector proves to an external system who it is.

Credentials are computed for each request, so that a rotated secret takes effect at once.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httpx

from connector.mapping import ApiKey, Auth, Basic

Apply = Callable[[httpx.Request], None]
"""Puts a credential into a request."""


class Renewal(Protocol):
    """Says whether secrets are newer than a generation; see `connector.secrets.Secrets`."""

    generation: int

    async def renewed(self, since: int) -> bool:
        """Whether there is something newer than generation `since`."""


def authentication(auth: Auth | None, scope: Mapping[str, Any]) -> Apply:
    """The authentication that a mapping asks for; `scope` holds its settings."""
    if auth is None:
        return lambda _: None
    if auth.basic:
        return _basic(auth.basic, scope)
    if auth.api_key:
        return _api_key(auth.api_key, scope)

    def bearer(request: httpx.Request) -> None:  # RFC 6750
        token = auth.bearer.evaluate(scope) if auth.bearer else ""
        request.headers["Authorization"] = f"Bearer {token}"

    return bearer


def _basic(basic: Basic, scope: Mapping[str, Any]) -> Apply:
    def apply(request: httpx.Request) -> None:
        user, password = basic.username.evaluate(scope), basic.password.evaluate(scope)
        next(httpx.BasicAuth(str(user), str(password)).auth_flow(request))

    return apply


def _api_key(key: ApiKey, scope: Mapping[str, Any]) -> Apply:
    def apply(request: httpx.Request) -> None:
        value = str(key.value.evaluate(scope))
        if key.header:
            request.headers[key.header] = value
        else:
            request.url = request.url.copy_set_param(str(key.query), value)

    return apply
