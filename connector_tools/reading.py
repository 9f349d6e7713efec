"""What the external system says to the calls of an event: read there, or given by a person.

Nothing is written: only the steps of a plan that read are carried out. As a second guard,
`ReadOnly` stands before the system's client and refuses each call that may change something.
`connector_tools.given_replies` carries out all steps with replies from a file.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.call import Call
from connector.event import Event
from connector.mapping.schema import MappingFile
from connector.mapping.setting import hidden_texts
from connector.outcome import Outcome, Refusal, Result
from connector.plan.holding import Phase, ResourceStep
from connector.plan.planner import Plan, plan
from connector.plan.step import Replies, Step, Talk, next_call
from connector.plan.target import State
from connector.plan.trace import Learned
from connector.startup import Startup
from connector.system import Reply, System, Turn
from connector_tools.deployment import hide
from connector_tools.quiet import quiet

_SECONDS = 50.0  # for all reads of an event
_NO_REPLY = Refusal(Outcome.FAILED)  # a recorded reply is missing

Held = Mapping[str, Mapping[str, dict[str, Any] | None]]
"""What the system holds: by subject, then by the name of the resource; None if nothing."""

Send = Callable[[Call], Awaitable[Reply]]


class NotReadOnly(Exception):  # noqa: N818 - it names what happened
    """A call that may change something at the system was refused, and not sent."""


class ReadOnly:
    """Sends only calls that change nothing; `system` is the client that sends them."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System`.

        Raises:
            NotReadOnly: the call may change something.
        """
        if not call.read_only:
            raise NotReadOnly(f"{call.method} {call.target}")
        return await self._system.send(call, turn)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the steps of an event learned from the system.

    `replies` is what they learned. `shown` is the same as computed with `***` in place of each
    secret; both are as before anything was written. `result` is not None if the event ends early;
    `wrote` is true if it ends at a call that writes a resource. `sent` is the number of calls;
    `secrets` are the values that nobody may see. `learned` is `shown` for the trace of
    the plan. `notes` are sentences about replies that were given and not used.
    """

    replies: Replies = field(repr=False)
    shown: Replies = field(repr=False)
    result: Result | None = None
    wrote: bool = False
    sent: int = 0
    secrets: tuple[str, ...] = field(default=(), repr=False)
    learned: Learned | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


class Course:
    """What the steps of a plan learn, one after the other; `answers` as in `Learned`."""

    def __init__(self, send: Send) -> None:
        self.replies: Replies = {}
        self.recorded: list[Reply] = []
        self.reached = 0
        self.wrote = False
        self._before: Replies = {}
        self._answers: dict[int, tuple[Reply, ...]] = {}
        self._send = send

    async def carry_out(self, steps: Iterable[Step], *, writes_too: bool = False) -> Result | None:
        """Carry out the steps that read, up to the first that would write.

        With `writes_too` all are carried out. Returns the result if the event ends at one of them.
        """
        try:
            for step in steps:
                own = not isinstance(step, ResourceStep)
                self.reached += own
                self.wrote = not own and not step.reads
                if self.wrote and not self._before:
                    self._before = _as_they_are(self.replies)
                if step.reads or writes_too:
                    await self._converse(step.talk(self.replies), own=own)
                elif writes(step, self.replies):
                    return None
        except Refusal as refusal:
            return refusal.result
        return None

    @property
    def unwritten(self) -> Replies:
        """What was learned, with the resources as they were before anything was written."""
        return {**self.replies, **self._before}

    async def _converse(self, talk: Talk, *, own: bool) -> None:
        call = next(talk, None)
        while call is not None:
            reply = await self._send(call)
            self.recorded.append(reply)
            if own:
                self._answers[self.reached] = (*self._answers.get(self.reached, ()), reply)
            call = next_call(talk, reply)

    def learned(self, result: Result | None) -> Learned:
        """What was learned, for the trace of the plan."""
        return Learned(self.unwritten, self.reached, self._answers, ended=result is not None)


def _as_they_are(replies: Replies) -> Replies:
    """A copy of what is known of the resources: a step that writes changes it."""
    return {
        key: replace(found, take=[*found.take], give=[*found.give])
        for key, found in replies.items()
        if isinstance(found, State)
    }


async def read(event: Event, startup: Startup) -> Reading:
    """Read at the system of this environment what it holds for an event.

    Raises:
        BadSettings, SecretsUnreachable: see `Startup.serve`.
        Refusal: the event cannot be planned.
    """
    mapping = startup.mapping
    with quiet():
        async with startup.secrets:
            startup.check()
            values = dict(startup.values)
            client = mapping.protocol.client(mapping.system, startup.values, startup.secrets)
            turn = _turn()
            async with client as system:
                found = plan(event, mapping, values)
                course, result = await _read(found, system, turn)
    again = plan(event, mapping, hide(mapping, values))
    shown, _ = await _replayed(again.steps, iter(course.recorded))
    return Reading(
        replies=course.replies,
        shown=shown.replies,
        result=result,
        sent=len(course.recorded),
        secrets=(*_secrets(mapping, values), *turn.secrets),
        learned=shown.learned(result),
    )


class BadHeld(Exception):  # noqa: N818 - it names what happened
    """What a person gave is not what a system can hold; the text says why, without values."""


def checked(document: object, steps: Iterable[Step]) -> Held:
    """The document, if it has the shape of `Held` for the resources of these steps.

    Raises:
        BadHeld: it has not.
    """
    targets = [step.target for step in steps if isinstance(step, ResourceStep)]
    if not isinstance(document, dict):
        raise BadHeld("must be an object: what the system holds, by subject")
    for subject, held in document.items():
        if not isinstance(held, dict):
            raise BadHeld(f"`{subject}` must be an object: what the system holds, by resource")
        for name, fields in held.items():
            if not any((one.subject, one.name) == (subject, name) for one in targets):
                raise BadHeld(f"the event uses no resource `{name}` of `{subject}`")
            if not isinstance(fields, dict | None):
                raise BadHeld(f"`{name}` of `{subject}` must be an object with its fields, or null")
    return document


def given(steps: Iterable[Step], held: Held) -> Reading:
    """What the steps would learn from a system that holds this, without asking any."""
    replies: Replies = {}
    try:
        for step in steps:
            if isinstance(step, ResourceStep) and step.phase is Phase.LOOK:
                target = step.target
                found = held.get(target.subject, {}).get(target.name)
                target.learn(None if target.is_orphaned(replies) else found, replies)
            elif isinstance(step, ResourceStep) and step.phase is Phase.COMPARE:
                step.target.compare(replies)
    except Refusal as refusal:
        return Reading(replies, replies, refusal.result)
    return Reading(replies, replies)


async def recalled(
    event: Event, mapping: MappingFile, values: Mapping[str, Any], recorded: Iterable[Reply]
) -> Reading | None:
    """What an event learned when it was carried out; `recorded` are the replies to its reads.

    None if a read of it got no reply. `values` are the settings by name. The inspector calls it to
    compare what an event has found.

    Raises:
        Refusal: the event cannot be planned.
    """
    replies = tuple(recorded)
    found = plan(event, mapping, values)
    again = plan(event, mapping, hide(mapping, values))
    course, result = await _replayed(found.steps, iter(replies))
    if result == _NO_REPLY.result:
        return None
    shown, _ = await _replayed(again.steps, iter(replies))
    return Reading(
        replies=course.replies,
        shown=shown.replies,
        result=result,
        sent=len(replies),
        secrets=tuple(_secrets(mapping, values)),
        learned=shown.learned(result),
    )


def _turn() -> Turn:
    now = asyncio.get_running_loop().time()
    return Turn(now + _SECONDS, patience=now + _SECONDS / 2, read_only=True)


async def _read(found: Plan, system: System, turn: Turn) -> tuple[Course, Result | None]:
    """Carry out the steps that read. Returns what they learned, and an early end."""
    guarded = ReadOnly(system)
    course = Course(lambda call: guarded.send(call, turn))
    try:
        return course, await course.carry_out(found.steps)
    finally:
        system.leave(turn)


async def _replayed(
    steps: Iterable[Step], recorded: Iterator[Reply]
) -> tuple[Course, Result | None]:
    """What the steps learn from replies that were recorded, and an early end."""

    async def send(call: Call) -> Reply:
        reply = next(recorded, None)
        if reply is None:  # the event ended there, too, or depends on a secret
            raise _NO_REPLY
        return reply

    course = Course(send)
    return course, await course.carry_out(steps)


def writes(step: Step, replies: Replies) -> bool:
    """True if the step would send calls, after the steps before it learned `replies`."""
    if not isinstance(step, ResourceStep):
        return True
    return bool(writing(step, replies)) or is_read_later(step, replies)


def is_read_later(step: ResourceStep, replies: Replies) -> bool:
    """True if the step reads its resource again, once those are created that it needs."""
    state = step.target.state(replies)
    return step.phase is Phase.GIVE and state.waits and bool(state.differs)


def writing(step: ResourceStep, replies: Replies) -> list[Call]:
    """The calls that a step would send to make the system right."""
    return list(getattr(step.target.state(replies), step.phase.value)) if not step.reads else []


def _secrets(mapping: MappingFile, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secrets; one of several lines, such as a key, line by line."""
    for name, setting in mapping.settings.items():
        if setting.secret:
            for text in hidden_texts(values[name]):
                yield from text.splitlines()
