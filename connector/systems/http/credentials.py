"""How the connector proves to an external system who it is.

Credentials are computed for each request, so that a rotated secret takes effect at once.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from connector.mapping.expression import Constant, Scope, Value
from connector.mapping.schema import ApiKey, Auth, Basic


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request carries to prove it."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Renewal(Protocol):
    """Says whether secrets are newer than a generation; see `connector.secrets.Secrets`."""

    generation: int

    async def renewed(self, since: int) -> bool:
        """Whether there is something newer than generation `since`."""


def authentication(auth: Auth | None, scope: Scope) -> Callable[[], Proof]:
    """The proof that a mapping asks for, computed anew each time; `scope` holds its settings."""
    if auth is None:
        return Proof
    if auth.basic:
        return partial(_basic, auth.basic, scope)
    if auth.api_key:
        return partial(_api_key, auth.api_key, scope)
    return partial(_bearer, auth.bearer or Constant(""), scope)


def _basic(basic: Basic, scope: Scope) -> Proof:
    """RFC 7617, in UTF-8."""
    pair = f"{basic.username.evaluate(scope)}:{basic.password.evaluate(scope)}"
    return Proof({"authorization": f"Basic {b64encode(pair.encode()).decode()}"})


def _bearer(token: Value, scope: Scope) -> Proof:
    """RFC 6750."""
    return Proof({"authorization": f"Bearer {token.evaluate(scope)}"})


def _api_key(key: ApiKey, scope: Scope) -> Proof:
    value = str(key.value.evaluate(scope))
    if key.header:
        return Proof({key.header.lower(): value})
    return Proof(query=((str(key.query), value),))
