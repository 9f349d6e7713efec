"""Reads a mapping file and checks it as a whole before it is used.

The function calls `load`; `connector check` calls `check`, which finds more: a file that serves
must go on serving (docs/decisions/0035-guards-are-evaluated.md). This module turns violations of
the schema into lints; `connector.mapping.lints` makes the others.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connector.mapping.document import BadMapping, Document, Lint, Loc, read
from connector.mapping.entry import NAME, Entry
from connector.mapping.lints import constants, fields, mistakes, resource_checks, sequence
from connector.mapping.lints.checks import CHECKS, unguarded
from connector.mapping.protocol import PROTOCOLS, protocol
from connector.mapping.rule import EVENT_TYPE
from connector.mapping.schema import FILE_NAME, MappingFile, validate
from connector.mapping.spelling import near

Check = Callable[[MappingFile], Iterator[Lint]]
_SERVING: tuple[Check, ...] = (
    *CHECKS,
    resource_checks.check,
    sequence.check,
    fields.check,
    mistakes.check,
    constants.check,
)


def load(path: Path) -> MappingFile:
    """Read and check a mapping file, to serve it.

    Raises:
        BadMapping: the file has errors; warnings alone do not raise.
    """
    mapping, lints = _checked(path, (*_SERVING, unguarded))
    errors = [lint for lint in lints if lint.level == "error"]
    if mapping is None or errors:
        raise BadMapping(errors)
    return mapping


def check(path: Path) -> tuple[MappingFile | None, list[Lint]]:
    """Read a mapping file and find its problems.

    Returns the mapping and the lints in the order of their lines. The mapping is None if the file
    cannot be read or does not match the schema.
    """
    from connector.mapping.lints import guards, kinds, oversights  # noqa: PLC0415 - not to serve

    return _checked(path, (*_SERVING, kinds.check, guards.check, oversights.check))


def _checked(path: Path, checks: tuple[Check, ...]) -> tuple[MappingFile | None, list[Lint]]:
    """See `check`."""
    try:
        document = read(path)
        mapping = validate(document.data).of(document)
    except BadMapping as bad:
        return None, list(bad.lints)
    except ValidationError as error:
        return None, _ordered(_shape(document, error))
    return mapping, _ordered(lint for found in checks for lint in found(mapping))


def _ordered(lints: Iterable[Lint]) -> list[Lint]:
    return sorted(lints, key=lambda lint: (lint.place.line, lint.place.column, lint.name))


def _shape(document: Document, error: ValidationError) -> Iterator[Lint]:
    """Yield the lints of a file that does not match the schema."""
    found = error.errors(include_url=False, include_input=False)
    for item in found:
        item["loc"] = item["loc"][:-1] if item["loc"][-1:] == ("[key]",) else item["loc"]
        item["loc"] += getattr(item.get("ctx", {}).get("error"), "at", ())
    for item in found:
        loc: Loc = item["loc"]
        if not any(other["loc"][: len(loc)] == loc != other["loc"] for other in found):
            yield _shape_lint(document, item)  # an outer error is left out: the inner says more


def _shape_lint(document: Document, item: ErrorDetails) -> Lint:
    loc: Loc = item["loc"]
    where = ".".join(map(str, loc)) or "the file"
    if item["type"] == "extra_forbidden":
        key, known = str(loc[-1]), _known_keys()
        mend = _ELSEWHERE if key in known else near(key.lower().strip(), known, "remove it")
        if not key.isprintable():
            mend = (
                "it has a character that nobody sees: type the key and the blanks before it again"
            )
        return document.lint("unknown-key", loc, f"unknown key `{key}`", mend)
    if item["type"] == "foreign_call":
        mend = f"change the call, or name `{item['ctx']['other']}` under `system`"
        return document.lint("foreign-call", loc, item["msg"], mend)
    if item["type"] == "missing":
        return document.lint("missing-key", loc, f"`{where}` is missing", "add it")
    reason, mend = _value(item)
    return document.lint("value", loc, f"`{where}` {reason}", mend)


def _value(item: ErrorDetails) -> tuple[str, str]:
    """Why a value does not match the schema, and what to write."""
    context = item.get("ctx", {})
    if item["loc"][-1:] == ("rate_limit",):
        return "must be requests per second", "write it as 20/s"
    if item["type"] == "string_pattern_mismatch":
        return _FORMS.get(context["pattern"], _SHAPES[item["type"]]), "correct it"
    if item["type"] in ("enum", "literal_error"):
        return "must be " + _REPR.sub(r"\1", context["expected"]), "correct it"
    for limit, said in (("ge", "or more"), ("le", "or less"), ("gt", "at least, and more")):
        if limit in context:
            return f"must be {context[limit]} {said}", "correct it"
    return _SHAPES.get(item["type"], item["msg"].removeprefix("Value error, ")), "correct it"


_REPR = re.compile(r"<\w+\.\w+: ('\w+')>")  # of a value of an enumeration
_FORMS = {
    NAME: "must have only lower-case letters, digits and _, and begin with a letter",
    FILE_NAME: "must have only lower-case letters, digits and -, and begin with a letter",
    EVENT_TYPE: "must be one event type, such as SIM/Updated; write several as a list",
}


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
