"""`connector dlq` against the real Pub/Sub emulator."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.pubsub_v1 import PubsubMessage
from typer.testing import CliRunner

from connector_tools.cli.dead_letters import app
from tests.support.events import event
from tests.support.pubsub_emulator import PubSubEmulator, running_emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with running_emulator() as address:
        yield address


@dataclass
class Desk:
    """Three dead letters, and the topic that they came from."""

    pubsub: PubSubEmulator
    subscription: str
    topic: str
    replayed: str
    events: list[dict[str, Any]]
    environ: dict[str, str]

    def run(self, *arguments: str) -> Any:
        command = [*arguments, "--subscription", self.subscription]
        return CliRunner().invoke(app, command, env=self.environ)

    def left(self) -> set[str]:
        """The ids of the events whose letters are still there."""
        output = self.run("list").stdout
        return {found["event_id"] for found in self.events if found["event_id"] in output}


@pytest.fixture
def desk(emulator: str) -> Desk:
    pubsub = PubSubEmulator(emulator)
    topic, dead = pubsub.topic("events"), pubsub.topic("dead")
    subscription = pubsub.subscription("dead", dead)
    replayed = pubsub.subscription("replayed", topic)
    events = [event(), event(), event("sim-created")]
    added = [
        {"outcome": "invalid", "reason": "account_info is missing"},
        {"outcome": "rejected", "reason": "unknown profile"},
        {},
    ]
    for found, attributes in zip(events, added, strict=True):
        attributes |= {"event_id": found["event_id"], "request_id": "r"}
        message = PubsubMessage(data=json.dumps(found).encode(), attributes=attributes)
        pubsub.publisher.publish(topic=dead, messages=[message])
    environ = {"PUBSUB_EMULATOR_HOST": emulator, "PUBSUB_TOPIC": topic}
    return Desk(pubsub, subscription, topic, replayed, events, environ)


def test_list_shows_all_and_takes_none_away(desk: Desk) -> None:
    result = desk.run("list")
    assert result.exit_code == 0
    assert "3 letters: " in result.stdout
    assert "1 invalid" in result.stdout
    assert "1 gave up" in result.stdout
    assert desk.left() == {found["event_id"] for found in desk.events}


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["--outcome", "INVALID", "--reason", "Missing"], 1),
        (["--event-type", "sim/updated"], 2),
        (["--older-than", "1"], 0),
    ],
)
def test_filters_narrow_what_is_listed(desk: Desk, arguments: list[str], number: int) -> None:
    assert f"{number} letter" in desk.run("list", *arguments).stdout


def test_show_masks_personal_data_unless_asked(desk: Desk) -> None:
    event_id = desk.events[0]["event_id"]
    shown = desk.run("show", event_id).stdout
    assert "account_info is missing" in shown
    assert event_id in shown
    clear = desk.run("show", event_id, "--clear").stdout
    for datum in ("001010000000001", "420700000001", "subscriber@example.com", "Ada"):
        assert datum not in shown
        assert datum in clear


def test_show_of_an_unknown_event_says_so(desk: Desk) -> None:
    result = desk.run("show", "no-such-event")
    assert result.exit_code == 2


def test_replay_publishes_and_then_removes(desk: Desk) -> None:
    dry = desk.run("replay", "--outcome", "invalid", "--dry-run")
    assert "1 letter would be published" in dry.stdout
    result = desk.run("replay", "--outcome", "invalid")
    assert (result.exit_code, "1 letter published" in result.stdout) == (0, True)
    (message,) = desk.pubsub.pull(desk.replayed, 1)
    assert json.loads(message.data) == desk.events[0]
    assert dict(message.attributes) == {
        "event_id": desk.events[0]["event_id"],
        "request_id": "r",
    }
    assert desk.left() == {found["event_id"] for found in desk.events[1:]}


def test_what_cannot_be_published_stays(desk: Desk) -> None:
    result = desk.run("replay", "--topic", f"projects/{desk.pubsub.project}/topics/none")
    assert result.exit_code != 0
    assert len(desk.left()) == 3


def test_purge_asks_first_and_then_removes(desk: Desk) -> None:
    assert desk.run("purge").exit_code == 1, "nobody said yes"
    assert "3 letters would be" in desk.run("purge", "--dry-run").stdout
    assert desk.run("purge", "--outcome", "rejected", "--yes").exit_code == 0
    assert desk.left() == {desk.events[0]["event_id"], desk.events[2]["event_id"]}


def test_a_subscription_that_does_not_exist_is_told_in_a_line(desk: Desk) -> None:
    command = ["list", "--subscription", "projects/demo/subscriptions/none"]
    result = CliRunner().invoke(app, command, env=desk.environ)
    assert result.exit_code == 2
    assert "NotFound" in result.output
