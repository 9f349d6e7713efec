"""The log of a night: records of the real pipeline, multiplied with other ids, times and hashes."""

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from connector import log
from connector.doors.pubsub import PubSubDoor
from connector.log import subject_hash
from connector.outcome import Outcome
from connector.pipeline import Pipeline, hash_key
from connector.system import Reply
from tests.support.door_server import captured_log
from tests.support.events import event, subscriber
from tests.support.pipelines import TOKEN, Bench

SECRET = "the-key-of-the-hashes-of-the-night"
KEY = hash_key(SECRET)
BEGIN = datetime(2026, 11, 29, 22, tzinfo=UTC)
EVENTS = 20_000
Line = dict[str, Any]


class _Topic:
    """Takes each dead letter."""

    async def publish(self, topic: str, data: bytes, attributes: Any) -> str:
        return "1"


async def templates(folder: Path) -> dict[str, list[Line]]:
    """What the real pipeline logs for an event that ends in each of these ways."""
    with captured_log() as written:
        bench = Bench(folder, written)
        pipeline = Pipeline(
            bench.mapping, {"token": TOKEN}, bench.ledger, bench.system, hash_key=KEY
        )
        found: dict[str, list[Line]] = {}
        refused = "Subscriber 001010000000001 of profile gold is not known"
        replies = {
            "applied": [],
            "broken": [Reply(Outcome.FAILED, cause="HTTP 500", status=500)],
            "unknown": [Reply(Outcome.FAILED, refused, "HTTP 200", status=200)],
            "down": [Reply(Outcome.UNAVAILABLE, "No reply", "no reply within 30 s")],
            "barred": [Reply(Outcome.REJECTED, "Card 8900000000001 is barred", status=422)],
        }
        for name, turns in replies.items():
            bench.system.turns.extend(turns)
            await _deliver(pipeline, event(imsi=subscriber(1)), name)
            found[name] = _taken(written)
        lacking = event(imsi=subscriber(1), remove=("pb_data.account_info",))
        await _deliver(pipeline, lacking, "invalid")
        found["invalid"] = _taken(written)
    return found


async def _deliver(pipeline: Pipeline, posted: Line, name: str) -> None:
    startup = SimpleNamespace(
        mapping=pipeline.mapping, settings=SimpleNamespace(PUBSUB_DEAD_LETTER_TOPIC="projects/p/t")
    )
    worker: Any = SimpleNamespace(pipeline=pipeline, startup=startup, publisher=_Topic())
    headers = {"ce-type": "google.cloud.pubsub.topic.v1.messagePublished"}
    log.bind(request_id=name)
    await PubSubDoor(worker).deliver(headers, _message(posted))


def _message(posted: Line) -> bytes:
    data = b64encode(json.dumps(posted).encode()).decode()
    return json.dumps({"message": {"data": data, "messageId": "1", "attributes": {}}}).encode()


def _taken(written: Any) -> list[Line]:
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    written.seek(0)
    written.truncate()
    return lines


@dataclass
class Night:
    """A log of 20,000 events, 300 of which are wrong at its end: `wrong` by template.

    `recovered` events failed first and were applied later. `stories` has each wrong event's number,
    its template and the times of its attempts.
    """

    templates: dict[str, list[Line]]
    wrong: dict[str, int] = field(
        default_factory=lambda: {"broken": 120, "unknown": 100, "invalid": 50, "barred": 30}
    )
    recovered: int = 400
    stories: dict[int, tuple[str, list[datetime]]] = field(default_factory=dict)

    def lines(self) -> list[Line]:
        """All records, in the order in which several instances write them."""
        chance = random.Random(20)  # noqa: S311 - the same night each time
        kinds = [name for name, count in self.wrong.items() for _ in range(count)]
        kinds += ["recovered"] * self.recovered
        kinds += ["applied"] * (EVENTS - len(kinds))
        chance.shuffle(kinds)
        found: list[tuple[float, Line]] = []
        for number, kind in enumerate(kinds):
            at = BEGIN + timedelta(seconds=number * 0.4)
            for line in self._event(number, kind, at, chance):
                when = datetime.fromisoformat(line["time"]).timestamp()
                found.append((when + chance.uniform(0, 2), line))
        return [line for _, line in sorted(found, key=lambda pair: pair[0])]

    def _event(self, number: int, kind: str, at: datetime, chance: random.Random) -> Iterator[Line]:
        if kind == "applied":
            yield from self._attempt(number, "applied", at, at)
            return
        final = kind in ("invalid", "barred")
        times = [at + timedelta(minutes=3 * n) for n in range(1 if final else chance.randint(1, 4))]
        if kind != "recovered":
            self.stories[number] = kind, times
        for time in times:
            yield from self._attempt(number, "down" if kind == "recovered" else kind, time, at)
        if kind == "recovered":
            yield from self._attempt(number, "applied", times[-1] + timedelta(minutes=3), at)

    def _attempt(self, number: int, name: str, time: datetime, at: datetime) -> Iterator[Line]:
        for after, template in enumerate(self.templates[name]):
            line = dict(template)
            line["time"] = (time + timedelta(milliseconds=after)).isoformat()
            line["event_id"] = event_id(number)
            line["created_at"] = at.isoformat()
            if template["message"] == "event settled":
                line["subject"] = [log.mask_subject(f"imsi:{subscriber(number)}")]
            line["subject_hash"] = [subject_hash(KEY, f"imsi:{subscriber(number)}")]
            line["account_hash"] = [
                subject_hash(KEY, f"i_account:{number}"),
                subject_hash(KEY, f"account:{phone(number)}"),
            ]
            if "reason" in line:
                line["reason"] = line["reason"].replace("0001", f"{number % 10_000:04}")
            yield line


def event_id(number: int) -> str:
    """The id of the event of this number."""
    return str(UUID(int=(number + 1) * 0x1F3D5B79 << 64 | number, version=4))


def phone(number: int) -> str:
    """The phone number of the subscriber of this number."""
    return f"4207{number:08d}"


def as_entry(line: Line) -> Line:
    """The record as Cloud Logging keeps it: the time and the severity leave the payload."""
    payload = {name: value for name, value in line.items() if name not in ("time", "severity")}
    labels = {"service_name": "cards", "revision_name": "cards-1"}
    return {
        "insertId": "1",
        "jsonPayload": payload,
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "timestamp": line["time"].replace("+00:00", "Z"),
        "severity": line["severity"],
    }
