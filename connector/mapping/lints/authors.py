"""The checks for authors: `connector check` and `connector test` make them, the start does not."""

from collections.abc import Callable, Iterator

from connector.mapping.document import Lint
from connector.mapping.lints import (
    checks,
    choices,
    event_types,
    guards,
    kinds,
    oversights,
    placeholders,
    prefixes,
    starts,
)
from connector.mapping.schema import MappingFile

AUTHORS: tuple[Callable[[MappingFile], Iterator[Lint]], ...] = (
    checks.unused,
    checks.repeatable,
    kinds.check,
    guards.check,
    oversights.check,
    prefixes.check,
    placeholders.check,
    choices.check,
    event_types.check,
    starts.check,
)
