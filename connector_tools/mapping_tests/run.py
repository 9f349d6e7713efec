"""Runs each test and each story of a mapping file, and gathers what they reach."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from connector.mapping.case import Case, Story
from connector.mapping.document import Loc
from connector.mapping.schema import MappingFile
from connector.mapping.script import ByRequest, InOrder, Replies
from connector.settings import BadSettings
from connector_tools.mapping_tests.bench import Bench
from connector_tools.mapping_tests.events import event_of
from connector_tools.mapping_tests.seen import Note, Seen, recording
from connector_tools.mapping_tests.story_events import events_of


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a test or a story; `problems` is empty if it passed.

    `loc` is its path in the mapping file. `notes` say what it reached.
    """

    case: Case | Story
    loc: Loc
    problems: list[str]
    notes: frozenset[Note] = frozenset()


def run_cases(mapping: MappingFile) -> Iterator[CaseResult]:
    """Run the tests and stories of a mapping one after the other, and yield their results."""
    cases: list[tuple[Loc, Case | Story]] = []
    cases += [(("tests", index), case) for index, case in enumerate(mapping.tests)]
    cases += [(("stories", index), story) for index, story in enumerate(mapping.stories)]
    seen = Seen(mapping)
    recorded = recording(mapping, seen)
    for loc, case in cases:
        seen.notes.clear()
        try:
            problems = asyncio.run(_run(recorded, case, seen))
        except (OSError, ValueError, BadSettings) as error:
            problems = [f"cannot run: {error}"]
        yield CaseResult(case, loc, list(dict.fromkeys(problems)), frozenset(seen.notes))


async def _run(mapping: MappingFile, case: Case | Story, seen: Seen) -> list[str]:
    async with Bench(mapping, case.settings, seen) as bench:
        if isinstance(case, Story):
            return await _run_story(mapping, case, bench)
        replies = ByRequest(case.system) if case.system else InOrder(case.replies)
        problems = await bench.run(event_of(mapping, case), case, replies)
        return [*problems, *replies.problems()]


async def _run_story(mapping: MappingFile, story: Story, bench: Bench) -> list[str]:
    problems: list[str] = []
    throughout = ByRequest(story.system)
    bodies = events_of(mapping, story)
    for number, (step, body) in enumerate(zip(story.steps, bodies, strict=True), 1):
        own = ByRequest(step.system)
        replies: tuple[Replies, ...] = (own, throughout) if story.system or step.system else ()
        found = [*await bench.run(body, step, *replies), *own.problems()]
        problems += [f"step {number}: {problem}" for problem in found]
    return [*problems, *throughout.problems()]
