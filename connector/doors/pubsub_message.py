"""The formats in which a Pub/Sub message brings an event; pubsub.py is the door for them.

    wrapped          {"message": {"data": base64, "attributes": ...}}: a push subscription, Eventarc
    structured       a CloudEvent in JSON, whose `data` or `data_base64` is one of the others
    unwrapped        the event itself: a push subscription without wrapper

A CloudEvent in binary form has its attributes in headers, `ce-id` and so on, and a body in one of
these formats. So the body decides, not the headers.
"""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from connector.outcome import Detail, Outcome, Refusal

_UNWRAPPED_ID = "x-goog-pubsub-message-id"
_PREFIXES = ("ce-", "x-goog-pubsub-")
_NAMES = ("content-type", "event_id", "event_type", "request_id")


class Message(NamedTuple):
    """An event's body (`data`, decoded), with the id and the attributes of its message."""

    data: bytes
    message_id: str
    attributes: dict[str, str]


def read(headers: Mapping[str, str], body: bytes) -> Message:
    """Read the message in a request; `headers` have names in lower case.

    A body in none of the formats is taken for the event: then the event's own rules decide.

    Raises:
        Refusal: invalid; the wrapper is there, but what it holds cannot be read.
    """
    plain = unread(headers, body)
    if _UNWRAPPED_ID in headers:
        return plain
    document = _object(body)
    if "specversion" in document:
        return _structured(document, plain)
    return _wrapped(document, plain) if _is_wrapper(document) else plain


def unread(headers: Mapping[str, str], body: bytes) -> Message:
    """The message whose data is the body as it came, with the headers that describe it."""
    kept = {
        name: value
        for name, value in headers.items()
        if name.startswith(_PREFIXES) or name in _NAMES
    }
    return Message(body, headers.get(_UNWRAPPED_ID) or headers.get("ce-id", ""), kept)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one if there is none."""
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _is_wrapper(document: Mapping[str, Any]) -> bool:
    """Whether an object is a wrapper; an event has an `event_id`, which a wrapper has not."""
    return "message" in document and "event_id" not in document


def _structured(cloud_event: dict[str, Any], plain: Message) -> Message:
    """Read the data of a CloudEvent in JSON (CloudEvents JSON format 1.0, section 3)."""
    names = [name for name in cloud_event if name not in ("data", "data_base64")]
    kept = plain.attributes | {f"ce-{name}": _text(cloud_event[name]) for name in names}
    data, coded = cloud_event.get("data"), cloud_event.get("data_base64")
    if coded is not None:
        content = _decoded(coded)
    elif data is not None:
        content = data.encode() if isinstance(data, str) else to_json(data)
    else:
        raise _unreadable()
    found = Message(content, _text(cloud_event.get("id", "")), kept)
    document = _object(content)
    return _wrapped(document, found) if _is_wrapper(document) else found


def _wrapped(wrapper: dict[str, Any], outside: Message) -> Message:
    """Read the message in a wrapper; `outside` has what is known from outside of it."""
    inner = wrapper["message"]
    attributes = (inner.get("attributes") or {}) if isinstance(inner, dict) else None
    if not isinstance(attributes, dict):
        raise _unreadable()
    given = {name: _text(value) for name, value in attributes.items()}
    message_id = inner.get("messageId") or inner.get("message_id")
    return Message(
        _decoded(inner.get("data")),
        _text(message_id) if message_id else outside.message_id,
        outside.attributes | given,
    )


def _decoded(text: Any) -> bytes:
    """Decode base64 in either alphabet, with all of its padding or none; nothing is no bytes."""
    if text is None:
        return b""
    if not isinstance(text, str):
        raise _unreadable()
    plain = "".join(text.split()).replace("-", "+").replace("_", "/")
    padding = "" if plain.endswith("=") else "=" * (-len(plain) % 4)
    try:
        return base64.b64decode(plain + padding, validate=True)
    except ValueError:  # also of text outside ASCII
        raise _unreadable() from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _unreadable() -> Refusal:
    rule = "must be a Pub/Sub message with base64 data"
    return Refusal(Outcome.INVALID, details=(Detail("message", rule),))
