"""One resource of one SIM: reads it, compares it, and writes what differs.

The order of all targets of an event is in `connector.plan.holding`. What a target learns while the
event is applied is in its `State`; the target itself never changes.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from connector.call import Call, Meaning
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.expression import EvaluationError, Expression, Value, as_json, expressions
from connector.mapping.resource import Resource
from connector.outcome import Outcome, Refusal
from connector.plan.difference import difference, is_off
from connector.plan.evaluator import Evaluator
from connector.plan.scope import EventScope
from connector.plan.step import Replies, Talk, confirmed
from connector.system import End, Reply

_ROUNDS = 3  # of reading again and writing, after replies that leave the state open

Verb = Literal["release", "remove", "hold"]
VERBS: tuple[Verb, ...] = ("release", "remove", "hold")
Phase = Literal["take", "give"]
Object = dict[str, Any]


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
        planned = None if self.waits else self._planned(self.scope)
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
        self.state(replies).found = None
        found = None
        if not self.is_orphaned(replies):
            names = self.names(replies)
            call = self.reading or self._reading(names)
            reply = yield call
            if reply.outcome is Outcome.UNKNOWN_RESOURCE and not _judged(call, reply):
                raise self._unclear(reply.cause)  # a 404 of a proxy says nothing about the system
            found = self._shown(confirmed(reply), names)
        self.learn(found, replies)

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
        if absent and self._told(absent, scope):
            return None
        found = self._told(self.entry.shown, scope)
        if found is not None and not isinstance(found, dict):
            raise self._unclear()
        return found

    def _told(self, value: Value, scope: EventScope) -> Any:
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
            state.differs = ("created",) if self._is_created_later else ()
            return
        names = self.names(replies)
        if self.waits:
            state.wanted = self._planned(names)
        differs = self._moves(state, names.with_names({"want": state.wanted}))
        state.differs = differs if state.differs is None or waited else state.differs

    @property
    def _is_created_later(self) -> bool:
        """True if the resource is wanted as far as the event alone says."""
        wanted = self.value is not None and (self.waits or self.planned is not None)
        return self.verb == "hold" and wanted

    def _planned(self, names: EventScope) -> Object | None:
        """The owned fields with the values that they shall have; None if it shall be absent."""
        key = "released" if self.verb == "release" else "want"
        return None if self.value is None else self._object(key, self.value, names)

    def _object(self, key: str, value: Value, names: EventScope) -> Object | None:
        loc = (*self.loc, key)
        try:
            found = as_json(value, names)
        except Refusal as refusal:
            self.evaluator.refuse(refusal, loc)
        except ValueError as error:
            self.evaluator.invalid(str(error), loc)
        if found is not None and not isinstance(found, dict):
            self.evaluator.invalid("must be an object or none", loc)
        return found

    @property
    def is_managed(self) -> bool:
        """True if this verb checks, changes or removes the resource."""
        return self.verb == "hold" or not self._unmanaged

    @property
    def _unmanaged(self) -> bool:
        """True if this verb leaves the resource as it is."""
        return (self.entry.remove if self.verb == "remove" else self.value) is None

    def _moves(self, state: State, names: EventScope) -> tuple[str, ...]:
        """Fill `take` and `give` of the state, and return what differs."""
        found, wanted = state.found, state.wanted
        if self._unmanaged or (found is None and (wanted is None or self.verb == "release")):
            return ()
        if wanted is None:
            state.take = self._calls("remove", names)
            return ("removed",)
        if found is None:
            state.give = self._creation(wanted, names)
            return ("created",)
        changed = difference(found, wanted, self.entry.fields)
        if changed:
            self._change(state, changed, names)
        return tuple(changed)

    def _creation(self, wanted: Object, names: EventScope) -> list[Call]:
        calls = self._calls("create", names)
        if self.entry.makes is None:
            return calls
        made = self._object("makes", self.entry.makes, names) or {}
        changed = difference(made, wanted, self.entry.fields)
        if not changed:
            return calls
        names = names.with_names({"found": made})
        first, rest = self._ordered(changed)
        return [*calls, *self._writing(first, changed, names), *self._writing(rest, changed, names)]

    def _change(self, state: State, changed: Object, names: EventScope) -> None:
        first, rest = self._ordered(changed)
        if not self.entry.set_:
            calls = self._writing((), changed, names)
            taking = not rest or self.verb == "release"
            state.take, state.give = (calls, []) if taking else ([], calls)
            return
        state.take = self._writing(first, changed, names)
        state.give = self._writing(rest, changed, names)
        if self.verb == "release":
            state.take, state.give = state.take + state.give, []

    def _ordered(self, changed: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """The fields that take something away, from below; then the others, from above."""
        order = [name for name in self.entry.set_ if name in changed]
        order += [name for name in changed if name not in order]
        off = [name for name in order if is_off(name, changed[name], self.entry.fields)]
        return off[::-1], [name for name in order if name not in off]

    def _writing(
        self, fields: list[str] | tuple[()], changed: Object, names: EventScope
    ) -> list[Call]:
        """The calls of `set` for these fields, or those of `change` for all."""
        names = names.with_names({"changed": changed})
        if not self.entry.set_:
            return self._calls("change", names)
        for name in fields:
            if name not in self.entry.set_:
                self.evaluator.invalid(f"`set` has no call for `{name}`", (*self.loc, "set"))
        made = (self._write(self.entry.set_[name], names, ("set", name)) for name in fields)
        return [call for call in made if call]

    def _calls(self, key: str, names: EventScope) -> list[Call]:
        """The calls under a key of the resource.

        Raises:
            Refusal: unknown_resource; there are none, so the mapping cannot make the system right.
        """
        entries: tuple[CallEntry, ...] | None = getattr(self.entry, key)
        if entries is None:
            reason = f"the resource `{self.name}` needs `{key}`, and the mapping has no call for it"
            raise Refusal(Outcome.UNKNOWN_RESOURCE, reason)
        made = (self._write(one, names, (key, index)) for index, one in enumerate(entries))
        return [call for call in made if call]

    def _write(self, entry: CallEntry, names: EventScope, at: Loc) -> Call | None:
        """A call that writes; nobody repeats it before the resource was read again."""
        loc = (*self.loc, *at)
        if entry.when and not self.evaluator.value(entry.when, loc, names):
            return None
        return replace(self.evaluator.request(entry, names, loc), idempotent=False)

    # Writing

    def write(self, replies: Replies, phase: Phase) -> Talk:
        """Make the calls of a phase. After a reply that leaves the state open, read again first.

        Raises:
            Refusal: a call did not succeed.
        """
        state = self.state(replies)
        if phase == "give" and state.waits and self._is_created_later:
            yield from self._unblocked(replies)
        for number in range(1, _ROUNDS + 1):
            before = state.found is None
            refused = yield from self._attempt(phase, replies)
            if refused is None:
                return
            yield from self._again(replies)
            if not _left(state, phase):
                return  # it was carried out, or another phase does the rest
            changed = before != (state.found is None)
            if number == _ROUNDS or not (changed or refused.outcome is Outcome.UNAVAILABLE):
                confirmed(replace(refused, outcome=_final(refused)))

    def _unblocked(self, replies: Replies) -> Talk:
        """Read the resource once those that it needs are there.

        Raises:
            Refusal: unknown_resource; one of them is still absent, and this one is wanted.
        """
        for parent in self.parents:
            if parent.state(replies).found is None:
                yield from parent.look(replies)
        yield from self._again(replies)
        if self.state(replies).waits and self._planned(self.names(replies)) is not None:
            absent = [each.name for each in self.parents if each.state(replies).found is None]
            reason = f"the resource `{self.name}` needs `{absent[0]}`, which is absent"
            raise Refusal(Outcome.UNKNOWN_RESOURCE, reason)

    def _again(self, replies: Replies) -> Talk:
        yield from self.look(replies)
        self.compare(replies)

    def _attempt(self, phase: Phase, replies: Replies) -> Generator[Call, Reply, Reply | None]:
        """Make the calls of a phase; return the reply after which the state is open, or None."""
        state = self.state(replies)
        while calls := _left(state, phase):
            reply = yield calls[0]
            if self._is_open(reply, replies):
                return reply
            if not (state.wanted is None and self._says(self.entry.is_gone, reply, replies)):
                confirmed(reply)
            calls.pop(0)
        return None

    def _is_open(self, reply: Reply, replies: Replies) -> bool:
        """True if the reply means that the resource is not as it was read, or may not be."""
        state = self.state(replies)
        if reply.end is End.PENDING:
            return False  # the system may still be carrying it out: the event comes again later
        if reply.outcome is not Outcome.APPLIED and reply.unknown:
            return True
        meaning = self.entry.is_there if state.found is None else self.entry.is_gone
        return state.wanted is not None and self._says(meaning, reply, replies)

    def _says(self, meaning: Expression | None, reply: Reply, replies: Replies) -> bool:
        if meaning is None or not reply.seen:
            return False
        scope = self.names(replies).with_names({"reply": reply.seen})
        return bool(self._told(meaning, scope))


def _judged(call: Call, reply: Reply) -> bool:
    """Whether the mapping file says what a reply means."""
    return call.meaning is not None and call.meaning(reply.seen) is not None


def _left(state: State, phase: Phase) -> list[Call]:
    """The calls to make next in a phase. What turned out late to take is taken before giving."""
    return state.take or (state.give if phase == "give" else [])


def _final(refused: Reply) -> Outcome:
    """The outcome of a call that the system did not carry out although it was read again."""
    return Outcome.FAILED if refused.outcome is Outcome.APPLIED else refused.outcome
