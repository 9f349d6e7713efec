"""Checks of everything that no event changes: what fails once would fail for every event.

A constant such as `timeout: 30 sec` stops the start. A header that is not ASCII, or an expression
such as `='5' + 1`, makes every event invalid. The check computes all of them once, with the code
that the start and the planner use. Defaults of settings count as constants, too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from connector.mapping.document import Lint, Loc
from connector.mapping.entry import CallEntry, Compiled, Entry, leaves
from connector.mapping.expression import (
    Constant,
    EvaluationError,
    Expression,
    Scope,
    Text,
    Value,
)
from connector.mapping.known import Known
from connector.mapping.schema import MappingFile
from connector.mapping.system_entry import seconds

Accepts = Callable[[Any], object]

_STAND_IN = "0"  # in place of what an event decides; every place takes it
_WHY = {
    "TypeError": "the types of its values do not fit",
    "ZeroDivisionError": "it divides by zero",
    "OverflowError": "the result is too large",
}


_DURATION = re.compile(
    r" *([0-9]+(?:\.[0-9]+)?) *(|ms|msecs?|s|secs?|seconds?|m|mins?|minutes?) *", re.IGNORECASE
)


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield a lint for each value that the start or every event would refuse."""
    known = Known(mapping)
    found = [*_defaults(mapping, known), *_expressions(mapping, known), *_system(mapping, known)]
    for rule_index, rule in enumerate(mapping.rules):
        found += _subject(mapping, rule.subject, ("rules", rule_index, "subject"))
        for index, call in enumerate(rule.calls):
            loc: Loc = ("rules", rule_index, "calls", index)
            found += _subject(mapping, call.subject, (*loc, "subject"))
            found += [_lint(mapping, (*loc, *at), reason) for at, reason in _call(call, known)]
    yield from {lint.place: lint for lint in reversed(found)}.values()  # one for each place


def _lint(mapping: MappingFile, loc: Loc, reason: str, mend: str = "") -> Lint:
    mend = mend or "correct it: no event and no deployment changes it"
    return mapping.document.lint("constant", loc, reason, mend)


def _defaults(mapping: MappingFile, known: Known) -> Iterator[Lint]:
    """Yield lints for defaults that the start would refuse."""
    for name, reason in known.unusable.items():
        mend = "correct it, or remove it and let each deployment give the value"
        yield _lint(mapping, ("settings", name, "default"), f"the default {reason}", mend)


def _expressions(mapping: MappingFile, known: Known) -> Iterator[Lint]:
    """Yield lints for expressions that read nothing of an event and cannot be computed."""
    for loc, expression in mapping.expressions:
        if not known.decides(expression):
            continue
        try:
            value = expression.evaluate(known.scope)
        except EvaluationError as error:
            why = _WHY.get(type(error.__cause__).__name__, "it fails")
            reason = f"`{expression.source}` can never be computed: {why}"
            yield _lint(mapping, loc, reason)
            continue
        if loc[-1] == "each" and not isinstance(value, list | tuple | None):
            yield _lint(mapping, loc, "`each` needs a list", "read a list, or remove `each`")


def _system(mapping: MappingFile, known: Known) -> Iterator[Lint]:
    """Yield lints for values under `system` that the start would refuse in every deployment."""
    for loc, value, accepts in _places(mapping.system, ("system",)):
        problems = [_problem(value, accepts, scope) for scope in known.scopes(value)]
        if problems and all(problems):
            mend = _duration(value) if accepts is seconds else ""
            yield _lint(mapping, loc, f"`{'.'.join(map(str, loc))}` {problems[0]}", mend)


def _duration(value: Value) -> str:
    """What to write in place of a duration such as `30 sec`; empty if that is not clear."""
    written = value.value if isinstance(value, Constant) else None
    found = _DURATION.fullmatch(written) if isinstance(written, str) else None
    if not found:
        return ""
    unit = next((unit for unit in ("ms", "s", "m") if found[2].lower().startswith(unit)), "s")
    meant = f"{found[1]}{unit}"
    return "" if _problem(Constant(meant), seconds, Scope()) else f"write {meant}"


def _problem(value: Value, accepts: Accepts, scope: Scope) -> str | None:
    """Why a place does not accept a value; None if it does."""
    try:
        accepts(value.evaluate(scope))
    except ValueError as error:
        return str(error)
    return None


def _places(entry: Entry, loc: Loc) -> Iterator[tuple[Loc, Value, Accepts]]:
    """Yield the values below an entry whose place does not accept everything."""
    for name, info in type(entry).model_fields.items():
        found, here = getattr(entry, name), (*loc, info.alias or name)
        if isinstance(found, Entry):
            yield from _places(found, here)
            continue
        accepts = _accepts(info.metadata) or _accepts(get_args(info.annotation))
        if accepts and isinstance(found, Value):
            yield here, found, accepts
        elif accepts and isinstance(found, Mapping):
            for key, value in found.items():
                yield (*here, key), value, accepts


def _accepts(annotations: Iterable[object]) -> Accepts | None:
    """The check of a place, from its type: `UrlText`, `UrlText | None`, `dict[str, UrlText]`."""
    for item in annotations:
        if isinstance(item, Compiled):
            return item.accepts
        found = _accepts(get_args(item)) or _accepts(getattr(item, "__metadata__", ()))
        if found:
            return found
    return None


def _subject(mapping: MappingFile, subject: Value | None, loc: Loc) -> list[Lint]:
    if not isinstance(subject, Constant) or subject.value:
        return []
    return [_lint(mapping, loc, "the subject is empty", "name what the calls are about")]


def _call(call: CallEntry, known: Known) -> Iterator[tuple[Loc, str]]:
    """Yield path and reason of each value of a call that makes every request impossible.

    What an event decides is replaced by a stand-in; the rest is rendered as for an event.
    """

    def sample(value: Value) -> Value:
        if known.decides(value):
            return value
        if isinstance(value, Text):
            return value._replace(parts=tuple(map(part, value.parts)))
        return Constant(_STAND_IN)

    def part(found: str | Expression) -> str | Expression:
        known_part = isinstance(found, str) or known.decides(found)
        return found if known_part else _STAND_IN

    def only(kept: Value) -> Callable[[Value], Value]:
        return lambda value: sample(value) if value is kept else Constant(_STAND_IN)

    if not _refusal(call.with_values(sample), known.scope):
        return
    for loc, value in leaves(call):
        if loc[0] in ("when", "each", "subject"):
            continue
        reason = _refusal(call.with_values(only(value)), known.scope)
        if reason:
            yield loc, reason


def _refusal(call: CallEntry, scope: Scope) -> str | None:
    """Why a call cannot be rendered; None if it can."""
    try:
        call.render(scope)
    except ValueError as error:
        return str(error) if isinstance(error, EvaluationError) else "it cannot be encoded"
    return None
