"""Values of the mapping, evaluated for an event to be shown: for `connector.plan.trace`.

The function never imports this module.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from connector.event import SECTIONS
from connector.mapping.document import Loc
from connector.mapping.expression import (
    Constant,
    EvaluationError,
    Expression,
    Scope,
    Value,
    compile_condition,
    expressions,
)
from connector.outcome import Refusal


class Computed(NamedTuple):
    """A value of the mapping, evaluated for the event.

    `about` names its place in the entry, e.g. `json.imsi`, and `at` is the same as a path.
    `failure` says why the value cannot be computed. `waits_for` are the ids of the earlier calls
    whose replies it reads. `reads` are the fields that it reads, with their values.
    """

    about: str
    source: str
    value: Any = None
    failure: str | None = None
    waits_for: tuple[str, ...] = ()
    reads: tuple["Computed", ...] = ()
    at: Loc = ()


def condition(
    about: str, expression: Expression, scope: Scope, unknown: frozenset[str] = frozenset()
) -> Computed:
    """A condition, computed: its value is true or false."""
    found = computed_value(about, expression, scope, unknown)
    if found.failure or found.waits_for:
        return found
    return found._replace(value=bool(found.value))


def computed_value(
    about: str, value: Value, scope: Scope, unknown: frozenset[str] = frozenset()
) -> Computed:
    """A value, computed unless it reads an `unknown` name; `about` is its place in the entry."""
    source = getattr(value, "source", "")
    parts = () if isinstance(value, Constant) else expressions(value)
    waits_for = tuple(sorted({name for part in parts for name in part.names} & unknown))
    if waits_for:
        return Computed(about, source, waits_for=waits_for)
    left = scope.meter.left  # notes are not paid for: the plan must not run short because of them
    try:
        reads = tuple(_reads(parts, scope))
        try:
            return Computed(about, source, value.evaluate(scope), reads=reads)
        except (EvaluationError, Refusal) as error:
            return Computed(about, source, failure=why(error), reads=reads)
    finally:
        scope.meter.left = left


def _reads(parts: tuple[Expression, ...], scope: Scope) -> Iterator[Computed]:
    """Yield the fields and parts of the event that the expressions of a value read."""
    read = {path for part in parts for path in part.paths}
    paths = {path for path in read if len(path) > 1 or path[0] in SECTIONS}
    for path in sorted(paths):
        dotted = ".".join(path)
        field = compile_condition(dotted)
        try:
            yield Computed(dotted, dotted, field.evaluate(scope))
        except (EvaluationError, Refusal) as error:
            yield Computed(dotted, dotted, failure=why(error))


def why(error: EvaluationError | Refusal) -> str:
    """Why a value cannot be computed, for a person."""
    if isinstance(error, Refusal):
        return error.result.rules
    return str(error)
