"""Reads, replays and removes the messages of a connector's dead-letter subscription.

A pulled message is leased to this process for ten minutes, and the lease is renewed while the
process works. Messages that it does not acknowledge are given back at the end, so listing changes
nothing.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import grpc
from google.api_core.exceptions import (
    DeadlineExceeded,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    RetryError,
    ServiceUnavailable,
    Unauthenticated,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from connector.outcome import Outcome
from connector_tools.records.record import CannotRead
from connector_tools.records.subject import names_of_body

_LEASE = 600  # seconds, the most that Pub/Sub grants
_PATIENCE = (2.0, 1.0)  # seconds without a message: after the last of them nothing is left
_BATCH = 500
_TIMEOUT = 30  # seconds to publish one message
# Attributes that the connector added to a dead letter; a replayed message does not carry them.
_ADDED = ("outcome", "reason", "connector")
GAVE_UP = "gave up"
"""The outcome of an event that Pub/Sub itself dead-lettered after the last attempt."""
OUTCOMES = (*(outcome.value for outcome in Outcome), GAVE_UP)
"""All outcomes that a dead letter can name."""

_LOGIN = "log in with `gcloud auth application-default login`"
_MENDS: dict[type[Exception], str] = {
    NotFound: "there is no such topic or subscription: correct its name",
    InvalidArgument: "correct the name: projects/P/topics/T or projects/P/subscriptions/S",
    PermissionDenied: "give this login the roles roles/pubsub.subscriber and "
    "roles/pubsub.publisher there",
    ServiceUnavailable: "it cannot be reached: check the network",
    Unauthenticated: f"Google refuses the login: {_LOGIN}",
    DefaultCredentialsError: f"Google's library finds no login: {_LOGIN}",
    GoogleAuthError: f"Google refuses the login: {_LOGIN}",
}


class NotRemoved(Exception):  # noqa: N818 - it names what happened
    """The event of a dead letter was published, but the letter is still there.

    It would be published once more with the next replay. The message is a line for a person.
    """


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: the event as it was posted (`data`), and why it ended (`attributes`)."""

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
        return self.attributes.get("outcome", GAVE_UP)

    @property
    def reason(self) -> str:
        """The reason, for people; empty if there is none."""
        return self.attributes.get("reason", "")


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Selects dead letters by these values; None selects any.

    They were published from `since` on and before `until` and `before`. `ids` are ids of events.
    `of_subscriber` says whether the names in an event are those of a subscriber.
    """

    event_id: str | None = None
    event_type: str | None = None
    outcome: str | None = None
    reason: str | None = None
    before: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: frozenset[str] | None = None
    of_subscriber: Callable[[frozenset[str]], bool] | None = None

    def fits(self, dead_letter: DeadLetter) -> bool:
        """Compare without case; `reason` may be a part of the reason."""
        return (
            self._fits_time(dead_letter.published)
            and self.event_id in (None, dead_letter.event_id)
            and (self.ids is None or dead_letter.event_id in self.ids)
            and (self.event_type or dead_letter.event_type).lower()
            == dead_letter.event_type.lower()
            and (self.outcome or dead_letter.outcome).lower() == dead_letter.outcome.lower()
            and (self.reason or "").lower() in dead_letter.reason.lower()
            and (self.of_subscriber is None or self.of_subscriber(names_of_body(dead_letter.data)))
        )

    def _fits_time(self, published: datetime) -> bool:
        ends = [end for end in (self.before, self.until) if end]
        return (self.since is None or published >= self.since) and all(
            published < end for end in ends
        )


class DeadLetterSubscription:
    """A dead-letter subscription; use it as a context manager.

    Each method raises `CannotRead` if Pub/Sub refuses or cannot be reached; its message is a line
    for a person.

    Args:
        subscription: Its full name, projects/P/subscriptions/S.
        emulator: host:port of a Pub/Sub emulator; without it, Google is asked.
    """

    def __init__(self, subscription: str, emulator: str | None = None) -> None:
        self._subscription = subscription
        self._leased: dict[str, str] = {}  # the newest ack id of each message that is held
        self._renewed = time.monotonic()
        with _one_line(subscription):
            if emulator:
                channel = grpc.insecure_channel(emulator)
                subscriber = SubscriberGrpcTransport(channel=channel)
                self._subscriber = SubscriberClient(transport=subscriber)
                self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
            else:
                self._subscriber, self._publisher = SubscriberClient(), PublisherClient()

    def __enter__(self) -> Self:
        """Return itself; nothing is pulled yet."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Give back the messages that were not acknowledged; if that fails, their leases end."""
        with suppress(CannotRead), _one_line(self._subscription):
            self._lease(list(self._leased.values()), 0)
        self._subscriber.transport.close()  # type: ignore[no-untyped-call]
        self._publisher.transport.close()  # type: ignore[no-untyped-call]

    def pull(self, most: int | None = None) -> Iterator[DeadLetter]:
        """Yield dead letters until there are no more, or `most` of them."""
        seen, quiet = 0, 0
        while quiet < len(_PATIENCE) and (most is None or seen < most):
            new = self._pull(_BATCH if most is None else min(_BATCH, most - seen), _PATIENCE[quiet])
            quiet = 0 if new else quiet + 1
            seen += len(new)
            yield from new

    def replay(self, dead_letter: DeadLetter, topic: str) -> None:
        """Publish the event to a topic again; after that, remove the dead letter.

        Raises:
            CannotRead: it was not published.
            NotRemoved: it was published, but the dead letter is still there.
        """
        kept = {name: text for name, text in dead_letter.attributes.items() if name not in _ADDED}
        message = PubsubMessage(data=dead_letter.data, attributes=kept)
        with _one_line(topic):
            self._keep()
            self._publisher.publish(topic=topic, messages=[message], timeout=_TIMEOUT)
        try:
            self.remove([dead_letter])
        except CannotRead as error:
            raise NotRemoved(str(error)) from error

    def remove(self, dead_letters: Iterable[DeadLetter]) -> None:
        """Acknowledge dead letters, which removes them for good."""
        names = [one.message_id for one in dead_letters if one.message_id in self._leased]
        with _one_line(self._subscription):
            for some in _batches(names):
                wanted = {
                    "subscription": self._subscription,
                    "ack_ids": [self._leased[name] for name in some],
                }
                self._subscriber.acknowledge(request=wanted)
                for name in some:
                    del self._leased[name]

    def _pull(self, most: int, patience: float) -> list[DeadLetter]:
        """Pull once; return the letters that were not pulled before."""
        wanted = {"subscription": self._subscription, "max_messages": most}
        with _one_line(self._subscription):
            self._keep()
            try:
                pulled = self._subscriber.pull(request=wanted, timeout=patience, retry=None)
            except DeadlineExceeded:
                return []
            found = list(pulled.received_messages)
            new = [_dead_letter(one) for one in found if one.message.message_id not in self._leased]
            self._leased |= {one.message.message_id: one.ack_id for one in found}
            self._lease([one.ack_id for one in found], _LEASE)
        return new

    def _keep(self) -> None:
        """Renew the leases in time, if the work takes long."""
        if time.monotonic() - self._renewed > _LEASE / 3:
            self._renewed = time.monotonic()
            self._lease(list(self._leased.values()), _LEASE)

    def _lease(self, ack_ids: list[str], seconds: int) -> None:
        for some in _batches(ack_ids):
            wanted = {
                "subscription": self._subscription,
                "ack_ids": some,
                "ack_deadline_seconds": seconds,
            }
            self._subscriber.modify_ack_deadline(request=wanted)


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Turn what Google's client raises about a topic or subscription into one line."""
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, OSError, ValueError) as error:
        mends = (mend for kind, mend in _MENDS.items() if isinstance(error, kind))
        mend = next(mends, "try again later")
        raise CannotRead(f"Pub/Sub: {type(error).__name__} for {name}: {mend}") from error


def _batches(texts: list[str]) -> Iterator[list[str]]:
    return (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))


def _dead_letter(received: Any) -> DeadLetter:
    message = received.message
    return DeadLetter(
        message_id=message.message_id,
        data=bytes(message.data),
        attributes=dict(message.attributes),
        published=message.publish_time,
    )
