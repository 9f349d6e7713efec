"""Checks of everything that no event changes: what fails once would fail for every event.

A constant such as `timeout: 30 sec` stops the start. A header that is not ASCII, or an expression
such as `='5' + 1`, makes every event invalid. The check computes all of them once, with the code
that the start and the planner use. Defaults of settings count as constants, too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from connector.mapping.call_entry import CallEntry
from connector.mapping.document import VALUE, Lint, Loc, Spot
from connector.mapping.entry import Compiled, Entry, leaves, with_one_item
from connector.mapping.expression import (
    WHY,
    Constant,
    Each,
    EvaluationError,
    Scope,
    Tree,
    Value,
    formed,
)
from connector.mapping.lints.known import STAND_IN, Known
from connector.mapping.schema import MappingFile
from connector.mapping.system_entry import seconds
from connector.mapping.text import optional_text

Accepts = Callable[[Any], object]

_DURATION = re.compile(
    r" *([0-9]+(?:\.[0-9]+)?) *(|ms|msecs?|s|secs?|seconds?|m|mins?|minutes?) *", re.IGNORECASE
)


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield a lint for each value that the start or every event would refuse."""
    known = Known(mapping)
    found = [*_defaults(mapping, known), *_values(mapping, known), *_system(mapping, known)]
    for loc, call, _ in mapping.calls:
        found += [_lint(mapping, (*loc, *at), reason) for at, reason in _call(call, known)]
    # One for each place: the start shows the more general one.
    yield from {lint.place: lint for lint in reversed(found)}.values()


def _lint(
    mapping: MappingFile, loc: Loc, reason: str, mend: str = "", write: str | None = None
) -> Lint:
    mend = mend or "no event and no deployment changes it: write another value"
    return mapping.document.lint("constant", Spot(loc, VALUE, write, guess=False), reason, mend)


def _defaults(mapping: MappingFile, known: Known) -> Iterator[Lint]:
    """Yield lints for defaults that the start would refuse."""
    for name, reason in known.unusable.items():
        mend = "write one of that form, or remove it and let each deployment give the value"
        yield _lint(mapping, ("settings", name, "default"), f"the default {reason}", mend)


def _values(mapping: MappingFile, known: Known) -> Iterator[Lint]:
    """Yield lints for expressions and texts that cannot be computed for any event."""
    parts = {"system": mapping.system, **mapping.own}
    for loc, value in leaves(parts):
        try:
            sample = known.sample(value)
            if _key(loc) in ("because", "subject"):
                found = formed(sample, known.scope, optional_text)
            else:
                found = sample.evaluate(known.scope)
        except EvaluationError as error:
            why = WHY.get(type(error.__cause__))  # type: ignore[arg-type]  # None is no key of it
            text = f"`{getattr(value, 'source', '')}` can never be computed: {why}"
            yield _lint(mapping, loc, text if why else str(error))
            continue
        if _key(loc) == "each" and known.decides(value) and not isinstance(found, list | None):
            yield _lint(mapping, loc, "`each` needs a list", "read a list, or remove `each`")
        if _key(loc) == "subject" and found in (None, ""):
            yield _lint(mapping, loc, "the subject is empty", "name what the calls are about")


def _key(loc: Loc) -> str | int:
    """The key of a rule, a call or another entry; empty for a key of the author's own data."""
    of_entry = loc[0] in ("rules", "blocks") and len(loc) in (3, 5)
    return loc[-1] if of_entry or (loc[:2] == ("system", "replies") and len(loc) == 4) else ""


def _system(mapping: MappingFile, known: Known) -> Iterator[Lint]:
    """Yield lints for values under `system` that the start would refuse in every deployment."""
    for loc, value, accepts in _places(mapping.system, ("system",)):
        problems = [_problem(value, accepts, scope) for scope in known.scopes(value)]
        if problems and all(problems):
            meant = _duration(value) if accepts is seconds else ""
            mend = f"write {meant}" if meant else ""
            reason = f"`{'.'.join(map(str, loc))}` {problems[0]}"
            yield _lint(mapping, loc, reason, mend, meant or None)


def _duration(value: Value) -> str:
    """What to write in place of a duration such as `30 sec`; empty if that is not clear."""
    written = value.value if isinstance(value, Constant) else None
    found = _DURATION.fullmatch(written) if isinstance(written, str) else None
    if not found:
        return ""
    unit = next((unit for unit in ("ms", "s", "m") if found[2].lower().startswith(unit)), "s")
    meant = f"{found[1]}{unit}"
    return "" if _problem(Constant(meant), seconds, Scope()) else meant


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


def _call(call: CallEntry, known: Known) -> Iterator[tuple[Loc, str]]:
    """Yield path and reason of each value of a call that makes every request impossible.

    What an event decides is replaced by a stand-in; the rest is rendered as for an event.
    """

    def only(kept: Value) -> Callable[[Value], Value]:
        def change(value: Value) -> Value:
            if isinstance(value, Each):
                return with_one_item(value, change)
            return known.sample(value) if value is kept else Constant(STAND_IN)

        return change

    if not _refusal(call.with_values(known.sample), known.scope):
        return
    objects = list(_objects(call, known.scope))
    if objects:
        yield from objects
        return
    for loc, value in leaves(call):
        if loc[0] in ("when", "each", "subject"):  # they are not rendered
            continue
        reason = _refusal(call.with_values(only(value)), known.scope)
        if reason:
            yield loc, reason


def _objects(call: CallEntry, scope: Scope) -> Iterator[tuple[Loc, str]]:
    """Yield path and reason of each object in a place that takes texts: a query, a form."""
    plain = call.with_values(lambda _: Constant(STAND_IN))
    if not _refusal(plain, scope):
        return
    places = {
        name: values
        for name in type(call).model_fields
        if isinstance(values := getattr(plain, name), dict)
    }
    empty: dict[str, Any] = {name: {} for name in places}
    for place, values in places.items():
        for name, value in values.items():
            alone = plain.model_copy(update={**empty, place: {name: value}})
            if isinstance(value, Tree) and _refusal(alone, scope):
                yield (place, name), "an object cannot be text"


def _refusal(call: CallEntry, scope: Scope) -> str | None:
    """Why a call cannot be rendered; None if it can."""
    try:
        call.render(scope)
    except ValueError as error:
        return str(error) if isinstance(error, EvaluationError) else "it cannot be encoded"
    return None
