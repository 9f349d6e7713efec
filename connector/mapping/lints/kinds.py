"""The kind of value that an expression has, as far as the file says it: a time, a number, or text.

`connector.mapping.lints.mistakes` finds comparisons of two kinds with it.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from connector.event import PARTS
from connector.mapping import digests, json_filters, text_filters, times
from connector.mapping.chain import Chain, chain_of, parsed
from connector.mapping.document import Lint, Loc, Spot
from connector.mapping.expression import Constant, Expression, Text, Value
from connector.mapping.lints.fields import end_of, is_reply, resolved
from connector.mapping.lints.marks import whole
from connector.mapping.lints.mistakes import impossible_values
from connector.mapping.schema import MappingFile
from connector.portabilling import (
    Amount,
    BillStatus,
    Id,
    Imsi,
    Msisdn,
    Personal,
    Status,
    Time,
)
from connector.portabilling import Text as PartText

TIME, NUMBER, TEXT = "a time", "a number", "text"

_OF_FIELDS: tuple[tuple[object, str], ...] = (
    *((kind, NUMBER) for kind in (Id, Amount)),
    *((kind, TEXT) for kind in (PartText, Time, BillStatus, Status, Personal, Imsi, Msisdn)),
)
_OF_EVENT = {
    **dict.fromkeys(("created_at", "updated_at", "snapshot_at"), TIME),
    **dict.fromkeys(("event_id", "event_type", "handler_id", "status"), TEXT),
    "i_account": NUMBER,
}
_NOT_TEXT = {"md5", "sha1", "sha256", "sha512", "hmac", "split", "groups", "from_json", "merged"}
_OF_FILTERS = {
    **dict.fromkeys((*digests.FILTERS, *text_filters.FILTERS, *json_filters.FILTERS), TEXT),
    **dict.fromkeys("attribute element join lower replace string title trim upper".split(), TEXT),
    **dict.fromkeys("abs float int length round sum".split(), NUMBER),
    **dict.fromkeys(times.FILTERS, TIME),
    "seconds_since": NUMBER,
    "format_time": TEXT,
}
_COMPARING = frozenset("eq equalto ge greaterthan gt in le lessthan lt ne".split())
_DEEPEST = 20  # values that are read one by the other


class Kinds:
    """The kinds of the values in one expression of a mapping file, at `loc`."""

    def __init__(self, mapping: MappingFile, loc: Loc, item: Chain = (), depth: int = 0) -> None:
        self._mapping = mapping
        self._loc = loc
        self._item = item
        self._depth = depth
        self._of_values: dict[str, str | None] = {}  # each is found once: values can share values

    def of(self, node: nodes.Node) -> str | None:
        """The kind of a part of the expression; None if the file does not say it."""
        chain = chain_of(node)
        if chain:
            return self._of_chain(chain)
        found: str | None = None
        match node:
            case nodes.Const(value=value):
                found = _of_constant(value)
            case nodes.Concat():
                found = TEXT
            case nodes.Neg() | nodes.Pos() | nodes.Mul() | nodes.Div() | nodes.FloorDiv():
                found = NUMBER
            case nodes.CondExpr(expr1=first, expr2=second) if second:
                found = self._both(first, second)
            case nodes.Or(left=first, right=second) | nodes.Add(left=first, right=second):
                found = self._both(first, second)
            case nodes.Filter(node=inner, name=name, args=args):
                found = self._of_filter(name, [item for item in (inner, *args) if item])
        return found

    def _both(self, first: nodes.Node, second: nodes.Node) -> str | None:
        """The kind of two values if it is the same, or if one of them is none."""
        kinds = [self.of(one) for one in (first, second) if not _is_none(one)]
        return kinds[0] if kinds and len(set(kinds)) == 1 else None

    def _of_filter(self, name: str, values: list[nodes.Expr]) -> str | None:
        kind = None if name in _NOT_TEXT else _OF_FILTERS.get(name)
        if name in ("int", "float") and values[1:]:
            default = values[1]
            return kind if _is_none(default) or self.of(default) == kind else None
        if name == "default" and len(values) > 1:
            return self._both(values[0], values[1])
        return kind

    def _of_chain(self, chain: Chain) -> str | None:
        if chain[0] == "item" and self._item:
            chain = (*self._item, *chain[1:])
        if chain[0] == "event":
            return _OF_EVENT.get(chain[1]) if len(chain) == 2 else None
        if chain[0] == "settings" and len(chain) == 2 and chain[1] in self._mapping.settings:
            kind = self._mapping.settings[chain[1]].type
            return {"number": NUMBER, "json": None}.get(kind, TEXT)
        if len(chain) == 2 and is_reply(self._mapping, self._loc, chain[0]):
            return NUMBER if chain[1] in self._mapping.protocol.call_entry.reply_numbers else None
        value = self._mapping.values.get(chain[0])
        if value is not None and len(chain) == 1 and self._depth < _DEEPEST:
            loc: Loc = ("values", chain[0])
            if chain[0] not in self._of_values:
                inner = Kinds(self._mapping, loc, depth=self._depth + 1)
                inner._of_values = self._of_values
                self._of_values[chain[0]] = inner._of_value(value)
            return self._of_values[chain[0]]
        return _of_field(resolved(self._mapping, self._loc, chain))

    def _of_value(self, value: Value) -> str | None:
        if isinstance(value, Expression):
            return self.of(parsed(value.source))
        if isinstance(value, Constant):
            return _of_constant(value.value)
        return TEXT if isinstance(value, Text) else None


def _is_none(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and node.value is None


def _of_constant(value: object) -> str | None:
    if isinstance(value, str):
        return TEXT
    return NUMBER if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_field(chain: Chain) -> str | None:
    """The kind of a field of the event; None if the chain does not lead to one."""
    if len(chain) < 2 or (chain[0] not in PARTS and chain[0] != "counters"):
        return None
    part = end_of(chain[:-1])
    if part.part is None or part.many:
        return None
    declared: Any = part.part.__annotations__.get(chain[-1])
    return next((kind for known, kind in _OF_FIELDS if known == declared), None)


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for operations with values of two kinds that never fit, one an expression."""
    for loc, expression in mapping.expressions:
        if any(impossible_values(expression)):
            continue  # `mistakes` says more
        at = Spot(loc, whole(expression.source))
        for reason, mend in islice(_mixed(mapping, loc, expression), 1):
            yield mapping.document.lint("comparison", at, reason, mend)
        if _adds_text(mapping, loc, expression):
            reason, mend = "`+` adds a number and text", "write `~` to join them as text"
            yield mapping.document.lint("text-as-number", at, reason, mend)


def _adds_text(mapping: MappingFile, loc: Loc, expression: Expression) -> bool:
    """Whether an expression adds a number and text, which fails for every event."""
    try:
        tree = parsed(expression.source)
    except TemplateSyntaxError:
        return False  # text with {{ }}
    kinds = Kinds(mapping, loc, expression.item)
    sums = (node for node in (tree, *tree.find_all(nodes.Add)) if isinstance(node, nodes.Add))
    return any({kinds.of(one.left), kinds.of(one.right)} == {NUMBER, TEXT} for one in sums)


def _mixed(mapping: MappingFile, loc: Loc, expression: Expression) -> Iterator[tuple[str, str]]:
    """Yield reason and mend of each such operation."""
    try:
        tree = parsed(expression.source)
    except TemplateSyntaxError:
        return  # text with {{ }}
    kinds = Kinds(mapping, loc, expression.item)
    for node in (tree, *tree.find_all((nodes.Compare, nodes.Test, nodes.BinExpr))):
        for left, right in _compared(node):
            found = {kinds.of(left), kinds.of(right)} - {None}
            if len(found) == 2:
                first, second = sorted(map(str, found))
                digits = _digits(left) or _digits(right)
                mend = f"write {digits} without quotes" if digits else _MENDS[frozenset(found)]
                yield f"it compares {first} with {second}", mend
        sides = (node.left, node.right) if isinstance(node, nodes.Add | nodes.Sub) else ()
        if TIME in map(kinds.of, sides):
            mend = "write `time | plus(days=1)` or `time | seconds_since(other)`"
            yield "it computes with a time", mend


def _digits(node: nodes.Node) -> str:
    """The digits of a constant text, such as `'404'`; empty if it is something else."""
    text = node.value if isinstance(node, nodes.Const) else None
    return text if isinstance(text, str) and re.fullmatch("[1-9][0-9]*", text) else ""


_MENDS: dict[frozenset[str | None], str] = {
    frozenset((TIME, TEXT)): "make a time of the text: `... | time`",
    frozenset((TIME, NUMBER)): "make a number of the time: `... | seconds_since(other)`",
    frozenset((NUMBER, TEXT)): "make them one kind: `... | int`, `... | float` or `... | string`",
}


def _compared(node: nodes.Node) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    """Yield the pairs of values that a comparison or a test compares."""
    if isinstance(node, nodes.Test) and node.name in _COMPARING and node.args:
        yield from _pairs(node.node, node.args[0], listed=node.name == "in")
    if isinstance(node, nodes.Compare):
        left: nodes.Node = node.expr
        for operand in node.ops:
            yield from _pairs(left, operand.expr, listed=operand.op in ("in", "notin"))
            left = operand.expr


def _pairs(
    left: nodes.Node, right: nodes.Node, *, listed: bool
) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    if not listed:
        yield left, right
    elif isinstance(right, nodes.List):
        yield from ((left, item) for item in right.items)
