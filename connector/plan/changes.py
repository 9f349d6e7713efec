"""The calls that make a resource as it is wanted: to create, to change, to remove it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from connector.call import Call
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.resource import Resource
from connector.outcome import Outcome, Refusal
from connector.plan.difference import difference, is_off
from connector.plan.evaluator import Evaluator
from connector.plan.scope import EventScope

Verb = Literal["release", "remove", "hold"]
VERBS: tuple[Verb, ...] = ("release", "remove", "hold")
Object = dict[str, Any]
CREATED = ("created",)
"""What differs if the system lacks a resource."""
REMOVED = ("removed",)
"""What differs if the system holds a resource that it shall not hold."""


class Needed(NamedTuple):
    """The calls that take service or a number away, those that give, and what differs.

    `differs` is `created`, `removed`, or the names of fields.
    """

    take: list[Call]
    give: list[Call]
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Makes the calls for one resource and verb; `name` is that of the resource."""

    name: str
    entry: Resource
    verb: Verb
    evaluator: Evaluator

    @property
    def loc(self) -> Loc:
        """The path of the resource in the mapping file."""
        return ("resources", self.name)

    def needed(self, found: Object | None, wanted: Object | None, names: EventScope) -> Needed:
        """The calls that are needed, and what differs.

        `found` is what the system holds, `wanted` what it shall hold; None for nothing. `names`
        are the names that the expressions of the resource read.

        Raises:
            Refusal: the event lacks data, or the resource has no call for what is needed.
        """
        differs = self.differs(found, wanted)
        if not differs:
            return Needed([], [], ())
        if wanted is None:
            return Needed(self._calls("remove", names), [], differs)
        if found is None:
            return Needed([], self._creation(wanted, names), differs)
        changed = {name: wanted[name] for name in differs}
        return Needed(*self._change(changed, names), differs)

    def differs(self, found: Object | None, wanted: Object | None) -> tuple[str, ...]:
        """What differs: `created`, `removed`, or the names of fields; nothing if all is right."""
        if wanted is None:
            return () if found is None else REMOVED
        if found is None:
            return () if self.verb == "release" else CREATED
        return tuple(difference(found, wanted, self.entry.fields))

    def _creation(self, wanted: Object, names: EventScope) -> list[Call]:
        calls = self._calls("create", names)
        if self.entry.makes is None:
            return calls
        made = self.evaluator.object(self.entry.makes, (*self.loc, "makes"), names) or {}
        changed = difference(made, wanted, self.entry.fields)
        if not changed:
            return calls
        names = names.with_names({"found": made})
        first, rest = self._ordered(changed)
        return [*calls, *self._writing(first, changed, names), *self._writing(rest, changed, names)]

    def _change(self, changed: Object, names: EventScope) -> tuple[list[Call], list[Call]]:
        """The calls that take something away, and those that give."""
        first, rest = self._ordered(changed)
        if not self.entry.set_:
            calls = self._writing((), changed, names)
            return (calls, []) if not rest or self.verb == "release" else ([], calls)
        take, give = self._writing(first, changed, names), self._writing(rest, changed, names)
        return (take + give, []) if self.verb == "release" else (take, give)

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
