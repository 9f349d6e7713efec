"""What the external system holds for an event: read there, or given by a person.

Nothing is written: only the steps of a plan that read are carried out. As a second guard,
`ReadOnly` stands before the system's client and refuses each call that may change something.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from connector.call import Call
from connector.event import Event
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome, Refusal, Result
from connector.plan.holding import Phase, ResourceStep
from connector.plan.planner import Plan, plan
from connector.plan.step import Replies, Step, Talk, next_call
from connector.startup import Startup
from connector.system import Reply, System, Turn
from connector_tools.deployment import hide
from connector_tools.quiet import quiet

_SECONDS = 50.0  # for all reads of an event

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
    secret. `result` is not None if the event ends before anything is written. `sent` is the number
    of calls; `secrets` are the values that nobody may see.
    """

    replies: Replies = field(repr=False)
    shown: Replies = field(repr=False)
    result: Result | None = None
    sent: int = 0
    secrets: tuple[str, ...] = field(default=(), repr=False)


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
                replies, recorded, result = await _read(found, system, turn)
    again = plan(event, mapping, hide(mapping, values))
    return Reading(
        replies=replies,
        shown=await _replayed(again.steps, iter(recorded)),
        result=result,
        sent=len(recorded),
        secrets=(*_secrets(mapping, values), *turn.secrets),
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


def _turn() -> Turn:
    now = asyncio.get_running_loop().time()
    return Turn(now + _SECONDS, patience=now + _SECONDS / 2)


async def _read(
    found: Plan, system: System, turn: Turn
) -> tuple[Replies, list[Reply], Result | None]:
    """Carry out the steps that read. Returns what they learned, the replies, and an early end."""
    replies: Replies = {}
    recorded: list[Reply] = []
    guarded = ReadOnly(system)

    async def send(call: Call) -> Reply:
        recorded.append(await guarded.send(call, turn))
        return recorded[-1]

    try:
        await _carry_out(found.steps, replies, send)
    except Refusal as refusal:
        return replies, recorded, refusal.result
    finally:
        system.leave(turn)
    return replies, recorded, None


async def _replayed(steps: Iterable[Step], recorded: Iterator[Reply]) -> Replies:
    """What the steps learn from replies that were recorded."""
    replies: Replies = {}

    async def send(call: Call) -> Reply:
        reply = next(recorded, None)
        if reply is None:
            raise Refusal(Outcome.FAILED)
        return reply

    with suppress(Refusal):  # the event ended there, too, or depends on a secret
        await _carry_out(steps, replies, send)
    return replies


async def _carry_out(steps: Iterable[Step], replies: Replies, send: Send) -> None:
    """Carry out the steps that read, up to the first that would write."""
    for step in steps:
        if step.reads:
            await _converse(step.talk(replies), send)
        elif writes(step, replies):
            return


async def _converse(talk: Talk, send: Send) -> None:
    call = next(talk, None)
    while call is not None:
        call = next_call(talk, await send(call))


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
        if setting.secret and values[name] is not None:
            yield from str(values[name]).splitlines()
