"""Reads, replays and removes the messages of a connector's dead-letter subscription.

A pulled message is leased to this process for ten minutes. Messages that it does not acknowledge
are given back at the end, so listing changes nothing.
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
_PATIENCE = 2  # seconds without a message after which the subscription counts as empty
_BATCH = 500
# Attributes that the connector added to a dead letter; a replayed message does not carry them.
_ADDED = ("outcome", "reason", "connector")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: the event as it was posted (`data`), and why it ended (`attributes`)."""

    ack_id: str
    message_id: str
    data: bytes
    attributes: dict[str, str]
    published: datetime

    @property
    def event(self) -> dict[str, Any]:
        """The event; empty if `data` is not a JSON object."""
        try:
            found = json.loads(self.data)
        except (ValueError, RecursionError):  # the bytes of a stranger, as they came
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def event_id(self) -> str:
        """The event's id; empty if there is none."""
        return self.attributes.get("event_id") or str(self.event.get("event_id", ""))

    @property
    def event_type(self) -> str:
        """The event's type; empty if there is none."""
        data = self.event.get("data")
        return str(data.get("event_type", "")) if isinstance(data, dict) else ""

    @property
    def outcome(self) -> str:
        """The outcome, or `gave up` if Pub/Sub itself dead-lettered it after the last attempt."""
        return self.attributes.get("outcome", "gave up")

    @property
    def reason(self) -> str:
        """The reason, for people; empty if there is none."""
        return self.attributes.get("reason", "")


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Selects dead letters by these values; None selects any."""

    event_id: str | None = None
    event_type: str | None = None
    outcome: str | None = None
    reason: str | None = None
    before: datetime | None = None

    def fits(self, dead_letter: DeadLetter) -> bool:
        """Compare without case; `reason` may be a part of the reason."""
        return (
            self.event_id in (None, dead_letter.event_id)
            and (self.event_type or dead_letter.event_type).lower()
            == dead_letter.event_type.lower()
            and (self.outcome or dead_letter.outcome).lower() == dead_letter.outcome.lower()
            and (self.reason or "").lower() in dead_letter.reason.lower()
            and (self.before is None or dead_letter.published < self.before)
        )


class DeadLetterSubscription:
    """A dead-letter subscription; use it as a context manager.

    Args:
        subscription: Its full name, projects/P/subscriptions/S.
        emulator: host:port of a Pub/Sub emulator; without it, Google is asked.
    """

    def __init__(self, subscription: str, emulator: str | None = None) -> None:
        self._subscription = subscription
        self._leased: dict[str, DeadLetter] = {}
        if emulator:
            channel = grpc.insecure_channel(emulator)
            self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        else:
            self._subscriber, self._publisher = SubscriberClient(), PublisherClient()

    def __enter__(self) -> Self:
        """Return itself; nothing is pulled yet."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Give back the messages that were not acknowledged."""
        self._lease(list(self._leased), 0)
        self._subscriber.transport.close()  # type: ignore[no-untyped-call]
        self._publisher.transport.close()  # type: ignore[no-untyped-call]

    def pull(self, most: int) -> Iterator[DeadLetter]:
        """Yield dead letters until there are no more, at most `most`."""
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
            found = [_dead_letter(received) for received in pulled.received_messages]
            self._leased |= {one.ack_id: one for one in found}
            self._lease([one.ack_id for one in found], _LEASE)
            new = [one for one in found if one.message_id not in seen]
            if not new:
                return
            seen |= {one.message_id for one in new}
            yield from new

    def replay(self, dead_letter: DeadLetter, topic: str) -> None:
        """Publish the event to a topic again; after that, remove the dead letter."""
        kept = {name: text for name, text in dead_letter.attributes.items() if name not in _ADDED}
        message = PubsubMessage(data=dead_letter.data, attributes=kept)
        self._publisher.publish(topic=topic, messages=[message], timeout=30)
        self.remove([dead_letter])

    def remove(self, dead_letters: Iterable[DeadLetter]) -> None:
        """Acknowledge dead letters, which removes them for good."""
        for some in _batches([one.ack_id for one in dead_letters]):
            wanted = {"subscription": self._subscription, "ack_ids": some}
            self._subscriber.acknowledge(request=wanted)
            for ack_id in some:
                self._leased.pop(ack_id, None)

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


def _dead_letter(received: Any) -> DeadLetter:
    message = received.message
    return DeadLetter(
        ack_id=received.ack_id,
        message_id=message.message_id,
        data=bytes(message.data),
        attributes=dict(message.attributes),
        published=message.publish_time,
    )
