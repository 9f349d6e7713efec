"""Sends the calls that a resource needs, and reads it again where a reply leaves its state open."""

from collections.abc import Generator
from dataclasses import replace
from typing import Literal

from connector.call import Call
from connector.mapping.expression import Expression
from connector.outcome import Outcome, Refusal
from connector.plan.step import Replies, Talk, confirmed
from connector.plan.target import State, Target
from connector.system import End, Reply

Phase = Literal["take", "give"]
_ROUNDS = 3  # of reading again and writing, after replies that leave the state open


def write(target: Target, replies: Replies, phase: Phase) -> Talk:
    """Make the calls of a phase. After a reply that leaves the state open, read again first.

    Raises:
        Refusal: a call did not succeed.
    """
    state = target.state(replies)
    if phase == "give" and state.waits and target.is_created_later:
        yield from _unblocked(target, replies)
    for number in range(1, _ROUNDS + 1):
        before = state.found is None
        refused = yield from _attempt(target, phase, replies)
        if refused is None:
            return
        yield from _again(target, replies)
        if not _left(state, phase):
            return  # it was carried out, or another phase does the rest
        changed = before != (state.found is None)
        if number == _ROUNDS or not (changed or refused.outcome is Outcome.UNAVAILABLE):
            confirmed(replace(refused, outcome=_final(refused)))


def _unblocked(target: Target, replies: Replies) -> Talk:
    """Read the resource once those that it needs are there.

    Raises:
        Refusal: unknown_resource; one of them is still absent, and this one is wanted.
    """
    for parent in target.parents:
        if parent.state(replies).found is None:
            yield from parent.look(replies)
    yield from _again(target, replies)
    if target.state(replies).waits and target.wanted(target.names(replies)) is not None:
        absent = [each.name for each in target.parents if each.state(replies).found is None]
        reason = f"the resource `{target.name}` needs `{absent[0]}`, which is absent"
        raise Refusal(Outcome.UNKNOWN_RESOURCE, reason)


def _again(target: Target, replies: Replies) -> Talk:
    yield from target.look(replies)
    target.compare(replies)


def _attempt(
    target: Target, phase: Phase, replies: Replies
) -> Generator[Call, Reply, Reply | None]:
    """Make the calls of a phase; return the reply after which the state is open, or None."""
    state = target.state(replies)
    while calls := _left(state, phase):
        reply = yield calls[0]
        if _is_open(target, reply, replies):
            return reply
        if not (state.wanted is None and _says(target, target.entry.is_gone, reply, replies)):
            confirmed(reply)
        calls.pop(0)
    return None


def _is_open(target: Target, reply: Reply, replies: Replies) -> bool:
    """True if the reply means that the resource is not as it was read, or may not be."""
    state = target.state(replies)
    if reply.end is End.PENDING:
        return False  # the system may still be carrying it out: the event comes again later
    if reply.outcome is not Outcome.APPLIED and reply.unknown:
        return True
    meaning = target.entry.is_there if state.found is None else target.entry.is_gone
    return state.wanted is not None and _says(target, meaning, reply, replies)


def _says(target: Target, meaning: Expression | None, reply: Reply, replies: Replies) -> bool:
    if meaning is None or not reply.seen:
        return False
    scope = target.names(replies).with_names({"reply": reply.seen})
    return bool(target.told(meaning, scope))


def _left(state: State, phase: Phase) -> list[Call]:
    """The calls to make next in a phase. What turned out late to take is taken before giving."""
    return state.take or (state.give if phase == "give" else [])


def _final(refused: Reply) -> Outcome:
    """The outcome of a call that the system did not carry out although it was read again."""
    return Outcome.FAILED if refused.outcome is Outcome.APPLIED else refused.outcome
