"""Puts messages on Pub/Sub topics; imported only by a function that does so."""

from collections.abc import Mapping
from typing import Self

import grpc.aio
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.api_core.retry import AsyncRetry
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import PublisherAsyncClient, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

from connector.outcome import Outcome, Refusal

_TIMEOUT = 10  # seconds until Pub/Sub must have taken a message
_MOST = 1024  # bytes of an attribute's value (Pub/Sub's limit)


class Publisher:
    """A client for Pub/Sub, used as an async context manager while it serves."""

    def __init__(self, emulator: str | None) -> None:
        self._emulator = emulator

    async def __aenter__(self) -> Self:
        """Open the client; not before the server has forked, which gRPC does not survive."""
        if self._emulator:
            channel = grpc.aio.insecure_channel(self._emulator)
            transport = PublisherGrpcAsyncIOTransport(channel=channel)
            self._client = PublisherAsyncClient(transport=transport)
        else:
            self._client = PublisherAsyncClient()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the client."""
        await self._client.transport.close()  # type: ignore[no-untyped-call]

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Publish, and return the message's id once Pub/Sub has taken it.

        Raises:
            Refusal: unavailable; it has not, or may not have.
        """
        fitting = {
            name: value.encode()[:_MOST].decode(errors="ignore")
            for name, value in attributes.items()
        }
        message = PubsubMessage(data=data, attributes=fitting)
        try:
            reply = await self._client.publish(
                topic=topic,
                messages=[message],
                timeout=_TIMEOUT,
                retry=AsyncRetry(timeout=_TIMEOUT),  # the client's own goes on for ten minutes
            )
        except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
            cause = f"{type(error).__name__}: {error}"
            raise Refusal(
                Outcome.UNAVAILABLE, "Pub/Sub has not taken the event", cause=cause
            ) from error
        return str(reply.message_ids[0])
