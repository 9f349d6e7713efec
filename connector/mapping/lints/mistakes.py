"""What a mapping file says and its author cannot have meant.

Nothing of this fails for an event, so no error would show it: `account.blocked == 'Y'` is false for
every event, and the text `account.blocked` counts as true.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from jinja2 import TemplateSyntaxError, nodes

from connector.event import EVENT_FIELDS, PARTS
from connector.mapping.chain import chain_of, parsed
from connector.mapping.document import Lint, Loc, Spot
from connector.mapping.entry import leaves
from connector.mapping.expression import Constant, Expression, ExpressionError, compile_condition
from connector.mapping.lints.marks import of_text, whole
from connector.mapping.schema import MappingFile
from connector.portabilling import BillStatus, Blocked, Id, Status, bill_statuses

_NAMES = "|".join([*PARTS, "event", "variables", "settings"])
_FIELD = re.compile(rf"\s*(?:not )?\(*({_NAMES})\.(\w+)")
_BODIES = frozenset(("json", "makes", "released", "want"))
_PROSE = ("because", "name", "summary", "on", "subject")


class _Kind(NamedTuple):
    """The values that a field can have: their types, and what they are for people.

    `values` are all that are possible, if they are few; with `lower` the text is in lower case.
    """

    types: tuple[type, ...]
    said: str
    values: frozenset[str] = frozenset()
    lower: bool = False

    def can_be(self, value: object) -> bool:
        if value is None:
            return True
        fits = type(value) in self.types  # not isinstance: True is an int
        if self.lower and fits and value != str(value).strip().lower():
            return False
        return fits and (not self.values or value in self.values)


_STATUSES = ", ".join(sorted(bill_statuses()))
_KINDS = {
    Blocked: _Kind((bool,), "it is true or false, without quotes"),
    BillStatus: _Kind((str,), f"it is one of {_STATUSES}", bill_statuses()),
    Id: _Kind((int, float), "it is a number: write it without quotes"),
    Status: _Kind((str,), "it is text in lower case", lower=True),
}
_TEXT = _Kind((str,), "it is text: put the value in quotes")


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for comparisons that never hold, and for expressions without `=`."""
    for loc, expression in mapping.expressions:
        for reason, mend in islice(impossible_values(expression), 1):
            at = Spot(loc, of_text(expression.source, reason.rpartition("never ")[2].strip("'")))
            yield mapping.document.lint("comparison", at, reason, mend)
    for loc, value in leaves(mapping.own):
        texts = _texts(value.value, loc) if isinstance(value, Constant) else ()
        for place, source in texts:
            if not is_expression(mapping, place, source) and not _is_nothing(place, source):
                continue
            mend = f"write `={source}`; text in an expression needs quotes of its own"
            spot = Spot(place, whole(source), f"={source}", guess=False)
            yield mapping.document.lint("missing-equals", spot, f"`{source}` is sent as text", mend)


def impossible_values(expression: Expression) -> Iterator[tuple[str, str]]:
    """Yield reason and mend of each comparison of a field with an impossible value."""
    try:
        tree = parsed(expression.source)
    except TemplateSyntaxError:
        return  # text with {{ }}
    for field, value, kind in _never_equal(tree):
        yield f"`{field}` is never {value!r}", kind.said


def _never_equal(tree: nodes.Expr) -> Iterator[tuple[str, object, _Kind]]:
    """Yield field, value and kind of each comparison of a field with an impossible value."""
    for compare in (tree, *tree.find_all(nodes.Compare)):
        if not isinstance(compare, nodes.Compare) or len(compare.ops) != 1:
            continue
        (operand,) = compare.ops
        sides: tuple[tuple[nodes.Expr, nodes.Expr], ...] = ((compare.expr, operand.expr),)
        if operand.op in ("eq", "ne"):
            sides += ((operand.expr, compare.expr),)
        elif operand.op not in ("in", "notin"):
            continue
        for left, right in sides:
            yield from _impossible(left, right, listed=operand.op in ("in", "notin"))


def _impossible(
    left: nodes.Expr, right: nodes.Expr, *, listed: bool
) -> Iterator[tuple[str, object, _Kind]]:
    fields = chain_of(left)
    kind = _kind(fields)
    if kind is None or (listed and not isinstance(right, nodes.List)):
        return
    items = right.items if isinstance(right, nodes.List) and listed else [right]
    for item in items:
        if isinstance(item, nodes.Const) and not kind.can_be(item.value):
            yield ".".join(fields), item.value, kind


def _kind(fields: tuple[str, ...]) -> _Kind | None:
    """What a field of a part of the event can be; None if anything."""
    if len(fields) != 2 or fields[0] not in PARTS:
        return None
    part = PARTS[fields[0]][1]
    declared: Any = part.__annotations__.get(fields[1])
    field = part.model_fields.get(fields[1])
    of_text = _TEXT if field and field.annotation == str | None else None
    return next((kind for known, kind in _KINDS.items() if known == declared), of_text)


def _texts(constant: object, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Yield each text in a constant, with its path in the file."""
    if isinstance(constant, str):
        yield loc, constant
    elif isinstance(constant, dict | list):
        pairs = constant.items() if isinstance(constant, dict) else enumerate(constant)
        for key, item in pairs:
            yield from _texts(item, (*loc, key))


def _is_nothing(loc: Loc, value: str) -> bool:
    """Whether text in a resource is the name of the value `none` or `omit`."""
    return loc[:1] == ("resources",) and value in ("none", "omit") and not _BODIES.isdisjoint(loc)


def is_expression(mapping: MappingFile, loc: Loc, value: str) -> bool:
    """Whether text reads a field of the event: `account.blocked`."""
    if any(key in _PROSE for key in loc):
        return False
    found = _FIELD.match(value)
    fields = {"event": EVENT_FIELDS, "settings": tuple(mapping.settings)}
    fields |= {name: tuple(part.model_fields) for name, (_, part) in PARTS.items()}
    if not found or found[2] not in fields.get(found[1], (found[2],)):
        return False
    try:
        compile_condition(value)
    except ExpressionError:
        return False
    return True
