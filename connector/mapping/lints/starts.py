"""What the start of the function refuses although the values of `system` have the right form.

The check makes the system's client as the start does, with made-up values for settings that each
deployment gives. It reports only what the file alone decides.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connector.mapping.document import VALUE, Lint, Loc, Spot
from connector.mapping.entry import leaves
from connector.mapping.lints.known import SAMPLES, Known
from connector.mapping.schema import MappingFile
from connector.settings import BadSettings

_PROBLEM = re.compile(r"(system(?:\.\w+)+): (?:`(\w+)`: )?(.+)", re.S)


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield a lint for each value under `system` that no deployment can start with."""
    known = Known(mapping)
    if known.unusable:
        return  # the default of a setting has a lint of its own
    found = [set(_problems(mapping, values)) for values in _deployments(mapping, known)]
    for problem in sorted(set.intersection(*found)):
        parts = _PROBLEM.fullmatch(problem)
        loc = _decided(mapping, known, parts[1], parts[2]) if parts else None
        if parts and loc:
            reason = f"`{'.'.join(map(str, loc))}` {parts[3]}"
            mend = "no event and no deployment changes it: write another value"
            yield mapping.document.lint("constant", Spot(loc, VALUE), reason, mend)


def _deployments(mapping: MappingFile, known: Known) -> Iterator[Mapping[str, Any]]:
    """Yield the values of settings that different deployments could give."""
    defaults = known.scope["settings"]
    for index in range(max(map(len, SAMPLES.values()))):
        given: dict[str, Any] = {}
        for name, setting in mapping.settings.items():
            samples = SAMPLES[setting.type] or (None,)
            given[name] = samples[min(index, len(samples) - 1)]
        yield {**given, **defaults}


def _problems(mapping: MappingFile, values: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        mapping.protocol.client(mapping.system, values)
    except BadSettings as bad:
        return tuple(bad.problems)
    return ()


def _decided(mapping: MappingFile, known: Known, place: str, key: str | None) -> Loc | None:
    """The path of a value at a place under `system` that the file alone decides."""
    above = tuple(place.split("."))
    for loc, value in leaves(mapping.system, ("system",)):
        wanted = loc[: len(above)] == above and key in (None, loc[-1])
        if wanted and (key or loc == above) and known.decides(value):
            return loc
    return None
