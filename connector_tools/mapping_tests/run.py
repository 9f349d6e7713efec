"""Runs each test and each story of a mapping file, and gathers what they reach."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from connector.mapping.case import Case, Story
from connector.mapping.document import Loc
from connector.mapping.schema import MappingFile
from connector.mapping.script import ByRequest, InOrder, Replies
from connector.settings import BadSettings
from connector_tools.mapping_tests.bench import Bench, Problem
from connector_tools.mapping_tests.difference import FieldDifference
from connector_tools.mapping_tests.events import event_of
from connector_tools.mapping_tests.seen import Note, Seen, recording
from connector_tools.mapping_tests.story_events import events_of


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a test or a story; `problems` is empty if it passed.

    `loc` is its path in the mapping file. `notes` say what it reached. `differences` are those of
    the problems that are about a field of a call. `seconds` is how long it took.
    """

    case: Case | Story
    loc: Loc
    problems: list[str]
    notes: frozenset[Note] = frozenset()
    differences: tuple[FieldDifference, ...] = ()
    seconds: float = 0.0


def run_cases(mapping: MappingFile, only: str = "") -> Iterator[CaseResult]:
    """Run the tests and stories of a mapping one after the other, and yield their results.

    Those whose names do not contain `only` are left out, whatever the case of its letters.
    """
    cases: list[tuple[Loc, Case | Story]] = []
    cases += [(("tests", index), case) for index, case in enumerate(mapping.tests)]
    cases += [(("stories", index), story) for index, story in enumerate(mapping.stories)]
    seen = Seen(mapping)
    recorded = recording(mapping, seen)
    for loc, case in cases:
        if only.lower() not in case.name.lower():
            continue
        seen.notes.clear()
        began = time.perf_counter()
        try:
            found = asyncio.run(_run(recorded, case, seen))
        except OSError as error:
            found = [f"cannot run: {error.filename}: {error.strerror}"]
        except (ValueError, BadSettings) as error:
            found = [f"cannot run: {error}"]
        yield CaseResult(
            case=case,
            loc=loc,
            problems=list(dict.fromkeys(map(_sentence, found))),
            notes=frozenset(seen.notes),
            differences=tuple(one for one in found if isinstance(one, FieldDifference)),
            seconds=time.perf_counter() - began,
        )


def _sentence(problem: Problem) -> str:
    step = getattr(problem, "step", 0)
    return f"step {step}: {problem}" if step else str(problem)


async def _run(mapping: MappingFile, case: Case | Story, seen: Seen) -> list[Problem]:
    async with Bench(mapping, case.settings, seen) as bench:
        if isinstance(case, Story):
            return await _run_story(mapping, case, bench)
        replies = ByRequest(case.system) if case.system else InOrder(case.replies)
        problems = await bench.run(event_of(mapping, case), case, replies)
        return [*problems, *replies.problems()]


async def _run_story(mapping: MappingFile, story: Story, bench: Bench) -> list[Problem]:
    problems: list[Problem] = []
    throughout = ByRequest(story.system)
    bodies = events_of(mapping, story)
    for number, (step, body) in enumerate(zip(story.steps, bodies, strict=True), 1):
        own = ByRequest(step.system)
        replies: tuple[Replies, ...] = (own, throughout) if story.system or step.system else ()
        found = [*await bench.run(body, step, *replies), *own.problems()]
        problems += [_of_step(number, problem) for problem in found]
    return [*problems, *throughout.problems()]


def _of_step(number: int, problem: Problem) -> Problem:
    if isinstance(problem, FieldDifference):
        return problem._replace(step=number)
    return f"step {number}: {problem}"
