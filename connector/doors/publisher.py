"""Publish messages to Pub/Sub topics; imported only where a deployment does that."""

from collections.abc import Mapping
from typing import Self

import grpc.aio
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.api_core.retry import AsyncRetry
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import PublisherAsyncClient, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

from connector.outcome import Outcome, Refusal
from connector.settings import BadSettings

_NO_CREDENTIALS = (
    "PUBSUB_TOPIC, PUBSUB_DEAD_LETTER_TOPIC: Pub/Sub needs credentials, and Google's library finds "
    "none: run the function with a service account, or set GOOGLE_APPLICATION_CREDENTIALS"
)
_TIMEOUT = 10  # seconds for one message, with its retries
# Pub/Sub's limits: https://cloud.google.com/pubsub/quotas#resource_limits
_ATTRIBUTES = 100
_NAME = 256  # bytes
_VALUE = 1024  # bytes


class Publisher:
    """A Pub/Sub client; an async context manager that the worker holds open while it serves.

    `emulator` is the host and port of Google's emulator, or None for the real service. `patience`
    is for how many seconds a message is tried, with its retries.
    """

    def __init__(self, emulator: str | None, patience: float = _TIMEOUT) -> None:
        self._emulator = emulator
        self._patience = patience

    async def __aenter__(self) -> Self:
        """Open the client, after the server has forked: gRPC does not survive a fork.

        Raises:
            BadSettings: there are no credentials for Pub/Sub.
        """
        if self._emulator:
            channel = grpc.aio.insecure_channel(self._emulator)
            transport = PublisherGrpcAsyncIOTransport(channel=channel)
            self._client = PublisherAsyncClient(transport=transport)
        else:
            try:
                self._client = PublisherAsyncClient()
            except GoogleAuthError:
                raise BadSettings([_NO_CREDENTIALS]) from None
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the client."""
        await self._client.transport.close()  # type: ignore[no-untyped-call]

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Publish a message, and return its id when Pub/Sub has stored it.

        Attributes are cut to Pub/Sub's limits, at their end. Both doors call this.

        Raises:
            Refusal: unavailable; Pub/Sub has not stored the message, or did not say so.
        """
        message = PubsubMessage(data=data, attributes=_fitting(attributes))
        try:
            reply = await self._client.publish(
                topic=topic,
                messages=[message],
                timeout=self._patience,
                retry=AsyncRetry(timeout=self._patience),  # by default: ten minutes
            )
        except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
            cause = f"{type(error).__name__}: {error}"
            raise Refusal(
                Outcome.UNAVAILABLE, "Pub/Sub has not taken the event", cause=cause
            ) from error
        return str(reply.message_ids[0])


def _fitting(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes that Pub/Sub takes, their values cut; names with `goog` are Google's own."""
    values = {
        name: value.encode(errors="replace")[:_VALUE].decode(errors="ignore")
        for name, value in attributes.items()
        if name and not name.startswith("goog") and len(name.encode(errors="replace")) <= _NAME
    }
    return dict(list(values.items())[:_ATTRIBUTES])
