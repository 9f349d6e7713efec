"""Choices whose other side nobody wrote, and conditions that are always true."""

from collections.abc import Iterator

from jinja2 import nodes

from connector.mapping.chain import parsed, parsed_texts
from connector.mapping.document import Lint, Loc, Spot
from connector.mapping.entry import leaves
from connector.mapping.expression import Expression, Text, Value
from connector.mapping.lints.marks import of_test, of_text, whole
from connector.mapping.schema import MappingFile

_OPERATORS = (nodes.Concat, nodes.BinExpr, nodes.Compare)
_OPTIONAL = frozenset(("query", "form", "when", "with", "if", "that", "each"))
_SENT = frozenset(("calls", "create", "change", "set", "remove"))


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield warnings for a missing `else`, and for tests that are always true."""
    for loc, value in leaves({"system": mapping.system, **mapping.own}):
        for tree in _trees(value):
            if _lacks_else(tree, loc, value):
                yield _no_else(mapping, loc, value)
        yield from _defined(mapping, loc, value)
        yield from _bare_texts(mapping, loc, value)


def _trees(value: Value) -> list[nodes.Node]:
    if isinstance(value, Text):
        return list(parsed_texts(value.source))
    return [parsed(value.source)] if isinstance(value, Expression) else []


def _lacks_else(tree: nodes.Node, loc: Loc, value: Value) -> bool:
    """Whether the place needs a value, and the expression has none on one side."""
    sent = not _SENT.isdisjoint(loc) and _OPTIONAL.isdisjoint(loc)
    if (sent or isinstance(value, Text)) and _is_open(tree):
        return True
    operators = (tree, *tree.find_all(_OPERATORS))
    return any(
        _is_open(side)
        for node in operators
        if isinstance(node, nodes.Concat | nodes.BinExpr)
        and not isinstance(node, nodes.And | nodes.Or)
        for side in node.iter_child_nodes()
    )


def _is_open(node: nodes.Node) -> bool:
    return isinstance(node, nodes.CondExpr) and node.expr2 is None


def _no_else(mapping: MappingFile, loc: Loc, value: Value) -> Lint:
    source = str(getattr(value, "source", ""))
    reason = "without `else` there is no value if the condition does not hold"
    mend = "write `... if ... else ...`; `else none` if the system shall get none"
    found = mapping.document.lint("missing-else", Spot(loc, whole(source)), reason, mend)
    return found._replace(level="warning")


def _defined(mapping: MappingFile, loc: Loc, value: Value) -> Iterator[Lint]:
    """Yield a warning for `is defined` and `is undefined`: missing data is none, and defined."""
    for tree in _trees(value):
        for test in (tree, *tree.find_all(nodes.Test)):
            if isinstance(test, nodes.Test) and test.name in ("defined", "undefined"):
                always = "true" if test.name == "defined" else "false"
                meant = "not none" if test.name == "defined" else "none"
                mark = of_test(str(getattr(value, "source", "")), test.name)
                reason = f"`is {test.name}` is always {always}: missing data is none"
                at = Spot(loc, mark, meant)
                found = mapping.document.lint("always", at, reason, f"write `is {meant}`")
                yield found._replace(level="warning")
                return


def _bare_texts(mapping: MappingFile, loc: Loc, value: Value) -> Iterator[Lint]:
    """Yield a warning for a text or number alone: `a == 'open' or 'suspended'` is never false."""
    for tree in _trees(value):
        for node in (tree, *tree.find_all(nodes.Or)):
            if isinstance(node, nodes.Or) and _compares(node.left) and _is_bare(node.right):
                text = str(getattr(node.right, "value", ""))
                at = Spot(loc, of_text(str(getattr(value, "source", "")), text))
                reason = f"`{text}` stands alone after `or`, which is always true"
                mend = "compare it, too: `... in ['open', 'suspended']`"
                yield mapping.document.lint("always", at, reason, mend)._replace(level="warning")
                return


def _compares(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Compare | nodes.Test | nodes.Not)


def _is_bare(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and bool(node.value) and node.value is not True
