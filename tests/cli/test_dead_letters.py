"""`connector dlq` against the real Pub/Sub emulator."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from typer.testing import CliRunner

from connector.log import subject_hash
from connector.outcome import Outcome
from connector.pipeline import hash_key
from connector_tools.cli.dead_letters import app
from tests.support.command_line import app as whole
from tests.support.command_line import connector
from tests.support.events import event, subscriber
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
    dead: str
    replayed: str
    events: list[dict[str, Any]]
    environ: dict[str, str]

    def run(self, *arguments: str, typed: str | None = None) -> Any:
        command = [*arguments, "--subscription", self.subscription]
        return CliRunner().invoke(app, command, env=self.environ, input=typed)

    def letter(self, posted: Any, **attributes: str) -> None:
        data = posted if isinstance(posted, bytes) else json.dumps(posted).encode()
        self.pubsub.publisher.publish(
            topic=self.dead, messages=[PubsubMessage(data=data, attributes=attributes)]
        )

    @property
    def ids(self) -> list[str]:
        return [found["event_id"] for found in self.events]

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
    return Desk(pubsub, subscription, topic, dead, replayed, events, environ)


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
    assert result.output == (
        "connector: Pub/Sub: NotFound for projects/demo/subscriptions/none: there is no such topic "
        "or subscription: correct its name\n"
    )


def test_an_unknown_outcome_is_refused_with_the_list(desk: Desk) -> None:
    for command in ("list", "replay", "purge"):
        result = desk.run(command, "--outcome", "invald")
        assert result.exit_code == 2
        assert "there is no outcome 'invald'" in result.stderr
        assert all(outcome.value in result.stderr for outcome in Outcome)
        assert "gave up" in result.stderr
    assert "1 letter: 1 gave up" in desk.run("list", "--outcome", "gave up").stdout


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["--since", "1h"], 3),
        (["--since", "2100-01-01"], 0),
        (["--until", "1h"], 0),
        (["--until", "2100-01-01"], 3),
    ],
)
def test_a_period_chooses(desk: Desk, arguments: list[str], number: int) -> None:
    assert json.loads(desk.run("list", "--json", *arguments).stdout)["count"] == number


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_refused(desk: Desk, option: str) -> None:
    result = desk.run("list", option, "yesterday")
    assert (result.exit_code, "'yesterday' is not a time" in result.stderr) == (2, True)


def test_a_subscriber_is_found_as_typed_and_by_hash(desk: Desk) -> None:
    mine = event(imsi=subscriber(77), change={"pb_data.account_info.id": "420777000077@msisdn"})
    desk.letter(mine, event_id=mine["event_id"])
    broken = event(imsi=subscriber(77), change={"created_at": "never"})
    broken["data"] = None
    desk.letter(broken, event_id=broken["event_id"], outcome="invalid")
    secret = "a-key-of-the-hashes"
    mark = subject_hash(hash_key(secret), f"imsi:{subscriber(77)}")
    desk.environ["HASH_KEY"] = secret

    def found(typed: str) -> set[str]:
        result = desk.run("list", "--json", "--subscriber", typed)
        return {one["event_id"] for one in json.loads(result.stdout)["letters"]}

    both = {mine["event_id"], broken["event_id"]}
    assert found(subscriber(77)) == found(f"imsi:{subscriber(77)}") == found(mark) == both
    assert found("+420 777 000 077") == {mine["event_id"]}
    assert found(subscriber(78)) == set()


def test_a_file_of_ids_chooses_and_tells_what_is_missing(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "ids"
    file.write_text(f"{desk.ids[0]}\n\n{desk.ids[2]}\r\nnot-there\n")
    result = desk.run("list", "--json", "--ids", str(file))
    letters = json.loads(result.stdout)["letters"]
    assert {one["event_id"] for one in letters} == {desk.ids[0], desk.ids[2]}
    assert "no dead letter of event not-there" in result.stderr
    assert desk.run("list", "--ids", str(tmp_path / "none")).exit_code == 2


def test_a_limit_is_never_silent(desk: Desk) -> None:
    result = desk.run("list", "--limit", "2")
    assert "2 letters" in result.stdout
    assert "looked at the first 2 dead letters only" in result.stderr
    assert "looked at" not in desk.run("list").stderr


def test_more_letters_than_one_pull_takes_are_all_found(desk: Desk) -> None:
    for start in range(0, 1100, 100):
        messages = [
            PubsubMessage(data=b"{}", attributes={"event_id": f"e{start + n}"}) for n in range(100)
        ]
        desk.pubsub.publisher.publish(topic=desk.dead, messages=messages)
    assert json.loads(desk.run("list", "--json").stdout)["count"] == 1103


def test_show_as_json_goes_into_explain(desk: Desk, mapping: Path) -> None:
    shown = desk.run("show", desk.ids[0], "--json")
    document = json.loads(shown.stdout)
    assert (document["masked"], document["outcome"]) == (True, "invalid")
    assert "001010000000001" not in shown.stdout
    explained = CliRunner().invoke(
        whole, ["explain", str(mapping), "-"], input=shown.stdout, env={"CRM_URL": None}
    )
    assert explained.exit_code == 0, explained.output
    assert "The event is masked" in explained.stdout
    assert "PUT http" in explained.stdout
    assert "/sims/000000000000001" in explained.stdout


def test_show_as_json_and_clear_is_the_event_as_it_was_posted(desk: Desk, mapping: Path) -> None:
    shown = desk.run("show", desk.ids[0], "--json", "--clear")
    assert json.loads(shown.stdout)["event"] == desk.events[0]
    explained = CliRunner().invoke(whole, ["explain", str(mapping), "-"], input=shown.stdout)
    assert "/sims/001010000000001" in explained.stdout
    assert "masked" not in explained.stdout


def test_masked_text_is_json_and_keeps_what_is_not_personal(desk: Desk) -> None:
    shown = desk.run("show", desk.ids[0]).stdout
    document = json.loads(shown[shown.index("{") :])
    assert document["data"] == desk.events[0]["data"]
    policy = desk.events[0]["pb_data"]["access_policy_info"]
    assert document["pb_data"]["access_policy_info"] == policy


def test_a_letter_that_is_no_event_is_shown_as_text(desk: Desk, mapping: Path) -> None:
    desk.letter(b"IMSI 001010000000077 {", event_id="odd")
    document = json.loads(desk.run("show", "odd", "--json").stdout)
    assert (document["event"], document["text"]) == (None, "IMSI ***********0077 {")
    assert "IMSI ***********0077 {" in desk.run("show", "odd").stdout
    explained = CliRunner().invoke(
        whole, ["explain", str(mapping), "-"], input=json.dumps(document)
    )
    assert (explained.exit_code, "holds no event" in explained.stderr) == (2, True)


def test_replay_of_many_asks_first(desk: Desk) -> None:
    refused = desk.run("replay", "--ask-above", "2", typed="n\n")
    assert (refused.exit_code, "Publish 3 letters to" in refused.stderr) == (1, True)
    assert desk.left() == set(desk.ids)
    answered = desk.run("replay", "--ask-above", "2", "--json", typed="y\n")
    document = json.loads(answered.stdout[answered.stdout.index("{") :])  # after the typed answer
    assert set(document["published"]) == set(desk.ids)
    assert desk.left() == set()


def test_replay_of_many_with_yes_does_not_ask(desk: Desk) -> None:
    assert desk.run("replay", "--ask-above", "0", "--yes").exit_code == 0
    assert desk.left() == set()


def test_a_replay_into_a_missing_topic_is_one_line_and_changes_nothing(desk: Desk) -> None:
    topic = f"projects/{desk.pubsub.project}/topics/none"
    result = desk.run("replay", "--topic", topic)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert f"NotFound for {topic}: there is no such topic" in result.stderr


def test_a_failure_in_the_middle_says_what_was_published(desk: Desk) -> None:
    """Pub/Sub refuses a message without data and attributes; the letter's own are left out."""
    desk.letter(b"", outcome="invalid")
    last = event()
    desk.letter(last, event_id=last["event_id"])
    result = desk.run("replay")
    assert result.exit_code == 1
    assert "InvalidArgument" in result.stderr
    assert "3 letters published to" in result.stdout
    assert "2 letters not published:" in result.stdout
    assert f"  {last['event_id']}\n" in result.stdout
    assert desk.left() == set()
    assert json.loads(desk.run("list", "--json").stdout)["count"] == 2
    assert len(desk.pubsub.pull(desk.replayed, 3)) == 3


def test_a_failure_in_the_middle_is_told_to_programs(desk: Desk) -> None:
    desk.letter(b"", outcome="invalid")
    result = desk.run("replay", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, "InvalidArgument" in document["error"]) == (1, True)
    assert document["published"] == desk.ids
    assert document["not_published"] == [""]


def test_ctrl_c_in_the_middle_says_what_was_published(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, numbers = PublisherClient.publish, iter(range(10))

    def interrupted(self: PublisherClient, **request: Any) -> Any:
        if next(numbers) == 1:
            raise KeyboardInterrupt
        return publish(self, **request)

    monkeypatch.setattr(PublisherClient, "publish", interrupted)
    result = desk.run("replay")
    assert result.exit_code == 130
    assert "interrupted" in result.stderr
    assert "1 letter published to" in result.stdout
    assert all(f"  {event_id}\n" in result.stdout for event_id in desk.ids[1:])
    assert desk.left() == set(desk.ids[1:])


def test_a_letter_that_was_published_but_not_removed_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: SubscriberClient, **request: Any) -> Any:
        raise ServiceUnavailable("gone")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(SubscriberClient, "acknowledge", gone)
    result = desk.run("replay", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["published"] == document["published_but_not_removed"] == desk.ids[:1]
    assert document["not_published"] == desk.ids[1:]
    assert f"its dead letter is still there: {desk.ids[0]}" in result.stderr


def test_purge_as_json_names_what_was_removed(desk: Desk) -> None:
    result = desk.run("purge", "--outcome", "invalid", "--yes", "--json")
    assert json.loads(result.stdout) == {"removed": 1, "event_ids": [desk.ids[0]]}


def test_a_missing_login_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environ = {"CLOUDSDK_CONFIG": str(tmp_path), "NO_GCE_CHECK": "true"}
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "PUBSUB_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    result = connector("dlq", "list", "--subscription", "projects/p/subscriptions/s", **environ)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "DefaultCredentialsError" in result.stderr
    assert "gcloud auth application-default login" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--outcome", "nope", "there is no outcome 'nope'"),
        ("--older-than", "nan", "--older-than: nan is not"),
        ("--older-than", "1e12", "is not a number of hours"),
        ("--since", "999999w", "'999999w' is not a time"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_opened(
    option: str, value: str, told: str
) -> None:
    environ = {"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"}
    command = ["dlq", "list", "--subscription", "projects/p/subscriptions/s", option, value]
    result = connector(*command, **environ)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert told in result.stderr


def test_a_service_that_is_not_there_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environ = {"PUBSUB_EMULATOR_HOST": f"127.0.0.1:{port}"}
    result = connector("dlq", "list", "--subscription", "projects/p/subscriptions/s", **environ)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "ServiceUnavailable" in result.stderr
