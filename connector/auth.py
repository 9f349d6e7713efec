"""How the connector proves to an external system who it is."""

from collections.abc import Generator, Mapping
from typing import Any

import httpx

from connector.mapping import Auth


class Header(httpx.Auth):
    """A fixed header: a bearer token (RFC 6750) or an API key."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the header into the request."""
        request.headers[self._name] = self._value
        yield request


class Query(httpx.Auth):
    """An API key in the query."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the key into the request's URL."""
        request.url = request.url.copy_set_param(self._name, self._value)
        yield request


def authentication(auth: Auth | None, scope: Mapping[str, Any]) -> httpx.Auth | None:
    """The authentication that a mapping asks for; `scope` holds its settings."""
    if auth is None:
        return None
    if auth.basic is not None:
        basic = auth.basic
        return httpx.BasicAuth(
            str(basic.username.evaluate(scope)), str(basic.password.evaluate(scope))
        )
    if auth.api_key is not None:
        key, value = auth.api_key, str(auth.api_key.value.evaluate(scope))
        return Header(key.header, value) if key.header else Query(str(key.query), value)
    token = auth.bearer.evaluate(scope) if auth.bearer else ""
    return Header("Authorization", f"Bearer {token}")
