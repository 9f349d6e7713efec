"""Secrets in Google Secret Manager (`SECRETS=gcp`).

Import this module only if it is used, and only after the server has forked: gRPC does not survive
a fork.
"""

import asyncio
from typing import Any

import google.auth
import grpc.aio
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    RetryError,
)
from google.api_core.retry import AsyncRetry
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud.secretmanager_v1 import SecretManagerServiceAsyncClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcAsyncIOTransport as Transport,
)

from connector.secrets import SecretsUnreachable

_TIMEOUT = 10  # seconds for one request
_NEWEST = 2  # versions that are read: while a token is rotated, NSPS may still send the old one


_MENDS: dict[type[Exception], str] = {
    DefaultCredentialsError: "Google's library finds no credentials: run the function with a "
    "service account, or set GOOGLE_APPLICATION_CREDENTIALS",
    Forbidden: "give the function's service account the right to list and to read the secret's "
    "versions, and enable the API secretmanager.googleapis.com",
    InvalidArgument: "correct the project in GOOGLE_CLOUD_PROJECT, or the prefix in SECRETS",
}


def _what_to_do(error: Exception) -> str:
    found = (mend for kind, mend in _MENDS.items() if isinstance(error, kind))
    return next(found, "Secret Manager did not answer as it should; start again later")


class SecretManager:
    """A `connector.secrets.Source`: the two newest enabled versions of the secret prefix + name.

    Without `project`, it is the project that the function runs in. `emulator` is the `host:port` of
    a server that takes the place of Secret Manager in tests. `patience` is for how many seconds a
    request is tried, with its retries.
    """

    def __init__(
        self,
        project: str | None,
        prefix: str,
        emulator: str | None = None,
        patience: float = _TIMEOUT,
    ) -> None:
        self._project = project
        self._prefix = prefix
        self._emulator = emulator
        self._patience = patience
        self._opening = asyncio.Lock()
        self._client: SecretManagerServiceAsyncClient | None = None

    async def read(self, name: str) -> tuple[str, ...]:
        """The values of a secret, newest first; empty if it does not exist.

        Raises:
            SecretsUnreachable: Secret Manager does not answer or denies access, or a value is not
                text.
        """
        try:
            client = await self._open()
            parent = f"projects/{self._project}/secrets/{self._prefix}{name}"
            wanted = {"parent": parent, "filter": "state:ENABLED", "page_size": _NEWEST}
            limits: Any = {"timeout": self._patience, "retry": AsyncRetry(timeout=self._patience)}
            pages = (await client.list_secret_versions(request=wanted, **limits)).pages
            names = [version.name for version in (await anext(pages)).versions][:_NEWEST]
            found = [
                await client.access_secret_version(request={"name": version}, **limits)
                for version in names
            ]
            return tuple(version.payload.data.decode().strip() for version in found)
        except NotFound:
            return ()
        except UnicodeDecodeError:  # no `from`: the error holds the value
            told = f"{self._prefix}{name} is not UTF-8 text: add a version that is"
            raise SecretsUnreachable(told) from None
        except (GoogleAPICallError, RetryError, GoogleAuthError, OSError) as error:
            told = f"{type(error).__name__} for {self._prefix}{name}: {_what_to_do(error)}"
            raise SecretsUnreachable(told) from error

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]

    async def _open(self) -> SecretManagerServiceAsyncClient:
        async with self._opening:  # all names are read at once, and share one client
            if self._client is None:
                self._client = await self._new_client()
            return self._client

    async def _new_client(self) -> SecretManagerServiceAsyncClient:
        if self._emulator:  # no encryption and no credentials, as with Google's own emulators
            self._project = self._project or "emulator"
            transport = Transport(channel=grpc.aio.insecure_channel(self._emulator))
            return SecretManagerServiceAsyncClient(transport=transport)
        # This blocks: it may ask the metadata server for the project and the credentials.
        credentials, project = await asyncio.to_thread(google.auth.default)
        self._project = self._project or project
        return SecretManagerServiceAsyncClient(credentials=credentials)
