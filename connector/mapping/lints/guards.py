"""Checks that no rule writes what a missing part of the event decided.

Missing data is not negative data (contract 4.3): if `account_info` is null, the account is not
closed, but `account.bill_status == 'open'` is false. The check evaluates each rule with one part
null and all else unknown. If a writing call is reached, nothing on the way to it may have used the
part, except to ask whether the part is null (docs/decisions/0035-guards-are-evaluated.md).

A part that is absent needs no check: reading it makes the event invalid (contract 6.5).
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from connector.event import SECTIONS
from connector.mapping.document import Lint, Loc
from connector.mapping.expression import EvaluationError
from connector.mapping.lints.guarded import GuardedCall
from connector.mapping.lints.guarded_rules import guarded_rules
from connector.mapping.lints.missing import Use
from connector.mapping.lints.reads import Fields
from connector.mapping.lints.unknown import Budget, Choices, Key, explored
from connector.mapping.lints.unknown_code import UnknownScope, without_event
from connector.mapping.schema import MappingFile

_MOST = 20_000  # evaluations for each part: about half a second

NAMES = {part: f"unguarded-{part.replace('_', '-')}" for part in SECTIONS}
"""The lint of each part."""


class _Way(NamedTuple):
    """A way to the calls of a rule: the answers that lead there, and the uses of the part."""

    rule: int
    made: dict[Key, bool]
    uses: tuple[Use, ...]


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield a lint for each rule and part that may be null and decides what the rule writes."""
    fields = Fields(mapping)
    for part in SECTIONS:
        if fields.reads(mapping.own, {part}):
            yield from _Guards(mapping, part, fields).lints()


class _Guards:
    """The rules of a mapping while `part` is null."""

    def __init__(self, mapping: MappingFile, part: str, fields: Fields) -> None:
        self.mapping = mapping
        self.part = part
        self.budget = Budget(_MOST)
        self.values = {name: without_event(value) for name, value in mapping.values.items()}
        self.rules = tuple(guarded_rules(mapping, part, fields))

    def lints(self) -> Iterator[Lint]:
        """Yield the first fault of each rule, and a warning if not all ways could be seen."""
        found: dict[int, Lint] = {}
        for way in self._ways():
            if way and way.rule not in found:
                for lint in self._faults(way):
                    found[way.rule] = lint
        yield from found.values()
        if self.budget.short:
            reason = f"too many conditions to see every way with `{self.part}` null"
            mend = f"begin `require` with `{{that: {self.part}, because: ...}}`"
            yield self._lint(("rules",), reason, mend)._replace(level="warning")

    def _lint(self, loc: Loc, reason: str, mend: str) -> Lint:
        return self.mapping.document.lint(NAMES[self.part], loc, reason, mend)

    def _ways(self) -> Iterator[_Way | None]:
        """Yield the ways of events of all types."""
        types = sorted({kind.lower() for rule in self.mapping.rules for kind in rule.on})
        handling = (
            tuple(i for i, rule in enumerate(self.mapping.rules) if rule.handles(kind))
            for kind in types
        )
        for rules in dict.fromkeys(handling):
            yield from explored(partial(self._way, rules), {}, self.budget)

    def _way(self, rules: tuple[int, ...], choices: Choices) -> _Way | None:
        """The way to the calls that these answers lead to; None if they lead to none."""
        scope = UnknownScope(self.part, self.values, choices)
        try:
            return self._chosen(rules, scope)
        except EvaluationError:
            return None  # the event is invalid

    def _chosen(self, rules: tuple[int, ...], scope: UnknownScope) -> _Way | None:
        for index in rules:
            rule = self.rules[index]
            if not rule.chosen(scope):
                continue
            uses = tuple(scope.trail.uses)
            scope.trail.uses.clear()
            if not rule.passes(scope):
                return None
            tested = (use for use in scope.trail.uses if not use.tested)
            return _Way(index, scope.choices.made, (*uses, *tested))
        return None

    def _faults(self, way: _Way) -> Iterator[Lint]:
        """Yield a lint for the first writing call that the part decides."""
        for call in self.rules[way.rule].calls:
            for use in self._uses(way, call) if way.uses or call.reads else ():
                part, name = self.part, SECTIONS[self.part]
                reason = f"`{use.source}` decides this call, and `{part}` may be null"
                mend = (
                    f"add `{{that: {part}, because: {name} is null}}` to `require`, or test "
                    f"`{part}` where null is meant"
                )
                yield self._lint(call.loc, reason, mend)
                return

    def _uses(self, way: _Way, call: GuardedCall) -> Iterator[Use]:
        """Yield the uses of the part that decide a call."""
        for uses in explored(partial(self._used, way, call), way.made, self.budget):
            yield from uses

    def _used(self, way: _Way, call: GuardedCall, choices: Choices) -> list[Use]:
        values = {**self.values, **call.values}
        scope = UnknownScope(self.part, values, choices, call.suspect)
        try:
            before = way.uses if call.sent(scope) else ()
            return [*before, *scope.trail.uses]
        except EvaluationError:
            return []  # the event is invalid
