"""Reads a mapping file and checks it as a whole before it is used.

The function calls `load`; `connector check` calls `check`, which finds more: a file that serves
must go on serving (docs/decisions/0035-guards-are-evaluated.md). `connector.mapping.shape`
makes lints of violations of the schema; `connector.mapping.lints` makes the others.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from connector.mapping.document import BadMapping, Lint, Place, parse, text_of
from connector.mapping.lints import constants, fields, mistakes, resource_checks, sequence
from connector.mapping.lints.checks import CHECKS, unguarded
from connector.mapping.schema import MappingFile, validate

Check = Callable[[MappingFile], Iterator[Lint]]


def _once(mapping: MappingFile) -> Iterator[Lint]:
    """See `connector.mapping.lints.once`; only a file with such a call imports it (cold start)."""
    calls = [placed.entry for placed in mapping.calls]
    calls += [call for resource in mapping.resources.values() for call in resource.calls]
    if any(call.at_most_once for call in calls):
        from connector.mapping.lints import once  # noqa: PLC0415 - see above

        yield from once.check(mapping)


def _unguarded(mapping: MappingFile) -> Iterator[Lint]:
    """See `connector.mapping.lints.guards`, for the account; it decides where `unguarded` doubts.

    It evaluates the rules, so a file without such a doubt does not import it (cold start).
    """
    if any(unguarded(mapping)):
        from connector.mapping.lints import guards  # noqa: PLC0415 - see above

        yield from (lint for lint in guards.check(mapping) if lint.name == guards.NAMES["account"])


_SERVING: tuple[Check, ...] = (
    *CHECKS,
    resource_checks.check,
    sequence.check,
    _once,
    fields.check,
    mistakes.check,
    constants.check,
)


def load(path: Path) -> MappingFile:
    """Read and check a mapping file, to serve it.

    Raises:
        BadMapping: the file has errors; warnings alone do not raise.
    """
    mapping, lints = _checked(text_of(path), path, (*_SERVING, _unguarded))
    errors = [lint for lint in lints if lint.level == "error"]
    if mapping is None or errors:
        raise BadMapping(errors)
    return mapping


def check(path: Path) -> tuple[MappingFile | None, list[Lint]]:
    """Read a mapping file and find its problems.

    Returns the mapping and the lints in the order of their lines. The mapping is None if the file
    cannot be read or does not match the schema.
    """
    try:
        text = text_of(path)
    except BadMapping as bad:
        return None, list(bad.lints)
    return check_text(text, path)


def check_text(text: str, path: Path) -> tuple[MappingFile | None, list[Lint]]:
    """As `check`, for the text of a file that may not be saved; `path` is for the messages.

    A language server calls it for what stands in an editor.
    """
    from connector.mapping.lints.authors import AUTHORS  # noqa: PLC0415 - not to serve

    return _checked(text, path, (*_SERVING, *AUTHORS))


def _checked(
    text: str, path: Path, checks: tuple[Check, ...]
) -> tuple[MappingFile | None, list[Lint]]:
    """See `check`."""
    try:
        document = parse(text, path)
        mapping = validate(document.data).of(document)
    except BadMapping as bad:
        return None, list(bad.lints)
    except ValidationError as error:
        from connector.mapping.shape import shape_lints  # noqa: PLC0415 - only then it is needed

        return None, _ordered(shape_lints(document, error))
    return mapping, _ordered(lint for found in checks for lint in found(mapping))


def _ordered(lints: Iterable[Lint]) -> list[Lint]:
    each: dict[tuple[str, Place, str], Lint] = {}
    for lint in lints:
        each.setdefault((lint.name, lint.place, lint.reason), lint)
    return sorted(each.values(), key=lambda lint: (lint.place.line, lint.place.column, lint.name))
