"""The bench of a test: the real pipeline and client over a scripted network and an empty ledger."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from connector.call import Call
from connector.ledger.memory import MemoryLedger
from connector.mapping.case import Case, Step
from connector.mapping.schema import MappingFile
from connector.mapping.script import Different, ExpectedCall, Replies, Script, SentRequest
from connector.outcome import Outcome, Result, answer
from connector.pipeline import Pipeline, Record
from connector.plan.holding import Phase, ResourceStep
from connector.plan.step import Step as PlannedStep
from connector.system import Reply
from connector_tools.mapping_tests.difference import FieldDifference, by_field
from connector_tools.mapping_tests.held import REFUSERS, notes_of
from connector_tools.mapping_tests.scripted_system import ScriptedSystem
from connector_tools.mapping_tests.seen import Seen
from connector_tools.mapping_tests.values import test_settings
from connector_tools.quiet import quiet

_ONCE = ("query", "headers")  # parts of a call that one test compares for all

_WHOLE = (Outcome.APPLIED, Outcome.IGNORED, Outcome.INVALID)  # no planned call was not sent


Problem = str | FieldDifference
"""A difference from what a test expects: a field of a call, or a sentence."""


class Sent(NamedTuple):
    """A call that was sent: its step, its reply, and its first request."""

    step: PlannedStep
    call: Call
    reply: Reply
    request: SentRequest


class Bench:
    """Applies the events of one test or story, and compares what it expects.

    Used as an async context manager.
    """

    def __init__(self, mapping: MappingFile, settings: dict[str, Any], seen: Seen) -> None:
        """`mapping` notes in `seen` what it evaluates; `settings` are those of the test.

        Raises:
            BadSettings: a setting is wrong.
            ValueError: the mapping does not have a setting.
        """
        values, room = test_settings(mapping, settings), mapping.protocol
        self._script = Script(room.scripted_reply())
        client = room.scripted(mapping.system, values, self._script)
        self._system = ScriptedSystem(client, self._script)
        self._pipeline = Pipeline(mapping, values, MemoryLedger(), self._system)
        self._unwanted = room.expected_call()
        self._seen = seen

    async def __aenter__(self) -> Self:
        await self._system.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._system.__aexit__(*exc)

    async def run(self, body: bytes, expected: Case | Step, *replies: Replies) -> list[Problem]:
        """Apply an event; returns each difference from what a test expects.

        `replies` are asked for a reply in their order; whether all were fetched is not checked.
        """
        record = Record()
        self._script.begin(*replies)
        with quiet():
            result = await self._pipeline.handle(body, record)
        done = zip(record.steps, record.calls, self._script.sent, strict=False)
        sent = [Sent(step, *call, request) for step, call, request in done if request]
        self._note(record, sent)
        self._note_refusal(result, sent)
        pairs = zip(expected.calls, sent, strict=False)
        whole = result.outcome in _WHOLE and all(_compares_body(*pair) for pair in pairs)
        if whole:
            self._note_resources(record)
        self._seen.end(whole=whole, because=expected.because is not None)
        wrong = [*_wrong_answer(expected, result), *self._script.problems()]
        return [*wrong, *self._differences(expected, sent)]

    def _differences(self, expected: Case | Step, sent: list[Sent]) -> Iterator[Problem]:
        """Yield the differences of the calls; note the parts of those that have none."""
        if len(sent) != len(expected.calls):
            names = ", ".join(one.request.name for one in sent) or "none"
            yield f"{len(sent)} calls instead of {len(expected.calls)}: {names}"
        for number, (wanted, one) in enumerate(zip(expected.calls, sent, strict=False), 1):
            found = [*one.request.differences(wanted), *_wrong_step(wanted, one.step)]
            if not wanted.names_method:
                found.append(f"names no method: write {one.request.lines[0]}")
            for problem in found:
                yield from _problems(number, problem)
            for part, compared in _parts(wanted, one):
                if compared and not found:
                    self._seen.note(one.call.loc, f"compares {part}")

    def _note(self, record: Record, sent: list[Sent]) -> None:
        """Note the event's type, and the calls with their parts and the replies they accept."""
        if record.event and record.plan and sent:
            rule = record.plan.decided[:2]
            self._seen.note((*rule, "on"), record.event.event_type.lower())
        for one in sent:
            loc = one.call.loc
            self._seen.note(loc, "sent")
            for part, _ in _parts(self._unwanted, one):
                self._seen.note(loc, f"has {part}")
            if one.reply.outcome is Outcome.APPLIED:
                for value in getattr(one.call, "accept", ()):
                    if value in one.reply.seen.values():
                        self._seen.note((*loc, "accept"), f"accepts {value}")

    def _note_resources(self, record: Record) -> None:
        """Note what was wanted of each resource, and what differed."""
        for step in record.plan.steps if record.plan else ():
            if not isinstance(step, ResourceStep) or step.phase is not Phase.COMPARE:
                continue
            state = step.target.state(record.replies)
            if state.differs is None:
                continue
            for note in notes_of(step.target.entry, step.target.verb, state):
                self._seen.note(step.loc, note)

    def _note_refusal(self, result: Result, sent: list[Sent]) -> None:
        """Note which condition of a resource did not excuse the reply that ended the event."""
        if not sent or result.outcome in _WHOLE or sent[-1].reply.outcome is Outcome.APPLIED:
            return
        match sent[-1].call.loc:
            case ("resources", name, str() as key, *_):
                self._seen.note(("resources", name), f"{REFUSERS[key]} refuses")


def _parts(wanted: ExpectedCall, sent: Sent) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a call that a test should compare, and whether `wanted` does."""
    yield from wanted.compares(sent.call).items()
    if sent.step.subject:
        yield "subject", wanted.subject is not None
    if sent.step.releases:
        yield "releases", wanted.releases is not None


def _compares_body(wanted: ExpectedCall, sent: Sent) -> bool:
    parts = wanted.compares(sent.call).items()
    return all(compared for part, compared in parts if part not in _ONCE)


def _wrong_step(wanted: ExpectedCall, step: PlannedStep) -> Iterator[Different]:
    if wanted.subject is not None and wanted.subject != step.subject:
        yield Different("subject", step.subject, wanted.subject)
    if wanted.releases is not None and wanted.releases != step.releases:
        yield Different("releases", step.releases, wanted.releases)


def _problems(call: int, problem: str | Different) -> Iterator[Problem]:
    if isinstance(problem, Different):
        yield from by_field(call, problem)
    else:
        yield f"call {call}: {problem}"


def _wrong_answer(expected: Case | Step, result: Result) -> Iterator[str]:
    """Yield a sentence if the outcome or the text of the answer is another."""
    body = answer(result).body
    shown = json.dumps(body, ensure_ascii=False)
    if result.outcome is not expected.outcome:
        yield f"outcome is {result.outcome}, not {expected.outcome}; the answer was {shown}"
    texts = [str(body.get(name)) for name in ("message", "error")]
    texts += [detail.rule for detail in result.details]
    if expected.because is not None and not any(expected.because in text for text in texts):
        yield f"the answer {shown} does not contain `{expected.because}`"
