"""The conditions inside an expression: the operands of `and` and `or`, and the tests of `if`.

Tests must see each of them hold and not hold, since a condition that never decides anything could
be wrong, or missing, and nobody would notice.
"""

from collections.abc import Callable
from typing import Any

from jinja2 import nodes

from connector.mapping.expression import Expression, Scope
from connector.mapping.language import LANGUAGE, function
from connector_tools.expression_parts import Parts

Note = Callable[[int, bool], None]
Watch = Callable[[Scope, Note], bool]
_CONDITIONS = (nodes.Compare, nodes.Not, nodes.Test)


class Conditions:
    """The conditions of one expression, numbered from 1 in their order."""

    def __init__(self, expression: Expression, *, boolean: bool) -> None:
        """`boolean`: only whether the whole expression holds matters, as for a `when`."""
        self.count = 0
        self.texts: list[str] = []  # of the conditions, in their order
        self._parts = Parts(expression.source)
        tree = self._parts.tree
        tree.set_environment(LANGUAGE)
        self._watch = self._watched(tree, boolean=boolean, whole=True)

    def note(self, scope: Scope, note: Note) -> None:
        """Call `note` with the number and the truth of each condition that decides now.

        Evaluation has no effects, so evaluating them once more changes nothing.
        """
        left = scope.meter.left  # the event does not pay for notes
        try:
            self._watch(scope, note)
        except Exception:  # noqa: S110 - the evaluation of the whole expression tells
            pass
        finally:
            scope.meter.left = left

    def _watched(self, node: nodes.Node, *, boolean: bool, whole: bool = False) -> Watch:
        match node:
            case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
                first = self._watched(left, boolean=True)
                second = self._watched(right, boolean=boolean)
                return _either(first, second, stop=isinstance(node, nodes.Or))
            case nodes.Not(node=nodes.And() | nodes.Or() as inner):
                found = self._watched(inner, boolean=True, whole=whole)
                return lambda scope, note: not found(scope, note)
            case nodes.CondExpr(test=test, expr1=yes, expr2=no):
                decides = self._watched(test, boolean=True)
                ways = [self._watched(way, boolean=boolean) for way in (yes, no) if way]
                return lambda scope, note: _chosen(decides(scope, note), ways, scope, note)
        counts = not whole and (boolean or isinstance(node, _CONDITIONS))
        return self._leaf(node, counts=counts)

    def _leaf(self, node: nodes.Node, *, counts: bool) -> Watch:
        number = self.count = self.count + counts
        if counts:
            self.texts.append(self._parts.text(node))
        children = list(node.iter_child_nodes())
        inner = [self._watched(child, boolean=False, whole=True) for child in children]
        code = function(node) if counts and isinstance(node, nodes.Expr) else None

        def watch(scope: Scope, note: Note) -> bool:
            for one in inner:
                one(scope, note)
            holds = bool(code(scope)) if code else False
            if code:
                note(number, holds)
            return holds

        return watch


def _either(first: Watch, second: Watch, *, stop: bool) -> Watch:
    """`or` if `stop` is true, which ends it; else `and`."""

    def watch(scope: Scope, note: Note) -> bool:
        holds = first(scope, note)
        return holds if holds is stop else second(scope, note)

    return watch


def _chosen(holds: Any, ways: list[Watch], scope: Scope, note: Note) -> bool:
    way = ways[:1] if holds else ways[1:2]
    return way[0](scope, note) if way else False
