"""Makes a test of an event that was handled, and writes it into the mapping file.

The test has the event and the replies without personal data. Its calls are those that the masked
event leads to, with these replies, on the bench of `connector test`: so the test passes, and if
masking changes what the mapping does, no test is written.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from connector.ledger.memory import MemoryLedger
from connector.mapping.case import Case
from connector.mapping.schema import MappingFile
from connector.mapping.script import InOrder, Script
from connector.outcome import Outcome, Result, answer
from connector.pipeline import Pipeline, Record
from connector.settings import BadSettings
from connector.system import Reply
from connector_tools.inspector.case_parts import Object, expected_call, scripted_reply
from connector_tools.inspector.inserted import CannotInsert, with_test
from connector_tools.inspector.mapping_document import checked, errors
from connector_tools.inspector.masked_texts import MaskedTexts
from connector_tools.inspector.observed import Observed
from connector_tools.mapping_tests import run_cases
from connector_tools.mapping_tests.scripted_system import ScriptedSystem
from connector_tools.mapping_tests.values import test_settings
from connector_tools.quiet import quiet

_LONGEST_NAME = 200
_ALONE = (Outcome.DUPLICATE, Outcome.SUPERSEDED)


class CannotWriteTest(Exception):  # noqa: N818 - says what happened
    """No test can be made of the event; the text says why."""


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """A test for a mapping file: the new text of the file, and the event beside it.

    `line` is where it begins, `added` the text that was inserted.
    """

    text: str
    line: int
    added: str
    event_file: Path
    event_text: str


async def written_test(
    observed: Observed, name: str, text: str, file: Path, secrets: tuple[str, ...]
) -> WrittenTest:
    """Make a test of an event; nothing is written. `text` is that of the mapping file now.

    Raises:
        CannotWriteTest: see there.
    """
    event, mapping = observed.record.event, observed.mapping
    if observed.kind != "event" or event is None or mapping is None or observed.result is None:
        raise CannotWriteTest("a request that is no event cannot be a test")
    if observed.result.outcome in _ALONE:
        raise CannotWriteTest(
            f"the event is {observed.result.outcome} because of another one: a test has one event "
            "only; write a story (docs/mapping.md#stories)"
        )
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise CannotWriteTest("give the test a name of one line")
    masks = MaskedTexts(observed.body, event, secrets)
    replies = [_reply(mapping, call.reply, masks) for call in observed.calls]
    body = json.dumps(masks.event).encode()
    place = event_file(mapping, file, name)
    for settings in ({}, _settings(observed)):
        case = await _case(mapping, body, replies, settings)
        if case["outcome"] == observed.result.outcome.value:
            break
    else:
        raise CannotWriteTest(
            f"with masked data the event would be {case['outcome']}, not "
            f"{observed.result.outcome}: the mapping looks at data that is personal"
        )
    test = {"name": name, "event": place.relative_to(file.parent).as_posix(), **case}
    try:
        changed, line, added = with_test(text, test)
    except CannotInsert as error:
        raise CannotWriteTest(str(error)) from None
    told = json.dumps(masks.event, indent=2, ensure_ascii=False) + "\n"
    return WrittenTest(changed, line, added, place, told)


def check_passes(test: WrittenTest, file: Path, name: str) -> None:
    """Run the test as `connector test` does; the event must be in its file.

    Raises:
        CannotWriteTest: the file would have errors, or the test fails.
    """
    mapping, lints = checked(test.text, file)
    if mapping and [case.name for case in mapping.tests].count(name) > 1:
        raise CannotWriteTest("the file has a test with this name already: give another one")
    found = errors(lints)
    if mapping is None or found:
        raise CannotWriteTest(f"the file would have an error: {found[0].reason}")
    case = mapping.tests[-1]
    if case.name != name:
        raise CannotWriteTest("the test would not be the last of the file")
    alone = mapping.model_copy(update={"tests": (case,), "stories": ()})
    for ran in run_cases(alone):
        if ran.problems:
            raise CannotWriteTest(f"the test would fail: {ran.problems[0]}")


def event_file(mapping: MappingFile, file: Path, name: str) -> Path:
    """A file for the event beside those of the other tests, with a name that is free."""
    folder = file.parent / "events"
    with suppress(IndexError):
        folder = (file.parent / mapping.tests[0].event).parent
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "event"
    found, number = folder / f"{slug}.json", 1
    while found.exists():
        number += 1
        found = folder / f"{slug}-{number}.json"
    return found


def _reply(mapping: MappingFile, reply: Reply | None, masks: MaskedTexts) -> Object:
    found: Object = masks.document(scripted_reply(mapping.protocol.name, reply))
    return found


def _settings(observed: Observed) -> Object:
    """The settings that differ from those of tests, secrets excepted."""
    assert observed.mapping  # noqa: S101 - the caller has checked
    usual = test_settings(observed.mapping, {})
    named = observed.mapping.settings.items()
    return {
        name: observed.shown[name]
        for name, one in named
        if not one.secret and one.type != "url" and observed.shown.get(name) != usual[name]
    }


async def _case(
    mapping: MappingFile, body: bytes, replies: list[Object], settings: Object
) -> Object:
    """The rest of a test: what the event leads to with these replies and settings."""
    try:
        given = Case.model_validate(
            {"name": "", "event": "", "outcome": "applied", "replies": replies},
            context=mapping.protocol,
        )
        values = test_settings(mapping, {name: str(one) for name, one in settings.items()})
    except (ValueError, BadSettings) as error:
        raise CannotWriteTest(f"the replies cannot be written down: {error}") from None
    script = Script(mapping.protocol.scripted_reply())
    script.begin(InOrder(given.replies))
    record = Record()
    client = ScriptedSystem(mapping.protocol.scripted(mapping.system, values, script), script)
    async with client:
        with quiet():
            pipeline = Pipeline(mapping, values, MemoryLedger(), client)
            result = await pipeline.handle(body, record)
    calls = []
    for step, (call, _), request in zip(record.steps, record.calls, script.sent, strict=False):
        if request is None:
            continue
        wanted = expected_call(mapping, call, request)
        calls.append(
            {
                **wanted,
                **({"subject": step.subject} if step.subject else {}),
                **({"releases": True} if step.releases else {}),
            }
        )
    found: Object = {}
    if settings:
        found["settings"] = settings
    if replies and any(replies):
        found["replies"] = replies[: len(calls)]
    if calls:
        found["calls"] = calls
    return {**found, "outcome": result.outcome.value, **_because(result)}


def _because(result: Result) -> Object:
    """The text that the answer must contain; nothing for an event that was applied."""
    if result.outcome is Outcome.APPLIED:
        return {}
    told = answer(result).body
    details = "; ".join(detail.rule for detail in result.details[:1])
    text = result.reason or details or str(told.get("error") or "")
    return {"because": text.splitlines()[0]} if text else {}
