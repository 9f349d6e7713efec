"""Runs the tests inside a mapping file, with the real pipeline and client over a scripted network.

A test gives its event to the pipeline, with the changes that it names, and compares the requests,
the outcome and the text of the answer. Every rule, `ignore` and `require` must decide at least one
test.
"""

import asyncio
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from connector.call import Call
from connector.ledger.memory import MemoryLedger
from connector.mapping.case import Case
from connector.mapping.document import Lint, Loc
from connector.mapping.protocol import Script, SentRequest
from connector.mapping.schema import MappingFile, directory
from connector.mapping.setting import resolve
from connector.outcome import Result, answer
from connector.pipeline import Pipeline, Record
from connector.settings import BadSettings
from connector.system import Reply, System, Turn
from connector_tools.made_up_key import made_up_key
from connector_tools.quiet import quiet

_BASE_URL = "http://system.test"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a test; `problems` is empty if it passed.

    `decided` is the path of the deciding entry in the mapping, as in `Plan.decided`.
    """

    case: Case
    problems: list[str]
    decided: Loc = ()


def run_cases(mapping: MappingFile) -> Iterator[CaseResult]:
    """Run the tests of a mapping one after the other, and yield their results."""
    for case in mapping.tests:
        try:
            yield asyncio.run(_run(mapping, case))
        except (OSError, ValueError, BadSettings) as error:
            yield CaseResult(case, [f"cannot run: {error}"])


def untested(mapping: MappingFile, results: list[CaseResult]) -> list[Lint]:
    """A lint `untested` for each rule, `ignore` and `require` that decided no test."""
    decided = {result.decided for result in results}
    wanted: list[tuple[Loc, str]] = []
    for index, rule in enumerate(mapping.rules):
        loc: Loc = ("rules", index)
        wanted.append((loc, f"the calls of `{rule.name}`"))
        wanted += [((*loc, "ignore", i), "this `ignore`") for i in range(len(rule.ignore))]
        wanted += [((*loc, "require", i), "this `require`") for i in range(len(rule.require))]
    found = [
        mapping.document.lint("untested", loc, f"no test reaches {what}", "add one under `tests`")
        for loc, what in wanted
        if loc not in decided
    ]
    places = {lint.place: lint for lint in found}  # rules can share an entry by an alias
    shared = {mapping.document.place(loc) for loc in decided}
    return [lint for place, lint in places.items() if place not in shared]


def event_of(mapping: MappingFile, case: Case) -> bytes:
    """The body with the event of a test, with the test's changes.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, or a path of the test does not exist in it.
    """
    path = directory(mapping) / case.event
    event = json.loads(path.read_text(encoding="utf-8"))
    for dotted, value in case.change.items():
        parent, key = _parent(event, dotted)
        parent[key] = copy.deepcopy(value)
    for dotted in case.remove:
        parent, key = _parent(event, dotted)
        if key not in parent:
            raise ValueError(f"`{dotted}` is not in the event, so it cannot be removed")
        del parent[key]
    return json.dumps(event).encode()


def test_settings(mapping: MappingFile, overrides: dict[str, Any]) -> dict[str, Any]:
    """The values of settings in tests: `overrides`, else defaults, else made-up values.

    Raises:
        BadSettings: a value is wrong.
        ValueError: `overrides` has a name that the mapping does not have.
    """
    made_up = {"url": _BASE_URL, "number": "10", "pattern": ".*"}
    names = {id(setting): name for name, setting in mapping.settings.items()}
    unknown = ", ".join(f"`{name}`" for name in overrides if name not in mapping.settings)
    if unknown:
        raise ValueError(f"the mapping has no setting {unknown}")

    def value(setting: Any) -> str | None:
        name = names[id(setting)]
        if name in overrides:
            return str(overrides[name])
        if setting.default is not None or setting.optional:
            return None
        if setting.type == "pem":
            return made_up_key()
        return made_up.get(setting.type, f"test-{name}")

    return resolve(mapping.name, mapping.settings, value)


def _parent(event: Any, dotted: str) -> tuple[Any, str]:
    *way, key = dotted.split(".")
    for step in ("", *way):
        event = event.setdefault(step, {}) if step else event
        if not isinstance(event, dict):
            raise ValueError(f"`{dotted}`: `{step or 'the event'}` is no object")
    return event, key


class _Scripted:
    """A scripted system that tells the script when a call begins; retries belong to the call."""

    def __init__(self, system: System, script: Script) -> None:
        self._system = system
        self._script = script

    async def __aenter__(self) -> Self:
        await self._system.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._system.__aexit__(*exc)

    async def send(self, call: Call, turn: Turn) -> Reply:
        self._script.next_call()
        return await self._system.send(call, turn)

    def leave(self, turn: Turn) -> None:
        self._system.leave(turn)


async def _run(mapping: MappingFile, case: Case) -> CaseResult:
    settings = test_settings(mapping, case.settings)
    script, client = mapping.protocol.scripted(mapping.system, settings, case.replies)
    system, record = _Scripted(client, script), Record()
    pipeline = Pipeline(mapping, settings, MemoryLedger(), system)
    with quiet():
        async with system:
            result = await pipeline.handle(event_of(mapping, case), record)
    decided = record.plan.decided if record.plan else ()
    return CaseResult(case, list(_problems(case, script.sent, result)), decided)


def _problems(case: Case, sent: list[SentRequest], result: Result) -> Iterator[str]:
    if result.outcome is not case.outcome:
        shown = json.dumps(answer(result).body)
        yield f"outcome is {result.outcome}, not {case.outcome}; the answer was {shown}"
    body = answer(result).body
    texts = [str(body.get(name)) for name in ("message", "error")]
    texts += [detail.rule for detail in result.details]
    if case.because is not None and not any(case.because in text for text in texts):
        shown = json.dumps(body, ensure_ascii=False)
        yield f"the answer {shown} does not contain `{case.because}`"
    if len(sent) != len(case.calls):
        names = ", ".join(request.name for request in sent) or "none"
        yield f"{len(sent)} calls instead of {len(case.calls)}: {names}"
    for number, (expected, request) in enumerate(zip(case.calls, sent, strict=False), 1):
        for problem in request.differences(expected):
            yield f"call {number}: {problem}"
