"""One resource of one SIM: reads it, and compares it with what is wanted.

`connector.plan.changes` makes the calls that are needed, `connector.plan.writing` sends them. The
order of all targets of an event is in `connector.plan.holding`. What a target learns while the
event is applied is in its `State`; the target itself never changes.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.call import Call, Meaning
from connector.mapping.document import Loc
from connector.mapping.expression import EvaluationError, Value, expressions
from connector.mapping.resource import Resource
from connector.outcome import Outcome, Refusal
from connector.plan.changes import Changes, Object, Verb
from connector.plan.evaluator import Evaluator
from connector.plan.scope import EventScope
from connector.plan.step import Replies, Talk, confirmed
from connector.system import Reply


@dataclass(slots=True)
class State:
    """What is known of a target while an event is applied.

    `found` is what the system holds, None if nothing. `take` are the calls that take service or
    a number away, `give` all others; both are still to be made. `differs` says what differed when
    it was first compared: `created`, `removed`, or the names of fields; None before. `waits` is
    true if it cannot be read yet, because a resource that it needs is absent.
    """

    found: Object | None = field(default=None, repr=False)
    wanted: Object | None = field(default=None, repr=False)
    take: list[Call] = field(default_factory=list)
    give: list[Call] = field(default_factory=list)
    differs: tuple[str, ...] | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A resource of one `hold`, `release` or `remove` of a rule.

    `key` stands for the thing at the external system: its resource and the values of its
    parameters. `scope` has the event's names and the parameters. `above` are the targets of the
    same SIM that stand above it in the file; its expressions can read what was found for them, by
    their names.
    `reading` is the call that reads, and `planned` what is wanted, if the event alone decides them.
    """

    name: str
    entry: Resource
    verb: Verb
    subject: str
    key: str
    scope: EventScope
    above: tuple["Target", ...]
    evaluator: Evaluator
    reading: Call | None = None
    planned: Object | None = None

    def checked(self) -> "Target":
        """The target with all that the event decides: bad data is found before any call.

        Raises:
            Refusal: invalid; the event lacks data that the resource needs.
        """
        above = [other.name for other in self.above]
        waits = not self.entry.names_of_read.isdisjoint(above)
        reading = None if waits else self._reading(self.scope)
        planned = None if self.waits else self.wanted(self.scope)
        return replace(self, reading=reading, planned=planned)

    @property
    def waits(self) -> bool:
        """True if what is wanted depends on what was found for a target above."""
        value = self.value
        names = {name for found in expressions(value) for name in found.names} if value else set()
        return not names.isdisjoint(other.name for other in self.above)

    @property
    def value(self) -> Value | None:
        """What the verb wants; None if it wants nothing of the resource, or its absence."""
        wants = {"hold": self.entry.want, "release": self.entry.released, "remove": None}
        return wants[self.verb]

    @property
    def loc(self) -> Loc:
        """The path of the resource in the mapping file."""
        return ("resources", self.name)

    @property
    def parents(self) -> tuple["Target", ...]:
        """The targets above that its expressions read for this verb."""
        names = self.entry.names_read[self.verb]
        return tuple(other for other in self.above if other.name in names)

    @property
    def possible(self) -> tuple[str, ...]:
        """The keys of the calls that may be made, if the event alone is known."""
        if self._unmanaged:
            return ()
        if not self.waits and self.planned is None:
            return ("remove",)
        change = "set" if self.entry.set_ else "change"
        keys = ("create", change) if self.verb == "hold" else (change,)
        return (*keys, "remove") if self.waits else keys

    def state(self, replies: Replies) -> State:
        """What is known of the target in the course of an event."""
        key = self.verb + self.key
        found: State | None = replies.get(key)
        if found is None:
            found = replies[key] = State()
        return found

    def names(self, replies: Replies) -> EventScope:
        """The names that the expressions of the resource read."""
        above = {other.name: other.state(replies).found for other in self.above}
        state = self.state(replies)
        return self.scope.with_names({**above, "found": state.found, "want": state.wanted})

    # Reading

    def look(self, replies: Replies) -> Talk:
        """Read the resource.

        Raises:
            Refusal: the read failed, or what was found does not fulfil `require`.
        """
        self.learn((yield from self.read(replies)), replies)

    def read(self, replies: Replies) -> Generator[Call, Reply, Object | None]:
        """Read the resource; returns what the system holds, None if nothing.

        Raises:
            Refusal: the read failed.
        """
        self.state(replies).found = None
        if self.is_orphaned(replies):
            return None
        names = self.names(replies)
        call = self.reading or self._reading(names)
        reply = yield call
        if reply.outcome is Outcome.UNKNOWN_RESOURCE and not _judged(call, reply):
            raise self._unclear(reply.cause)  # a 404 of a proxy says nothing about the system
        return self._shown(confirmed(reply), names)

    def learn(self, found: Object | None, replies: Replies) -> None:
        """Note what the system holds, None if nothing.

        Raises:
            Refusal: it does not fulfil `require`.
        """
        self.state(replies).found = found
        if self.verb == "hold":
            self._check(self.names(replies))

    def is_orphaned(self, replies: Replies) -> bool:
        """True if a resource that its expressions read is absent."""
        return any(parent.state(replies).found is None for parent in self.parents)

    def _reading(self, names: EventScope) -> Call:
        """The call that reads; a reply that means "absent" counts as success."""
        call = self.evaluator.request(self.entry.read, names, (*self.loc, "read"))
        meaning, absent = call.meaning, self.entry.is_absent

        def judged(seen: Mapping[str, Any]) -> Meaning | None:
            if absent and absent.evaluate(names.with_names({"reply": seen})):
                return Meaning(Outcome.APPLIED, None)
            return meaning(seen) if meaning else None

        return replace(call, read_only=True, idempotent=True, meaning=judged)

    def _shown(self, reply: Reply, names: EventScope) -> Object | None:
        """What the system holds, by a reply to `read`."""
        scope = names.with_names({"reply": reply.seen})
        absent = self.entry.is_absent
        if absent and self.told(absent, scope):
            return None
        found = self.told(self.entry.shown, scope)
        if found is not None and not isinstance(found, dict):
            raise self._unclear()
        return found

    def told(self, value: Value, scope: EventScope) -> Any:
        """What a reply says.

        Raises:
            Refusal: failed; the reply is not what the expression expects. The event may be right.
        """
        try:
            return value.evaluate(scope)
        except EvaluationError as error:
            raise self._unclear(str(error)) from None

    def _unclear(self, cause: str | None = None) -> Refusal:
        reason = f"API Core's reply does not show the resource `{self.name}`"
        return Refusal(Outcome.FAILED, reason, cause=cause)

    def _check(self, names: EventScope) -> None:
        met = self._objection(names)
        if met:
            raise Refusal(met.outcome, met.reason)

    def _objection(self, names: EventScope) -> Meaning | None:
        for index, entry in enumerate(self.entry.require):
            loc = (*self.loc, "require", index)
            if not self.evaluator.value(entry.that, loc, names):
                return Meaning(entry.outcome, self.evaluator.text(entry.because, loc, names))
        return None

    # Comparing

    def compare(self, replies: Replies) -> None:
        """Find out what differs, and make the calls that are needed.

        Raises:
            Refusal: the event lacks data, or the resource has no call for what is needed.
        """
        state = self.state(replies)
        waited, state.waits = state.waits, self.is_orphaned(replies)
        state.wanted, state.take, state.give = self.planned, [], []
        if state.waits:
            state.differs = ("created",) if self.is_created_later else ()
            return
        names = self.names(replies)
        if self.waits:
            state.wanted = self.wanted(names)
        if self._unmanaged:
            state.differs = ()
            return
        changes = Changes(self.name, self.entry, self.verb, self.evaluator)
        with_want = names.with_names({"want": state.wanted})
        state.take, state.give, differs = changes.needed(state.found, state.wanted, with_want)
        state.differs = differs if state.differs is None or waited else state.differs

    def drift(self, replies: Replies) -> tuple[str, ...]:
        """What differs, as `State.differs` says it, for an audit: no call is made of it.

        Raises:
            Refusal: the event lacks data.
        """
        state = self.state(replies)
        state.wanted = self.planned
        if self._unmanaged or self.is_orphaned(replies):
            return ()
        if self.waits:
            state.wanted = self.wanted(self.names(replies))
        changes = Changes(self.name, self.entry, self.verb, self.evaluator)
        return changes.differs(state.found, state.wanted)

    @property
    def is_created_later(self) -> bool:
        """True if the resource is wanted as far as the event alone says."""
        wanted = self.value is not None and (self.waits or self.planned is not None)
        return self.verb == "hold" and wanted

    def wanted(self, names: EventScope) -> Object | None:
        """The owned fields with the values that they shall have; None if it shall be absent."""
        key = "released" if self.verb == "release" else "want"
        loc = (*self.loc, key)
        return None if self.value is None else self.evaluator.object(self.value, loc, names)

    @property
    def is_managed(self) -> bool:
        """True if this verb checks, changes or removes the resource."""
        return self.verb == "hold" or not self._unmanaged

    @property
    def _unmanaged(self) -> bool:
        """True if this verb leaves the resource as it is."""
        return (self.entry.remove if self.verb == "remove" else self.value) is None


def _judged(call: Call, reply: Reply) -> bool:
    """Whether the mapping file says what a reply means."""
    return call.meaning is not None and call.meaning(reply.seen) is not None
