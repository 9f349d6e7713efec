"""Reads a mapping file and checks it as a whole before it is used.

The function calls `load`; `connector check` calls `check`. This module turns violations of the
schema into lints; `connector.mapping.checks`,
`fields` and `constants` make all other lints.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connector.mapping import constants, fields
from connector.mapping.checks import CHECKS
from connector.mapping.document import BadMapping, Document, Lint, Loc, read
from connector.mapping.entry import Entry
from connector.mapping.protocol import PROTOCOLS, protocol
from connector.mapping.schema import MappingFile, validate
from connector.mapping.spelling import near


def load(path: Path) -> MappingFile:
    """Read and check a mapping file, to serve it.

    Raises:
        BadMapping: the file has errors; warnings alone do not raise.
    """
    mapping, lints = check(path)
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
        document = read(path)
        mapping = validate(document.data).of(document)
    except BadMapping as bad:
        return None, list(bad.lints)
    except ValidationError as error:
        return None, _ordered(_shape(document, error))
    checks = (*CHECKS, fields.check, constants.check)
    return mapping, _ordered(lint for found in checks for lint in found(mapping))


def _ordered(lints: Iterable[Lint]) -> list[Lint]:
    return sorted(lints, key=lambda lint: (lint.place.line, lint.place.column, lint.name))


def _shape(document: Document, error: ValidationError) -> Iterator[Lint]:
    """Yield the lints of a file that does not match the schema."""
    found = error.errors(include_url=False, include_input=False)
    for item in found:
        item["loc"] = item["loc"][:-1] if item["loc"][-1:] == ("[key]",) else item["loc"]
    for item in found:
        loc: Loc = item["loc"]
        if not any(other["loc"][: len(loc)] == loc != other["loc"] for other in found):
            yield _shape_lint(document, item)  # an outer error is left out: the inner says more


def _shape_lint(document: Document, item: ErrorDetails) -> Lint:
    loc: Loc = item["loc"]
    where = ".".join(map(str, loc)) or "the file"
    if item["type"] == "extra_forbidden":
        key, known = str(loc[-1]), _known_keys()
        mend = _ELSEWHERE if key in known else near(key, known, "remove it")
        return document.lint("unknown-key", loc, f"unknown key `{key}`", mend)
    if item["type"] == "foreign_call":
        mend = f"change the call, or name `{item['ctx']['other']}` under `system`"
        return document.lint("foreign-call", loc, item["msg"], mend)
    if item["type"] == "missing":
        return document.lint("missing-key", loc, f"`{where}` is missing", "add it")
    reason = _SHAPES.get(item["type"], item["msg"].removeprefix("Value error, "))
    return document.lint("value", loc, f"`{where}` {reason}", "correct it")


_ELSEWHERE = "it belongs to another entry: move or remove it"
_SHAPES = {
    "model_type": "must have keys and values",
    "dict_type": "must have keys and values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must not be empty",
    "string_type": "must be text",
    "string_pattern_mismatch": "has a form or characters that are not allowed",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
}


def _known_keys() -> list[str]:
    """Every key of every entry, including the entries of all protocols."""
    for name in PROTOCOLS:
        protocol(name)
    return sorted(_keys(Entry))


def _keys(model: type[Entry]) -> set[str]:
    keys = {info.alias or name for name, info in model.model_fields.items()}
    return keys.union(*(_keys(kind) for kind in model.__subclasses__()))
