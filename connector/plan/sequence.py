"""The steps for the entries of `calls`, in their order."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from connector.call import Call
from connector.event import PARTS
from connector.mapping.between import Between, BlockUse, LetEntry
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import Entry, used
from connector.mapping.expression import Expression, Scope, Value
from connector.mapping.meter import MOST_ITEMS
from connector.outcome import Detail, Outcome, Refusal
from connector.plan.between import BetweenCalls
from connector.plan.evaluator import Evaluator
from connector.plan.frame import Bound, Frame
from connector.plan.scope import EventScope
from connector.plan.step import PlannedCall, Replies, Step


class StepPlanner(Evaluator):
    """Makes the steps of a rule."""

    def steps_of(self, entries: Sequence[Entry], loc: Loc, frame: Frame) -> list[Step]:
        """The steps for the entries of `calls` at `loc`."""
        found: list[Step] = []
        for index, entry in enumerate(entries):
            here: Loc = (*loc, index)
            if isinstance(entry, CallEntry):
                for one in self.items(entry, frame, here):
                    step = self.step(entry, one, here)
                    if step:
                        found.append(step)
            elif isinstance(entry, BlockUse):
                found += self.steps_of_block(entry, frame, here)
            elif isinstance(entry, Between):
                found.append(self.between(entry, frame, here, found))
            frame.learn(entry)
        return found

    def steps_of_block(self, use: BlockUse, frame: Frame, loc: Loc) -> Iterator[Step]:
        """Yield the steps for the calls of a block."""
        block, when = self.mapping.blocks[use.block], use.when
        for number, outer in enumerate(self.items(use, frame, loc)):
            late = when is not None and outer.waits(when)
            if when and not late and not self.value(when, loc, outer.scope):
                continue
            inner = outer.within(f"{loc}{number}.", use.with_, partial(self.bound, use))
            inner.subject, inner.releases = block.subject, block.releases
            if when and late:
                inner.condition = partial(self.holds_after, when, loc, outer)
            yield from self.steps_of(block.calls, ("blocks", use.block, "calls"), inner)

    def bound(self, use: BlockUse, scope: EventScope) -> EventScope:
        """The scope of a block: the mapping's names, and the parameters, which read `scope`."""
        return self.scope.with_values(
            {name: Bound(value, scope) for name, value in use.with_.items()}
        )

    def holds_after(self, when: Expression, loc: Loc, frame: Frame, replies: Replies) -> bool:
        """Whether a condition holds after the earlier replies."""
        return bool(self.value(when, loc, frame.after(replies)))

    def items(self, entry: CallEntry | BlockUse, frame: Frame, loc: Loc) -> Iterator[Frame]:
        """Yield the frame of an entry: once for each `item` of its `each`, or without one."""
        if entry.each is None:
            yield frame
            return
        items = self.value(entry.each, (*loc, "each"), frame.scope)
        if not isinstance(items, list | tuple | None):
            self.invalid("`each` needs a list", (*loc, "each"))
        if items and len(items) > MOST_ITEMS:
            self.invalid(f"`each` takes at most {MOST_ITEMS} items", (*loc, "each"))
        for item in items or ():
            yield frame.with_item(item)

    def step(self, entry: CallEntry, frame: Frame, loc: Loc) -> PlannedCall | None:
        """The step for a call, None if its `when` does not hold."""
        when = entry.when
        if when and not frame.waits(when) and not self.value(when, loc, frame.scope):
            return None
        render = partial(self.rendered, entry, frame, loc)
        waits = frame.condition is not None or not entry.names_read.isdisjoint(frame.late)
        found = PlannedCall(
            id=frame.key(entry.id),
            subject=self.subject(entry.subject or frame.subject, loc, frame.scope),
            releases=entry.releases or frame.releases,
            loc=loc,
            ready=None if waits else render(None),
            late=render if waits else None,
            confirm=frame.calls.get(entry.confirm or ""),
            reads=entry.reads,
        )
        if entry.id:
            frame.calls[entry.id] = found
        return found

    def rendered(
        self, entry: CallEntry, frame: Frame, loc: Loc, replies: Replies | None
    ) -> Call | None:
        """The call, after the earlier replies if it waits for them; None if it is left out."""
        scope = frame.scope
        if replies is not None:
            if frame.condition and not frame.condition(replies):
                return None
            scope = frame.after(replies)
            if entry.when and not self.value(entry.when, loc, scope):
                return None
        return self.request(entry, scope, loc)

    def between(self, entry: Between, frame: Frame, loc: Loc, before: list[Step]) -> BetweenCalls:
        """The step for a `require` or a `let`; it belongs to the subject of a call `before` it."""
        names = {name for _, expression in used(entry) for name in expression.names}
        read = {frame.key(name) for name in names}
        calls = [step for step in before if isinstance(step, PlannedCall)]
        about = [step for step in calls if step.id in read][-1:] or calls[-1:]
        return BetweenCalls(
            subject=about[0].subject if about else self.subject(frame.subject, loc, frame.scope),
            releases=about[0].releases if about else frame.releases,
            loc=loc,
            learn=partial(self.learned, entry, frame, loc),
        )

    def learned(self, entry: Between, frame: Frame, loc: Loc, replies: Replies) -> dict[str, Any]:
        """What a `let` adds to the replies, by name; nothing for a `require`.

        Raises:
            Refusal: a condition of `require` does not hold, or something cannot be computed.
        """
        if frame.condition and not frame.condition(replies):
            return {}
        scope = frame.after(replies)
        if isinstance(entry, LetEntry):
            values = entry.let.items()
            return {frame.key(name): self.value(value, loc, scope) for name, value in values}
        for must in entry.require:
            if not self.value(must.that, loc, scope):
                because = self.text(must.because, loc, scope) or "must hold"
                if must.outcome is Outcome.INVALID:
                    detail = Detail(field_of(must.that), because)
                    raise Refusal(Outcome.INVALID, details=(detail,))
                raise Refusal(must.outcome, because)
        return {}

    def subject(self, subject: Value | None, loc: Loc, scope: Scope) -> str | None:
        """The subject of a call. An empty one would make unrelated events wait for each other."""
        if subject is None:
            return None
        name = self.text(subject, loc, scope)
        if name is None:
            self.invalid("the subject has no value", loc)
        return name


def field_of(condition: Expression) -> str:
    """The field of the event that a condition is about, as NSPS names it."""
    for path in sorted(condition.paths):
        if path[0] in PARTS:
            return ".".join((PARTS[path[0]][0], *path[1:]))
    return ""
