"""A call with `confirm` is carried out once: never twice, and not lost, under every fault."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connector.call import Call
from connector.ledger.memory import MemoryLedger
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline, Record
from connector.system import End, Reply, Turn
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from tests.support.events import event
from tests.support.mapping_files import mapping
from tests.support.scripted import Received, Scripted, ScriptedServer

RULES = """
rules:
  - name: a note
    on: SIM/Updated
    subject: imsi:{{ sim.imsi }}
    replay: never
    calls:
      - {id: note, get: "/notes/{{ event.event_id }}", accept: [404]}
      - post: /notes
        id: made
        when: note.status == 404
        idempotent: false
        confirm: note
        json: {id: =event.event_id}
      - put: /last
        json: {made: =made.json.ok, found: =note.status}
"""
BODY = json.dumps(event("sim-updated")).encode()
FAULTS = ("none", "not sent", "refused", "lost before", "lost after", "late", "too late", "never")


@pytest.fixture
def notes(tmp_path: Path) -> MappingFile:
    return mapping(tmp_path, RULES)


def unavailable(end: End) -> Reply:
    return Reply(Outcome.UNAVAILABLE, end=end)


def seen(status: int) -> Reply:
    return Reply(Outcome.APPLIED, status=status, seen={"status": status, "json": {"ok": True}})


class Notes:
    """A system that makes notes; `faults` say what happens to its next calls.

    A late note is made after its call has timed out, before the next call comes; one that is too
    late is made after the event has ended.
    """

    def __init__(self, faults: Iterator[str]) -> None:
        self.made = 0
        self.calls: list[str] = []
        self._late = self._too_late = False
        self._faults = faults

    async def __aenter__(self) -> "Notes":
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def leave(self, turn: Turn) -> None:
        pass

    def end_of_event(self) -> None:
        self.made += self._late + self._too_late
        self._late = self._too_late = False

    async def send(self, call: Call, turn: Turn) -> Reply:
        self.made += self._late
        self._late = False
        self.calls.append(call.method)
        fault = next(self._faults, "none")
        if fault == "not sent":
            return unavailable(End.NOT_SENT)
        if fault == "refused":
            return Reply(Outcome.FAILED, status=500)
        found = seen(200 if self.made or call.method != "GET" else 404)
        if call.method == "POST":
            self.made += fault in ("none", "lost after")
            self._late, self._too_late = fault == "late", self._too_late or fault == "too late"
        if fault in ("late", "too late", "never"):
            return unavailable(End.PENDING)
        return found if fault == "none" else unavailable(End.UNKNOWN)


async def until_applied(notes: MappingFile, system: Notes) -> list[Outcome]:
    """Send the event again until it is applied, as NSPS does."""
    pipeline = Pipeline(notes, {}, MemoryLedger(), system, budget=0.05)
    found: list[Outcome] = []
    for _ in range(60):
        found.append((await pipeline.handle(BODY)).outcome)
        system.end_of_event()
        if found[-1] in (Outcome.APPLIED, Outcome.DUPLICATE):
            return found
    raise AssertionError(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(FAULTS), max_size=8))
@example(["none", "lost after", "lost before", "lost after"])
@example(["none", "late", "lost before"])
@example(["none", "late"])
@example(["none", "too late", "none"])
def test_a_note_is_made_exactly_once(notes: MappingFile, faults: list[str]) -> None:
    system = Notes(iter(faults))
    asyncio.run(until_applied(notes, system))
    assert system.made == 1


async def test_the_question_is_asked_again_after_an_unknown_end(notes: MappingFile) -> None:
    system = Notes(iter(["none", "lost after"]))
    assert await until_applied(notes, system) == [Outcome.APPLIED]
    assert system.calls == ["GET", "POST", "GET", "PUT"]


async def test_a_call_is_not_repeated_at_once_if_it_was_not_carried_out(
    notes: MappingFile,
) -> None:
    """The system may still be working on the first request."""
    system = Notes(iter(["none", "lost before"]))
    assert await until_applied(notes, system) == [Outcome.UNAVAILABLE, Outcome.APPLIED]
    assert system.calls == ["GET", "POST", "GET", "GET", "POST", "PUT"]


async def test_the_subject_stays_claimed_while_the_system_may_still_carry_out_the_call(
    notes: MappingFile,
) -> None:
    """The question that followed was answered; it says nothing about the call."""
    record = Record()
    system = Notes(iter(["none", "too late"]))
    await Pipeline(notes, {}, MemoryLedger(), system).handle(BODY, record)
    assert system.calls == ["GET", "POST", "GET"]
    assert record.unanswered


async def test_an_answer_that_is_known_is_not_asked_for(notes: MappingFile) -> None:
    system = Notes(iter(["none", "refused"]))
    await until_applied(notes, system)
    assert system.calls[:3] == ["GET", "POST", "GET"]  # the third is that of the next attempt
    assert system.calls == ["GET", "POST", "GET", "POST", "PUT"]


async def test_it_works_over_a_socket(notes: MappingFile) -> None:
    """The server makes the note and breaks the connection without a reply."""
    made: list[Received] = []

    def reply_to(request: Received) -> Scripted:
        if request.method == "POST":
            made.append(request)
            return Scripted(drop=True)
        if request.method == "GET":
            return Scripted(200 if made else 404)
        return Scripted()

    with ScriptedServer() as server:
        server.default = reply_to
        entry = HttpSystemEntry.model_validate({"http": {"base_url": server.url}})
        async with HttpSystem(entry, {}) as system:
            result: Result = await Pipeline(notes, {}, MemoryLedger(), system).handle(BODY)
        sent: Any = server.requests[-1]
    assert result.outcome is Outcome.APPLIED
    assert len(made) == 1
    assert [request.method for request in server.requests] == ["GET", "POST", "GET", "PUT"]
    assert sent.json == {"made": None, "found": 200}
