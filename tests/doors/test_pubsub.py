"""Publish, push and dead-letter over the real Pub/Sub emulator; the check of the pusher."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.doors.publisher import Publisher
from connector.outcome import Outcome, Refusal
from tests.support.events import event, subscriber
from tests.support.function import Function, environment
from tests.support.google_signer import ACCOUNT, AUDIENCE, GoogleSigner, SigningRelay
from tests.support.publisher_server import PublisherServer
from tests.support.pubsub_emulator import PubSubEmulator, running_emulator
from tests.support.scripted import Scripted, ScriptedServer


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with running_emulator() as address:
        yield address


@dataclass
class Stand:
    """A buffered deployment: a function that publishes, and a subscription that pushes to it."""

    pubsub: PubSubEmulator
    relay: SigningRelay
    function: Function
    env: dict[str, str]
    dead_letters: str


@pytest.fixture
def stand(emulator: str, system: ScriptedServer, tmp_path: Path) -> Iterator[Stand]:
    pubsub = PubSubEmulator(emulator)
    events, dead = pubsub.topic("events"), pubsub.topic("dead-letters")
    dead_letters = pubsub.subscription("dead-letters", dead)
    with SigningRelay(GoogleSigner()) as relay:
        env = environment(
            system.url,
            INGRESS="publish",
            PUBSUB_TOPIC=events,
            PUBSUB_DEAD_LETTER_TOPIC=dead,
            PUBSUB_SERVICE_ACCOUNT=ACCOUNT,
            PUBSUB_AUDIENCE=AUDIENCE,
            OIDC_CERTS_URL=f"{relay.url}/certs",
            PUBSUB_EMULATOR_HOST=emulator,
        )
        with Function(tmp_path / "log", env) as function:
            relay.open(f"{function.url}/pubsub")
            pubsub.subscription("push", events, push_to=relay.url)
            yield Stand(pubsub, relay, function, env, dead_letters)


def wait_for(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.05)


def envelope(found: Any) -> bytes:
    data = found if isinstance(found, bytes) else json.dumps(found).encode()
    message = {"data": base64.b64encode(data).decode(), "messageId": "17", "attributes": {}}
    return json.dumps({"message": message, "subscription": "s"}).encode()


def test_an_event_is_queued_pushed_and_applied(stand: Stand, system: ScriptedServer) -> None:
    posted = event(imsi=subscriber(1))
    answer = stand.function.post(posted, headers={"x-b3-traceid": "trace-of-nsps"})
    assert (answer.status_code, answer.json()) == (
        202,
        {"message": "Event accepted for processing"},
    )
    wait_for(lambda: stand.function.lines(outcome="applied"))
    (line,) = stand.function.lines(outcome="applied")
    assert line["event_id"] == posted["event_id"]
    assert line["request_id"] == "trace-of-nsps"
    assert len(system.requests) == 1
    wait_for(lambda: stand.relay.statuses == [202])


def test_a_failed_event_is_redelivered_until_it_is_applied(
    stand: Stand, system: ScriptedServer
) -> None:
    system.script(Scripted(status=500), Scripted(status=500))
    stand.function.post(event(imsi=subscriber(2)))
    wait_for(lambda: stand.function.lines(outcome="applied"))
    wait_for(lambda: stand.relay.statuses == [500, 500, 202])
    assert len(system.requests) == 3


def test_a_final_error_is_dead_lettered_at_once(stand: Stand, system: ScriptedServer) -> None:
    posted = event(imsi=subscriber(3), remove=("pb_data.account_info",))
    assert stand.function.post(posted).status_code == 202, "the event is valid, so it is queued"
    (letter,) = stand.pubsub.pull(stand.dead_letters, 1)
    assert json.loads(letter.data) == posted
    assert letter.attributes["outcome"] == "invalid"
    assert "account_info is missing" in letter.attributes["reason"]
    assert letter.attributes["event_id"] == posted["event_id"]
    assert letter.attributes["connector"] == "wtl-hlr-hss"
    wait_for(lambda: stand.relay.statuses == [202])
    assert system.requests == []


def test_a_dead_lettered_id_with_the_number_of_the_subscriber_is_masked_in_the_log(
    stand: Stand,
) -> None:
    imsi = subscriber(5)
    change = {"event_id": f"sim-{imsi}"}
    posted = event(imsi=imsi, change=change, remove=("pb_data.account_info",))
    headers = {"x-b3-traceid": f"trace-{imsi}"}
    assert stand.function.post(posted, headers=headers).status_code == 202
    (letter,) = stand.pubsub.pull(stand.dead_letters, 1)
    assert letter.attributes["event_id"] == posted["event_id"], "the letter is found by it"
    wait_for(lambda: stand.function.lines(message="event dead-lettered"))
    assert imsi not in stand.function.output()


def test_every_line_of_an_event_has_the_hashes_by_which_it_is_found(stand: Stand) -> None:
    """Also that of an event that is refused before it is queued, or becomes a dead letter."""
    posted = event(imsi=subscriber(6), remove=("pb_data.account_info",))
    stand.function.post(posted)
    stand.function.post({**posted, "updated_at": "yesterday"})
    stand.pubsub.pull(stand.dead_letters, 1)
    wait_for(lambda: stand.function.lines(message="event dead-lettered"))
    told = ("event queued", "event settled", "event dead-lettered", "request refused")
    lines = [line for line in stand.function.lines() if line["message"] in told]
    assert {line["message"] for line in lines} == set(told)
    (only,) = {tuple(line["subject_hash"]) for line in lines}
    assert len(only) == 1


def test_an_invalid_event_is_refused_before_it_is_queued(stand: Stand) -> None:
    assert stand.function.post(b'{"event_id": "x"}').status_code == 422
    assert stand.function.post(event(), token="wrong").status_code == 401
    assert stand.function.lines(message="event queued") == []


def test_queued_events_survive_a_killed_function(
    stand: Stand, system: ScriptedServer, tmp_path: Path
) -> None:
    system.default = Scripted(delay=0.3)
    for number in range(10):
        assert stand.function.post(event(imsi=subscriber(number))).status_code == 202
    wait_for(lambda: system.requests)
    stand.relay.close()
    stand.function.kill()
    with Function(tmp_path / "log2", stand.env) as second:
        stand.relay.open(f"{second.url}/pubsub")
        wait_for(lambda: len(stand.relay.acknowledged) == 10, 60)
    assert len({request.json["imsi"] for request in system.requests}) == 10


async def test_a_pubsub_that_cannot_be_reached_is_unavailable() -> None:
    async with Publisher("127.0.0.1:1", patience=0.5) as publisher:
        with pytest.raises(Refusal) as refused:
            async with asyncio.timeout(30):
                await publisher.publish("projects/demo/topics/events", b"an event", {})
    assert refused.value.result.outcome is Outcome.UNAVAILABLE
    assert "Pub/Sub" in str(refused.value.result.reason)


def test_an_event_that_pubsub_does_not_store_is_unavailable(
    system: ScriptedServer, tmp_path: Path
) -> None:
    with PublisherServer() as pubsub:
        pubsub.down = True
        env = environment(
            system.url,
            INGRESS="publish",
            PUBSUB_TOPIC="projects/demo/topics/events",
            PUBSUB_EMULATOR_HOST=pubsub.address,
        )
        with Function(tmp_path / "log", env) as function:
            answer = function.post(event())
    assert answer.status_code == 503
    assert answer.json()["type"] == "CONNECTION_ERROR"
    assert "Pub/Sub" in answer.json()["error"]


NOW = int(time.time())
FORGED: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://else.test"},
    "another account": {"email": "else@demo.iam.gserviceaccount.com"},
    "an e-mail that is not verified": {"email_verified": False},
    "another issuer": {"iss": "https://else.test"},
    "an expired token": {"iat": NOW - 7200, "exp": NOW - 3600},
    "a token of the future": {"iat": NOW + 3600, "exp": NOW + 7200},
}


def test_only_the_deployments_own_subscription_may_push(
    stand: Stand, system: ScriptedServer
) -> None:
    url, body = stand.relay.target, envelope(event(imsi=subscriber(4)))

    def push(authorization: str | None) -> httpx.Response:
        headers = {"Authorization": authorization} if authorization is not None else {}
        return stand.function.client.post(url, content=body, headers=headers)

    refused = {name: f"Bearer {stand.relay.signer.token(**it)}" for name, it in FORGED.items()}
    refused["another key"] = f"Bearer {GoogleSigner().token()}"
    refused["the token of NSPS"] = f"Bearer {stand.env['API_TOKEN']}"
    refused["no token"] = "Bearer"
    refused["another scheme"] = f"Basic {stand.relay.signer.token()}"
    refused["half a token"] = f"Bearer {stand.relay.signer.token()[:-20]}"
    for name, authorization in refused.items():
        answer = push(authorization)
        assert answer.status_code == 401, name
        assert answer.json()["type"] == "AUTHENTICATION_ERROR", name
    assert push(None).status_code == 401
    assert system.requests == []
    assert push(f"Bearer {stand.relay.signer.token()}").status_code == 202
    assert stand.function.client.get(url).status_code == 405


def test_a_push_that_cannot_be_read_is_dead_lettered_whole(stand: Stand) -> None:
    headers = {"Authorization": f"Bearer {stand.relay.signer.token()}"}
    pushed = [b"", b"[]", b'{"message": {"data": "%%%"}}', b'{"message": 1}']
    for body in pushed:
        answer = stand.function.client.post(stand.relay.target, content=body, headers=headers)
        assert answer.status_code == 202, body
    letters = stand.pubsub.pull(stand.dead_letters, len(pushed))
    assert sorted(letter.data for letter in letters) == sorted(pushed)
    assert {letter.attributes["outcome"] for letter in letters} == {"invalid"}
    assert all(letter.attributes["reason"] for letter in letters)


def test_a_cloud_event_is_applied_or_delivered_again(
    system: ScriptedServer, tmp_path: Path
) -> None:
    headers = {
        "ce-id": "1",
        "ce-source": "//pubsub.googleapis.com/projects/demo/topics/events",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
        "ce-specversion": "1.0",
        "content-type": "application/json",
    }
    env = environment(system.url)
    with Function(tmp_path / "log", env, target="process_message") as function:

        def deliver(body: bytes) -> int:
            return function.client.post("/", content=body, headers=headers).status_code

        posted = envelope(event(imsi=subscriber(5)))
        system.script(Scripted(status=500))
        assert deliver(posted) == 500
        assert deliver(posted) == 202
        assert deliver(posted) == 202
        assert len(system.requests) == 2, "the third delivery is a duplicate"
        assert deliver(b'{"message": {"data": "%%%"}}') == 422
        final = envelope(event(remove=("pb_data.account_info",)))
        assert deliver(final) == 422, "without a dead-letter topic the subscription decides"
        outcomes = [line["outcome"] for line in function.lines(message="event settled")]
        assert outcomes == ["failed", "applied", "duplicate", "invalid"]
