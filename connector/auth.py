"""How the connector proves to an external system who it is.

Credentials are computed for each request, so that a rotated secret takes effect at once. When the
system answers 401 they are read again and, if they changed, the request is repeated once.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Protocol

import httpx

from connector.mapping import ApiKey, Auth, Basic

Apply = Callable[[httpx.Request], None]


class Renewal(Protocol):
    """Says whether secrets are newer than a generation; see `connector.secrets.Secrets`."""

    generation: int

    async def renewed(self, since: int) -> bool:
        """Whether there is something newer than generation `since`."""


class Credential(httpx.Auth):
    """Puts a credential into each request by `apply`."""

    def __init__(self, apply: Apply, renewal: Renewal | None) -> None:
        self._apply = apply
        self._renewal = renewal

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with the credential; once more with a newer one if it was refused."""
        used = self._renewal.generation if self._renewal else 0
        self._apply(request)
        response = yield request
        if response.status_code == 401 and self._renewal and await self._renewal.renewed(used):
            self._apply(request)
            yield request


def authentication(
    auth: Auth | None, scope: Mapping[str, Any], renewal: Renewal | None = None
) -> httpx.Auth | None:
    """The authentication that a mapping asks for; `scope` holds its settings."""
    if auth is None:
        return None
    if auth.basic:
        return Credential(_basic(auth.basic, scope), renewal)
    if auth.api_key:
        return Credential(_api_key(auth.api_key, scope), renewal)

    def bearer(request: httpx.Request) -> None:  # RFC 6750
        token = auth.bearer.evaluate(scope) if auth.bearer else ""
        request.headers["Authorization"] = f"Bearer {token}"

    return Credential(bearer, renewal)


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
