"""The formats of a Pub/Sub message: what Google's services and clients send, and what they do not.

Sources: https://cloud.google.com/pubsub/docs/push (wrapped), /pubsub/docs/payload-unwrapping,
https://cloud.google.com/eventarc/docs/cloudevents, the CloudEvents HTTP and JSON formats 1.0.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.doors.pubsub_message import read
from connector.outcome import Outcome, Refusal

DATA = b'{"event_id": "a?>~"}'
CODED = base64.b64encode(DATA).decode()
BINARY = {
    "ce-id": "17",
    "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
    "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
    "ce-specversion": "1.0",
    "content-type": "application/json",
}
PUSHED: dict[str, Any] = {
    "message": {
        "attributes": {"request_id": "r"},
        "data": CODED,
        "messageId": "17",
        "message_id": "17",
        "publishTime": "2026-11-28T10:00:00.000Z",
        "publish_time": "2026-11-28T10:00:00.000Z",
        "orderingKey": "k",
    },
    "subscription": "projects/p/subscriptions/s",
    "deliveryAttempt": 5,
}
STRUCTURED = {name.removeprefix("ce-"): value for name, value in BINARY.items() if "ce-" in name}


def wrapped(**message: Any) -> bytes:
    return json.dumps({"message": {"data": CODED, "messageId": "17", **message}}).encode()


def structured(**more: Any) -> bytes:
    return json.dumps(STRUCTURED | {"datacontenttype": "application/json"} | more).encode()


UNWRAPPED = {
    "x-goog-pubsub-message-id": "17",
    "x-goog-pubsub-subscription-name": "projects/p/subscriptions/s",
    "x-goog-pubsub-publish-time": "2026-11-28T10:00:00.000Z",
    "request_id": "r",
    "authorization": "Bearer secret",
}
READ: dict[str, tuple[dict[str, str], bytes]] = {
    "a push": ({}, json.dumps(PUSHED).encode()),
    "a push in binary form": (BINARY, json.dumps(PUSHED).encode()),
    "no attributes": ({}, wrapped()),
    "attributes that are null": ({}, wrapped(attributes=None)),
    "an empty list of attributes, as PHP writes it": ({}, wrapped(attributes=[])),
    "an attribute that is a number": ({}, wrapped(attributes={"a": 1})),
    "an id that is a number": ({}, wrapped(messageId=17)),
    "the other spelling of the id": ({}, wrapped(messageId=None, message_id="17")),
    "URL-safe base64": ({}, wrapped(data=base64.urlsafe_b64encode(DATA).decode())),
    "base64 without padding": ({}, wrapped(data=CODED.rstrip("="))),
    "base64 in lines": ({}, wrapped(data=base64.encodebytes(DATA * 1).decode() + "\r\n")),
    "no wrapper, with headers": (UNWRAPPED, DATA),
    "no wrapper, in binary form": (BINARY, DATA),
    "structured": ({}, structured(data=PUSHED)),
    "structured, as text": ({}, structured(data=json.dumps(PUSHED))),
    "structured, in base64": (
        {"content-type": "application/cloudevents+json; charset=utf-8"},
        structured(data_base64=base64.b64encode(json.dumps(PUSHED).encode()).decode()),
    ),
    "structured, the event itself in base64": ({}, structured(data_base64=CODED)),
    "structured, the event itself as text": ({}, structured(data=DATA.decode())),
}


@pytest.mark.parametrize("name", READ)
def test_what_google_sends_is_read(name: str) -> None:
    message = read(*READ[name])
    assert (message.data, message.message_id) == (DATA, "17")
    assert "secret" not in str(message.attributes)
    assert all(isinstance(value, str) for value in message.attributes.values())


@pytest.mark.parametrize("name", ["a push", "no wrapper, with headers"])
def test_the_attributes_are_kept(name: str) -> None:
    assert read(*READ[name]).attributes["request_id"] == "r"


def test_an_event_in_a_structured_cloud_event_is_read() -> None:
    message = read({}, structured(data=json.loads(DATA)))
    assert json.loads(message.data) == json.loads(DATA)
    assert message.attributes["ce-type"] == BINARY["ce-type"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 9999, DATA, b'{"a": 1}'])
def test_a_body_without_wrapper_is_the_event(body: bytes) -> None:
    assert read({}, body).data == body
    assert read(UNWRAPPED, body).data == body


def test_an_event_with_a_message_is_no_wrapper() -> None:
    body = b'{"event_id": "a", "message": {"data": "%%%"}}'
    assert read({}, body).data == body
    assert read(UNWRAPPED, wrapped()).data == wrapped(), "the header says that there is no wrapper"


@pytest.mark.parametrize("message", [{"data": None}, {"data": ""}, {"attributes": {}, "data": ""}])
def test_a_message_without_data_is_the_empty_event(message: dict[str, Any]) -> None:
    assert read({}, wrapped(**message)).data == b""


@pytest.mark.parametrize(
    "message",
    [
        *(
            {"data": data}
            for data in ("%%%", "A", "AAAAA", "AA=A", "AA=", "====", "A" * 6 + "===", "é")
        ),
        {"data": 1},
        {"data": []},
        {"data": {}},
        {"attributes": ["a"]},
        {"attributes": "a"},
    ],
    ids=str,
)
def test_a_wrapper_whose_message_cannot_be_read_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        read({}, wrapped(**message))
    assert refused.value.result.outcome is Outcome.INVALID
    (detail,) = refused.value.result.details
    assert detail.field == "message"


@pytest.mark.parametrize("message", [None, 1, "a", []], ids=str)
def test_a_wrapper_without_a_message_is_refused(message: Any) -> None:
    with pytest.raises(Refusal):
        read({}, json.dumps({"message": message}).encode())


CODINGS = st.sampled_from([base64.b64encode, base64.urlsafe_b64encode])


@given(st.binary(), CODINGS, st.booleans(), st.integers(1, 80))
def test_data_is_read_in_every_spelling_of_base64(
    data: bytes, encode: Any, padded: bool, width: int
) -> None:
    text = encode(data).decode()
    text = text if padded else text.rstrip("=")
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    assert read({}, wrapped(data="\n".join(lines))).data == data


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(CODED),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["message", "data", "attributes", "messageId", "specversion", "id"]),
            inner,
        )
    ),
)


@given(JSON)
def test_every_body_is_read_or_refused(document: Any) -> None:
    try:
        message = read(BINARY, json.dumps(document).encode())
    except Refusal as refusal:
        assert refusal.result.outcome is Outcome.INVALID
    else:
        assert isinstance(message.data, bytes)
        assert all(isinstance(text, str) for text in message.attributes.values())
