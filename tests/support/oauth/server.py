"""Starts the OAuth2 server, and asks it what it has seen."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from connector_tools.program import DidNotStart, Program
from tests.support.oauth.install import packages

_SCRIPT = Path(__file__).parent / "server.mjs"
_START_SECONDS = 30


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key() -> str:
    """The key that signs assertions, in PEM; the server knows its public part."""
    secret = _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret.decode()


def _public_key() -> str:
    form = PublicFormat.SubjectPublicKeyInfo
    return _key().public_key().public_bytes(Encoding.PEM, form).decode()


@dataclass(frozen=True)
class OAuthSettings:
    """What the server knows. Times are in seconds.

    The clients `basic` and `post` send `client_secret` in a header and in the body, and may use
    client_credentials, password and refresh_token. `signed` proves itself with a signed assertion
    (private_key_jwt). The grant `urn:ietf:params:oauth:grant-type:jwt-bearer` needs no client: its
    assertion has `service_account` as `iss` and the token's URL as `aud`.

    A request for a token names `resource` (or `audience`), unless `default_resource` is true.
    `Resource` can ask about opaque tokens only.
    """

    lifetime: int = 600
    refresh_lifetime: int = 3600
    rotate: bool = True  # each refresh token is good once; used again, it ends all of its tokens
    format: Literal["opaque", "jwt"] = "opaque"
    scopes: tuple[str, ...] = ("provision", "read")
    resource: str = "https://hss.example.com/api"
    default_resource: bool = False
    client_secret: str = "client-secret-" + "7" * 32
    username: str = "provisioner"
    password: str = "password-of-the-provisioner"
    service_account: str = "connector@project.iam.gserviceaccount.com"
    public_key: str = field(default_factory=_public_key)


class OAuthServer:
    """A running server."""

    def __init__(self, url: str, settings: OAuthSettings) -> None:
        self.url = url
        self.settings = settings
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=10)

    @property
    def token_url(self) -> str:
        """Where tokens are issued; the `aud` of an assertion, too."""
        return f"{self.url}/token"

    @property
    def introspection_url(self) -> str:
        """Where a system asks whether a token is good (RFC 7662)."""
        return f"{self.url}/token/introspection"

    @property
    def private_key(self) -> str:
        """See `private_key`."""
        return private_key()

    @property
    def token_requests(self) -> list[dict[str, Any]]:
        """The requests for a token in their order: `grant`, `scope`, `status`."""
        found: list[dict[str, Any]] = self._client.get("/control/requests").json()
        return found

    def grants(self) -> list[str]:
        """The grants of the requests for a token that succeeded."""
        return [str(one["grant"]) for one in self.token_requests if one["status"] == 200]

    def end_tokens(self, refresh: bool = False) -> None:
        """End all access tokens now; with `refresh` all refresh tokens, too."""
        query = "?refresh=1" if refresh else ""
        self._client.post(f"/control/end{query}").raise_for_status()

    def fail(self, times: int, status: int = 503) -> None:
        """Let the next requests for a token fail."""
        self._client.post(f"/control/fail?times={times}&status={status}").raise_for_status()

    def close(self) -> None:
        self._client.close()


@contextmanager
def running(settings: OAuthSettings | None = None) -> Iterator[OAuthServer]:
    """Start a server; without npm, the test is skipped."""
    settings = settings or OAuthSettings()
    command = ["node", "--no-warnings", str(_SCRIPT), str(packages()), json.dumps(asdict(settings))]
    program = Program(command, {})
    program.start()
    try:
        server = OAuthServer(f"http://127.0.0.1:{_port(program)}", settings)
        try:
            yield server
        finally:
            server.close()
    finally:
        program.kill()


def _port(program: Program) -> int:
    """The port, which is the first line that is a number; the library may warn before."""
    while (line := program.line(_START_SECONDS)) is not None:
        if line.isdecimal():
            return int(line)
    raise DidNotStart("\n".join(["oidc-provider did not start:", *program.tail]))
