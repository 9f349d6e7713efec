"""Which condition inside an expression made it hold or not, with the values of both sides."""

from collections.abc import Iterator
from typing import NamedTuple

from jinja2 import nodes

from connector.mapping.chain import chain_of
from connector.mapping.expression import Expression, Scope, compile_condition
from connector.mapping.schema import MappingFile
from connector.plan.computed import Computed, computed_value
from connector_tools.expression_parts import Parts


class Deciding(NamedTuple):
    """The first condition that decided an expression.

    `source` is its text. `sides` are the values that it compares. `through` are the values of the
    mapping that lead to it, by name: `served`, if the expression reads `served` and the condition
    stands in there.
    """

    source: str
    sides: tuple[Computed, ...]
    through: tuple[str, ...] = ()


def deciding(expression: Expression, scope: Scope, mapping: MappingFile) -> Deciding | None:
    """The first condition that made an expression true or false; None if it cannot be computed.

    `scope` has the names that the expression reads. Operands of `and` and `or` are conditions of
    their own, and a name of a value of the mapping stands for its expression.
    """
    try:
        return _Search(scope, mapping).of(expression, ())
    except Exception:  # an operator or filter can raise anything; the trace says what
        return None


class _Search:
    def __init__(self, scope: Scope, mapping: MappingFile) -> None:
        self.scope = scope
        self.mapping = mapping

    def of(self, expression: Expression, through: tuple[str, ...]) -> Deciding:
        parts = Parts(expression.source)
        node = self._first(parts.tree, parts)
        if isinstance(node, nodes.Name) and node.name not in through:
            value = self.mapping.values.get(node.name)
            if isinstance(value, Expression):
                return self.of(value, (*through, node.name))
        return Deciding(parts.text(node), tuple(self._sides(node, parts)), through)

    def _first(self, node: nodes.Expr, parts: Parts) -> nodes.Expr:
        """The node that decides the truth of a node, looked for from the left."""
        match node:
            case nodes.Not(node=inner):
                found = self._first(inner, parts)
                return node if found is inner else found
            case nodes.And(left=left, right=right):
                return self._first(right if self._holds(left, parts) else left, parts)
            case nodes.Or(left=left, right=right):
                if self._holds(left, parts):
                    return self._first(left, parts)
                return self._first(right, parts) if self._holds(right, parts) else node
        return node

    def _sides(self, node: nodes.Expr, parts: Parts) -> Iterator[Computed]:
        """Yield the values that a condition compares, except constants."""
        inner: list[nodes.Node] = [node]
        match node:
            case nodes.Compare(expr=left, ops=ops):
                inner = [left, *(op.expr for op in ops)]
            case nodes.Not(node=nodes.Compare() | nodes.Not() | nodes.Test() as negated):
                yield from self._sides(negated, parts)
                return
            case nodes.Not(node=negated):
                inner = [negated]
            case nodes.Test(node=tested, args=args):
                inner = [tested, *args]
            case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
                yield from self._sides(left, parts)
                yield from self._sides(right, parts)
                return
        for one in inner:
            if isinstance(one, nodes.Expr) and not _is_constant(one):
                about = ".".join(chain_of(one)) or parts.text(one)
                yield computed_value(about, compile_condition(parts.source(one)), self.scope)

    def _holds(self, node: nodes.Expr, parts: Parts) -> bool:
        match node:
            case nodes.And(left=first, right=second):
                return self._holds(first, parts) and self._holds(second, parts)
            case nodes.Or(left=first, right=second):
                return self._holds(first, parts) or self._holds(second, parts)
        left = self.scope.meter.left  # notes are not paid for
        try:
            return bool(compile_condition(parts.source(node)).evaluate(self.scope))
        finally:
            self.scope.meter.left = left


def _is_constant(node: nodes.Node) -> bool:
    if isinstance(node, nodes.List | nodes.Tuple):
        return all(map(_is_constant, node.items))
    return isinstance(node, nodes.Const)
