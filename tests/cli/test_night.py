"""The four questions of a night, on a log of 20,000 events with 300 failures among them."""

import asyncio
import json
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from google.pubsub_v1 import PubsubMessage

from connector_tools.records.events import Events
from connector_tools.records.record import Wanted
from connector_tools.records.stream import RecordStream
from tests.support.cloud_logging import CloudLoggingServer
from tests.support.command_line import connector
from tests.support.events import event, subscriber
from tests.support.night_log import (
    BEGIN,
    EVENTS,
    SECRET,
    Night,
    as_entry,
    event_id,
    phone,
    templates,
)
from tests.support.pubsub_emulator import PubSubEmulator, running_emulator

GROUPS = [
    (120, "failed", "HTTP 500", False),
    (100, "failed", "Subscriber <n> of profile gold is not known", False),
    (50, "invalid", None, True),
    (30, "rejected", "Card <n> is barred", True),
]
MOST = 30_000_000  # bytes


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return Night(asyncio.run(templates(tmp_path_factory.mktemp("night"))))


@pytest.fixture(scope="module")
def files(night: Night, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The log in the forms in which it can come."""
    folder, lines = tmp_path_factory.mktemp("logs"), night.lines()
    found = {name: folder / name for name in ("lines", "list", "cloud")}
    found["lines"].write_text("".join(json.dumps(line) + "\n" for line in lines))
    entries = [as_entry(line) for line in reversed(lines)]  # as gcloud prints it: newest first
    found["list"].write_text(json.dumps(entries, indent=2))
    return found


@pytest.fixture(scope="module")
def cloud(files: dict[str, Path]) -> Iterator[str]:
    with CloudLoggingServer(json.loads(files["list"].read_text())) as server:
        yield server.address


@pytest.mark.parametrize("source", ["lines", "list", "cloud"])
def test_which_subscribers_are_wrong_now(
    night: Night, files: dict[str, Path], cloud: str, source: str
) -> None:
    where = ["--from", files[source]]
    if source == "cloud":
        where = ["--project", "p", "--since", "2026-11-29"]
    result = connector("wrong", "--json", *where, LOGGING_EMULATOR_HOST=cloud)
    assert (result.exit_code, result.stderr) == (1, "")
    document = json.loads(result.stdout)
    assert (document["grouping"], document["wrong"]) == (1, 300)
    assert document["events_seen"] == EVENTS
    groups = document["groups"]
    for group, (count, outcome, reason, dead) in zip(groups, GROUPS, strict=True):
        assert (group["count"], group["outcome"]) == (count, outcome)
        assert group["dead_lettered"] is dead
        assert reason in (None, group["reason"])
    found = {one["event_id"]: one for group in groups for one in group["events"]}
    assert found.keys() == {event_id(number) for number in night.stories}
    for number, (_, times) in night.stories.items():
        one = found[event_id(number)]
        assert one["attempts"] == len(times)
        assert (one["first_seen"], one["last_attempt"]) == (
            times[0].isoformat(),
            times[-1].isoformat(),
        )


def test_what_happened_to_this_one(night: Night, files: dict[str, Path]) -> None:
    number, times = max(
        ((number, times) for number, (_, times) in night.stories.items()),
        key=lambda story: len(story[1]),
    )
    for typed in (subscriber(number), f"+{phone(number)}", f"i_account:{number}", event_id(number)):
        result = connector("history", typed, "--json", "--from", files["lines"], HASH_KEY=SECRET)
        assert result.exit_code == 0
        records = json.loads(result.stdout)["records"]
        assert [one["time"] for one in records] == [time.isoformat() for time in times]
        assert {one["event_id"] for one in records} == {event_id(number)}
        assert all(one["calls"] for one in records)


def test_is_everything_caught_up(night: Night, files: dict[str, Path]) -> None:
    result = connector("caught-up", "--json", "--from", files["lines"])
    document = json.loads(result.stdout)
    assert (result.exit_code, document["caught_up"]) == (1, False)
    assert (document["not_accepted"], document["dead_letters"]) == (300, 80)
    oldest = min(night.stories, key=lambda number: night.stories[number][1][0])
    assert document["oldest_not_accepted"]["event_id"] == event_id(oldest)


def test_everything_is_caught_up_once_all_is_applied(night: Night, tmp_path: Path) -> None:
    lines = night.lines()
    (applied,) = night.templates["applied"]
    later = BEGIN.replace(day=30).isoformat()
    lines += [applied | {"event_id": event_id(n), "time": later} for n in night.stories]
    file = tmp_path / "log"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = connector("caught-up", "--from", file)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "caught up: yes")
    result = connector("wrong", "--from", file)
    assert (result.exit_code, result.stdout) == (
        0,
        f"0 events of {EVENTS} not accepted in the records\n",
    )


def test_replay_these_300(night: Night, tmp_path: Path) -> None:
    with running_emulator() as address:
        pubsub = PubSubEmulator(address)
        topic, dead = pubsub.topic("events"), pubsub.topic("dead")
        letters = pubsub.subscription("dead", dead)
        replayed = pubsub.subscription("replayed", topic)
        others = [f"other-{number}" for number in range(700)]
        wanted = [event_id(number) for number in night.stories]
        posted = event()
        messages = [
            PubsubMessage(data=json.dumps(posted | {"event_id": one}).encode())
            for one in [*others[:400], *wanted, *others[400:]]
        ]
        for start in range(0, 1000, 100):
            pubsub.publisher.publish(topic=dead, messages=messages[start : start + 100])
        ids = tmp_path / "ids"
        ids.write_text("\n".join(wanted))
        environ = {
            "PUBSUB_EMULATOR_HOST": address,
            "PUBSUB_TOPIC": topic,
            "PUBSUB_DEAD_LETTER_SUBSCRIPTION": letters,
        }
        result = connector("dlq", "replay", "--ids", ids, "--yes", "--json", **environ)
        assert (result.exit_code, result.stderr) == (0, "")
        document = json.loads(result.stdout)
        assert sorted(document["published"]) == sorted(wanted)
        assert document["not_published"] == []
        found = pubsub.pull(replayed, 300)
        assert sorted(json.loads(one.data)["event_id"] for one in found) == sorted(wanted)
        left = json.loads(connector("dlq", "list", "--json", **environ).stdout)
        assert sorted(one["event_id"] for one in left["letters"]) == sorted(others)


def test_the_log_is_read_piece_by_piece(files: dict[str, Path]) -> None:
    """What is kept grows with the events, by some 150 bytes each, and not with the file."""
    for name in ("lines", "list"):
        data, events = files[name].read_bytes(), Events()
        tracemalloc.start()
        for record in RecordStream(BytesIO(data)).records(Wanted()):
            events.add(record)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert events.seen == EVENTS
        assert most < len(data) / 2 < MOST
