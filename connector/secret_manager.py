"""Secrets in Google Secret Manager (`SECRETS=gcp`).

Imported only where it is used, and not before the server has forked: gRPC does not survive that.
"""

import asyncio
from typing import Any

import google.auth
import grpc.aio
from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
from google.api_core.retry import AsyncRetry
from google.auth.exceptions import GoogleAuthError
from google.cloud.secretmanager_v1 import SecretManagerServiceAsyncClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcAsyncIOTransport as Transport,
)

from connector.secrets import SecretsUnreachable

_TIMEOUT = 10  # seconds for one request
_NEWEST = 2  # versions: NSPS and the connector need not change a token at the same instant


class SecretManager:
    """Reads the newest enabled versions of secrets named `prefix` + name."""

    def __init__(self, project: str | None, prefix: str, emulator: str | None = None) -> None:
        self._project = project
        self._prefix = prefix
        self._emulator = emulator
        self._opening = asyncio.Lock()
        self._client: SecretManagerServiceAsyncClient | None = None

    async def read(self, name: str) -> tuple[str, ...]:
        """The values of a secret, newest first; none if it does not exist.

        Raises:
            SecretsUnreachable: Secret Manager does not answer, or refuses us.
        """
        try:
            client = await self._open()
            parent = f"projects/{self._project}/secrets/{self._prefix}{name}"
            wanted = {"parent": parent, "filter": "state:ENABLED", "page_size": _NEWEST}
            limits: Any = {"timeout": _TIMEOUT, "retry": AsyncRetry(timeout=_TIMEOUT)}
            pages = (await client.list_secret_versions(request=wanted, **limits)).pages
            names = [version.name for version in (await anext(pages)).versions][:_NEWEST]
            found = [
                await client.access_secret_version(request={"name": version}, **limits)
                for version in names
            ]
            return tuple(version.payload.data.decode().strip() for version in found)
        except NotFound:
            return ()
        except (GoogleAPICallError, RetryError, GoogleAuthError, UnicodeDecodeError) as error:
            raise SecretsUnreachable(f"{type(error).__name__} for {self._prefix}{name}") from error

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]

    async def _open(self) -> SecretManagerServiceAsyncClient:
        async with self._opening:  # all names are read at once
            if self._client is None:
                self._client = await self._new_client()
            return self._client

    async def _new_client(self) -> SecretManagerServiceAsyncClient:
        if self._emulator:  # plain text and no credentials, as Google's own emulators have it
            self._project = self._project or "emulator"
            transport = Transport(channel=grpc.aio.insecure_channel(self._emulator))
            return SecretManagerServiceAsyncClient(transport=transport)
        # Blocking: may ask the metadata server for the project and the credentials.
        credentials, project = await asyncio.to_thread(google.auth.default)
        self._project = self._project or project
        return SecretManagerServiceAsyncClient(credentials=credentials)
