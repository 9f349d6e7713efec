"""Nothing is lost by being acknowledged: each way in which a door answers a message with 2xx."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector import log
from connector.doors.deadlines import Limits
from tests.support.door_server import ServerThread, captured_log, door_app, lines
from tests.support.events import event, subscriber
from tests.support.function import environment
from tests.support.google_signer import ACCOUNT, AUDIENCE, GoogleSigner, SigningRelay
from tests.support.publisher_server import PublisherServer
from tests.support.scripted import Scripted, ScriptedServer

TOPIC = "projects/p/topics/dead"
CLOUD_EVENT = {"ce-id": "17", "ce-type": "t", "ce-source": "s", "ce-specversion": "1.0"}
DONE = {"applied", "ignored", "duplicate", "superseded"}


@dataclass
class Door:
    """A door with the topic for dead letters behind it."""

    url: str
    headers: dict[str, str]
    topic: PublisherServer
    written: StringIO
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60))

    def push(self, body: bytes, headers: dict[str, str] | None = None) -> int:
        """The status of the answer; the log has only the lines of this message."""
        self.written.seek(0)
        self.written.truncate()
        self.topic.messages.clear()
        sent = self.headers | (headers or {})
        status = self.client.post(self.url, content=body, headers=sent).status_code
        assert (status == 202) == self.done(body), "acknowledged if, and only if, it is done"
        return status

    def done(self, body: bytes) -> bool:
        """Whether the log says that the event is done, or the topic has the message whole."""
        outcomes = {line.get("outcome") for line in lines(self.written)}
        if self.topic.messages:
            (letter,) = self.topic.messages
            assert letter.data in (body, data_of(body))
            assert letter.attributes["reason"]
            assert "dead-lettered" in self.written.getvalue()
        return bool(self.topic.messages) or bool(outcomes & DONE)


def data_of(body: bytes) -> bytes | None:
    """The data of a wrapped message, with its padding or without."""
    try:
        return base64.b64decode(json.loads(body)["message"].get("data", "") + "==")
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def served(opened: ExitStack, scripted: ScriptedServer, **env: str) -> Iterator[Door]:
    """The push door and the CloudEvent door, each with a topic."""
    topic = opened.enter_context(PublisherServer())
    relay = opened.enter_context(SigningRelay(GoogleSigner()))
    env |= {"PUBSUB_EMULATOR_HOST": topic.address, "OIDC_CERTS_URL": f"{relay.url}/certs"}
    env |= {"PUBSUB_SERVICE_ACCOUNT": ACCOUNT, "PUBSUB_AUDIENCE": AUDIENCE}
    written = opened.enter_context(captured_log())
    token = {"Authorization": f"Bearer {relay.signer.token()}"}
    for name in ("process_event", "process_message"):
        app = door_app(environment(scripted.url, **env), name)
        server = opened.enter_context(ServerThread(app, Limits()))
        headers = token if name == "process_event" else CLOUD_EVENT
        door = Door(f"http://127.0.0.1:{server.port}/pubsub", headers, topic, written)
        opened.callback(door.client.close)
        yield door
    log.configure("INFO", written)


@pytest.fixture(scope="module")
def all_doors(scripted: ScriptedServer) -> Iterator[dict[str, Door]]:
    with ExitStack() as opened:
        with_topic = served(opened, scripted, PUBSUB_DEAD_LETTER_TOPIC=TOPIC)
        found = dict(zip(("push", "CloudEvent"), with_topic, strict=True))
        without = served(opened, scripted, INGRESS="publish", PUBSUB_TOPIC=TOPIC)
        found |= dict(zip(("push, no topic", "CloudEvent, no topic"), without, strict=True))
        yield found


@pytest.fixture(params=["push", "CloudEvent"])
def door(
    request: pytest.FixtureRequest, all_doors: dict[str, Door], system: ScriptedServer
) -> Iterator[Door]:
    found = all_doors[request.param]
    log.configure("INFO", found.written)
    yield found
    found.topic.down = False


@pytest.fixture(params=["push, no topic", "CloudEvent, no topic"])
def without_topic(
    request: pytest.FixtureRequest, all_doors: dict[str, Door], system: ScriptedServer
) -> Door:
    log.configure("INFO", all_doors[request.param].written)
    return all_doors[request.param]


def message(found: Any, **more: Any) -> bytes:
    data = found if isinstance(found, bytes) else json.dumps(found).encode()
    inner = {"data": base64.b64encode(data).decode(), "messageId": "17", **more}
    return json.dumps({"message": inner, "subscription": "s"}).encode()


FINAL = event(imsi=subscriber(1), remove=("pb_data.account_info",))
UNREADABLE = {
    "nothing": b"",
    "no JSON": b"{",
    "bytes": b"\xff\x00",
    "data that is not base64": b'{"message": {"data": "%%%", "attributes": null}}',
    "data that is an object": b'{"message": {"data": {"event_id": "a"}}}',
    "a message that is text": b'{"message": "a"}',
    "no data": message(b""),
    "data that is not an event": message(b"[]"),
    "a final error": message(FINAL),
    "a batch of CloudEvents": b'[{"specversion": "1.0"}]',
    "a CloudEvent without data": b'{"specversion": "1.0", "id": "1"}',
    "a CloudEvent whose data is not base64": b'{"specversion": "1.0", "data_base64": "%"}',
}


def test_each_outcome_that_is_done_is_acknowledged(door: Door, system: ScriptedServer) -> None:
    first = event(imsi=subscriber(1))
    assert door.push(message(first)) == 202
    assert door.push(message(first, attributes=None)) == 202, "a duplicate"
    older = event(imsi=subscriber(1), change={"updated_at": "2020-01-01T00:00:00+00:00"})
    assert door.push(message(older)) == 202, "superseded"
    ignored = event(imsi=subscriber(1), change={"data.event_type": "Else/Else"})
    assert door.push(message(ignored)) == 202
    assert door.topic.messages == []
    assert len(system.requests) == 1


def test_an_event_without_wrapper_is_applied(door: Door, system: ScriptedServer) -> None:
    assert door.push(json.dumps(event(imsi=subscriber(1))).encode()) == 202
    assert len(system.requests) == 1
    assert door.topic.messages == []


@pytest.mark.parametrize("reply", [Scripted(500), Scripted(503), Scripted(429), Scripted(404)])
def test_what_may_succeed_later_is_not_acknowledged(
    door: Door, system: ScriptedServer, reply: Scripted
) -> None:
    system.default = reply
    assert door.push(message(event(imsi=subscriber(30)))) == reply.status
    assert door.topic.messages == []


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_succeed_is_dead_lettered_whole(door: Door, name: str) -> None:
    assert door.push(UNREADABLE[name], {"x-goog-pubsub-delivery-attempt": "5"}) == 202
    (letter,) = door.topic.messages
    assert (letter.attributes["outcome"], letter.attributes["connector"]) == (
        "invalid",
        "wtl-hlr-hss",
    )
    assert "secret" not in letter.attributes["reason"]
    assert "authorization" not in str(letter.attributes).lower()


@pytest.mark.parametrize("name", UNREADABLE)
def test_without_a_topic_it_is_not_acknowledged(without_topic: Door, name: str) -> None:
    assert without_topic.push(UNREADABLE[name]) == 422


@pytest.mark.parametrize("name", ["no JSON", "data that is not base64", "a final error"])
def test_without_a_place_on_the_topic_it_is_not_acknowledged(door: Door, name: str) -> None:
    door.topic.down = True
    assert door.push(UNREADABLE[name]) == 503
    (line,) = [each for each in lines(door.written) if "cause" in each]
    assert "not dead-lettered" in line["message"]
    assert "PermissionDenied" in line["cause"]


def test_a_dead_letter_keeps_within_the_limits_of_pubsub(door: Door) -> None:
    attributes = {"": "a", "googclient_a": "a", "n" * 300: "a", "outcome": "mine", "ž" * 128: "a"}
    attributes |= {f"a{number}": "é" * 1500 for number in range(120)}
    assert door.push(message(FINAL, attributes=attributes)) == 202
    (letter,) = door.topic.messages
    assert len(letter.attributes) == 100
    assert letter.attributes["outcome"] == "invalid"
    assert letter.attributes["a0"] == "é" * 512


def test_an_event_of_the_largest_size_comes_back_from_pubsub(
    door: Door, system: ScriptedServer
) -> None:
    """Base64 makes it a third longer than `MAX_BODY_BYTES`."""
    body = json.dumps(event(imsi=subscriber(1))).encode()
    assert door.push(message(body + b" " * (10_000_000 - len(body)))) == 202
    assert door.push(message(b" " * 10_300_000)) == 413


def test_only_posts_bring_messages(door: Door) -> None:
    assert door.client.get(door.url, headers=door.headers).status_code == 405
    assert door.client.get(door.url.replace("/pubsub", "/health")).status_code == 200


BODIES = st.one_of(
    st.sampled_from(list(UNREADABLE.values())),
    st.binary(max_size=40),
    st.builds(
        lambda body, at, put: body[: at % len(body)] + put + body[at % len(body) + 1 :],
        st.sampled_from([message(FINAL), json.dumps(FINAL).encode()]),
        st.integers(0, 9999),
        st.binary(max_size=2),
    ),
)


@given(st.lists(BODIES, min_size=5, max_size=5))
@settings(max_examples=8)
def test_whatever_comes_is_acknowledged_only_if_it_is_done(
    all_doors: dict[str, Door], bodies: list[bytes]
) -> None:
    for found in all_doors.values():
        log.configure("INFO", found.written)
        for body in bodies:
            found.push(body)
