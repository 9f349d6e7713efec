"""The dead-letter subscription of a connector: its letters, pulled, judged by filters, dealt with.

A letter that is pulled is leased to us for a while. Whatever is not acknowledged is given back at
the end, so listing changes nothing.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import grpc
from google.api_core.exceptions import DeadlineExceeded
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

_LEASE = 600  # seconds, the most that Pub/Sub grants
_PATIENCE = 2  # seconds without a letter after which the subscription counts as empty
_BATCH = 500
# What the dead-lettering added; a replayed message does not carry it on.
_ADDED = ("outcome", "reason", "connector")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: the event as it was posted, and why it ended."""

    ack_id: str
    message_id: str
    data: bytes
    attributes: dict[str, str]
    published: datetime

    @property
    def event(self) -> dict[str, Any]:
        """The event, empty if the message is none."""
        try:
            found = json.loads(self.data)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def event_id(self) -> str:
        """The event's id."""
        return self.attributes.get("event_id") or str(self.event.get("event_id", ""))

    @property
    def event_type(self) -> str:
        """The event's type."""
        data = self.event.get("data")
        return str(data.get("event_type", "")) if isinstance(data, dict) else ""

    @property
    def outcome(self) -> str:
        """The outcome; without one Pub/Sub itself gave up after the last attempt."""
        return self.attributes.get("outcome", "gave up")

    @property
    def reason(self) -> str:
        """The reason, for people."""
        return self.attributes.get("reason", "")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant; None means any."""

    event_id: str | None = None
    event_type: str | None = None
    outcome: str | None = None
    reason: str | None = None
    before: datetime | None = None

    def fits(self, letter: Letter) -> bool:
        """Whether a letter is meant; texts are compared without case, the reason in part."""
        return (
            self.event_id in (None, letter.event_id)
            and (self.event_type or letter.event_type).lower() == letter.event_type.lower()
            and (self.outcome or letter.outcome).lower() == letter.outcome.lower()
            and (self.reason or "").lower() in letter.reason.lower()
            and (self.before is None or letter.published < self.before)
        )


class DeadLetters:
    """A dead-letter subscription; use it as a context manager."""

    def __init__(self, subscription: str, emulator: str | None = None) -> None:
        self._subscription = subscription
        self._held: dict[str, Letter] = {}
        if emulator:
            channel = grpc.insecure_channel(emulator)
            self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        else:
            self._subscriber, self._publisher = SubscriberClient(), PublisherClient()

    def __enter__(self) -> Self:
        """Pull from now on."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Give back what was not acknowledged."""
        self._lease(list(self._held), 0)
        self._subscriber.transport.close()  # type: ignore[no-untyped-call]
        self._publisher.transport.close()  # type: ignore[no-untyped-call]

    def pull(self, most: int) -> Iterator[Letter]:
        """Letters until there are no more, or so many."""
        seen: set[str] = set()
        while len(seen) < most:
            wanted = {
                "subscription": self._subscription,
                "max_messages": min(_BATCH, most - len(seen)),
            }
            try:
                pulled = self._subscriber.pull(request=wanted, timeout=_PATIENCE, retry=None)
            except DeadlineExceeded:
                return
            letters = [_letter(received) for received in pulled.received_messages]
            self._held |= {letter.ack_id: letter for letter in letters}
            self._lease([letter.ack_id for letter in letters], _LEASE)
            new = [letter for letter in letters if letter.message_id not in seen]
            if not new:
                return
            seen |= {letter.message_id for letter in new}
            yield from new

    def replay(self, letter: Letter, topic: str) -> None:
        """Publish the event again; then, and only then, the letter is gone."""
        kept = {name: value for name, value in letter.attributes.items() if name not in _ADDED}
        message = PubsubMessage(data=letter.data, attributes=kept)
        self._publisher.publish(topic=topic, messages=[message], timeout=30)
        self.remove([letter])

    def remove(self, letters: Iterable[Letter]) -> None:
        """Acknowledge letters: they are gone."""
        for some in _batches([letter.ack_id for letter in letters]):
            wanted = {"subscription": self._subscription, "ack_ids": some}
            self._subscriber.acknowledge(request=wanted)
            for ack_id in some:
                self._held.pop(ack_id, None)

    def _lease(self, ack_ids: list[str], seconds: int) -> None:
        for some in _batches(ack_ids):
            wanted = {
                "subscription": self._subscription,
                "ack_ids": some,
                "ack_deadline_seconds": seconds,
            }
            self._subscriber.modify_ack_deadline(request=wanted)


def _batches(ack_ids: list[str]) -> Iterator[list[str]]:
    return (ack_ids[start : start + _BATCH] for start in range(0, len(ack_ids), _BATCH))


def _letter(received: Any) -> Letter:
    message = received.message
    return Letter(
        ack_id=received.ack_id,
        message_id=message.message_id,
        data=bytes(message.data),
        attributes=dict(message.attributes),
        published=message.publish_time,
    )
