"""The language of a mapping's expressions: restricted Jinja2 expressions with our own filters.

An expression reads the event's fields and plain JSON. It cannot read attributes of Python objects
and cannot call anything. `connector.mapping.filters` has its filters and tests.
`connector.mapping.meter` counts the work of operators, filters and tests, so that no event can keep
the function busy.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from jinja2 import Undefined, nodes
from jinja2.compiler import Frame, generate
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing, pass_context, pass_environment
from jinja2.visitor import NodeTransformer
from pydantic import BaseModel

from connector.event import EVENT_FIELDS, Event
from connector.mapping import omit
from connector.mapping.filters import FILTERS, TESTS
from connector.mapping.meter import for_search
from connector.mapping.tables import Table
from connector.unreadable import Unreadable

_FEW = 100  # characters or items that are copied in a step
_LARGEST = 15_000  # bits of a product of whole numbers: the digits of the longest number in JSON


class _Missing(Undefined):
    """Makes Jinja use None for a missing value, e.g. the first item of an empty list."""

    def __new__(cls, *_: object, **__: object) -> None:  # type: ignore[misc]  # on purpose
        return None


@cache
def _reader(kind: type) -> Callable[[Any, str], Any]:
    """The function that reads a field from values of this type; cached, as `isinstance` is slow."""
    if issubclass(kind, Mapping):
        return kind.get
    if kind is Table:
        return Table.look_up
    if issubclass(kind, BaseModel):
        return _of_model
    return _of_event if kind is Event else _of_nothing


def _of_model(model: BaseModel, name: str) -> Any:
    fields = model.__dict__
    if name not in fields:
        return (model.__pydantic_extra__ or {}).get(name)
    found = fields[name]
    return found if type(found) is not Unreadable else found.refuse()


def _of_event(event: Event, name: str) -> Any:
    found = getattr(event, name) if name in EVENT_FIELDS else None
    return found if type(found) is not Unreadable else found.refuse()


def _of_nothing(_: object, __: str) -> None:
    return None


class _Generator(NativeCodeGenerator):
    """Writes one function that returns an expression's value; Jinja's own generator yields text.

    It does not evaluate constants while it compiles: `10 ** 10 ** 10` would take too long.
    """

    def visit_Template(  # noqa: N802 - Jinja's name
        self, node: nodes.Template, frame: Frame | None = None
    ) -> None:
        """Write only the function; the other code of a template would cost time in each call."""
        frame = Frame(EvalContext(self.environment))
        self.pull_dependencies(node.body)
        self.writeline("def value(context):")
        self.indent()
        self.writeline("resolve = context.resolve_or_missing")
        self.blockvisit(node.body, frame)

    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Read a name where it is needed; Jinja's own code reads all names at the beginning.

        A part that is absent must not end the event if another part has answered the question
        before (contract 6.5).
        """
        self.write(node.name if node.name == omit.NAME else f"resolve({node.name!r})")

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Return the one expression of the output."""
        self.writeline("return ", node)
        self.visit(node.nodes[0], frame)

    def pull_dependencies(self, body: Iterable[nodes.Node]) -> None:
        """Make the code call filters and tests by their names in `_GLOBALS`; refuse unknown ones.

        Jinja's own method accepts unknown filters and tests inside an `if`.
        """
        for node in body:
            for used in node.find_all((nodes.Filter, nodes.Test)):
                kind, names = "filter", self.filters
                if isinstance(used, nodes.Test):
                    kind, names = "test", self.tests
                names[used.name] = f"{kind}_{used.name}"
                if names[used.name] not in _GLOBALS:
                    self.fail(f"No {kind} named {used.name!r}.", used.lineno)


def _bits(number: float) -> int:
    return number.bit_length() if isinstance(number, int) else 0


class _Environment(ImmutableSandboxedEnvironment):
    """Lets expressions read fields of the event and keys of JSON, and nothing else."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute with numbers of a bounded size; only `+` takes other values, too."""
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            if operator != "+":
                raise TypeError(f"{operator} takes numbers only")
            for value in (left, right):
                context.meter.spend(len(value) // _FEW if isinstance(value, str | list) else 0)
        elif operator == "**":
            math.pow(left, right)  # raises at once if the power is too large for a float
        elif operator == "*" and _bits(left) + _bits(right) > _LARGEST:
            raise OverflowError
        return self.binop_table[operator](left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        return _reader(type(obj))(obj, attribute)  # type: ignore[arg-type]  # a type has a hash

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, (list, tuple, str)) and isinstance(argument, (int, slice)):
            try:
                return obj[argument]
            except IndexError:
                return None
        return obj.look_up(argument) if isinstance(obj, Table) else None

    def is_safe_callable(self, obj: Any) -> bool:
        return False


@pass_environment
def _as_sent(environment: Any, value: Any, name: str) -> Any:
    """A field of a value; one that is unreadable as NSPS sent it."""
    found = value.__dict__.get(name) if isinstance(value, BaseModel) else None
    return found.raw if isinstance(found, Unreadable) else environment.getattr(value, name)


@pass_context
def _read(scope: Any, value: Any) -> Any:
    """The value, after it was paid for: one side of a comparison."""
    scope.meter.read(value)
    return value


@pass_context
def _searched(scope: Any, value: Any) -> Any:
    """The value, after a search in it was paid for: the right side of `in`."""
    for_search(scope.meter, (value,), {})
    return value


@pass_context
def _copied(scope: Any, value: Any) -> Any:
    """The value, after it was paid for: a part of a list or of a text, such as `a[:5]`."""
    scope.meter.spend(len(value) // _FEW if isinstance(value, list | tuple | str) else 0)
    return value


class _Rewriting(NodeTransformer):
    """Changes how operators treat missing data."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 - Jinja's convention
        """Use `_concat` for `~`; Jinja's own operator joins None as the text "None"."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes), "_concat")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802 - as above
        """Pay for comparisons, unless one side is a constant: the smaller side decides the work."""
        self.generic_visit(node)
        left = node.expr
        for operand in node.ops:
            right = operand.expr
            searches = operand.op in ("in", "notin")
            if not _is_constant(right) and (searches or not _is_constant(left)):
                operand.expr = _filtered(right, "_searched" if searches else "_read")
            left = right
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802 - as above
        """Pay for a copy of a part: `a[:5]`."""
        self.generic_visit(node)
        return _filtered(node, "_copied") if isinstance(node.arg, nodes.Slice) else node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Filter:  # noqa: N802 - as above
        """Let `int` and `float` with a default have a field that is unreadable (contract 6.7)."""
        self.generic_visit(node)
        if node.name in ("int", "float") and (node.args or node.kwargs):
            field = node.node
            if isinstance(field, nodes.Getattr):
                node.node = nodes.Filter(
                    field.node, "_as_sent", [nodes.Const(field.attr)], [], None, None, lineno=1
                )
        return node

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.CondExpr:  # noqa: N802 - as above
        """Give an `if` without an `else` the value None."""
        self.generic_visit(node)
        return nodes.CondExpr(node.test, node.expr1, node.expr2 or nodes.Const(None), lineno=1)


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=1)


def _is_constant(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.List | nodes.Tuple):
        return all(isinstance(item, nodes.Const) for item in node.items)
    return isinstance(node, nodes.Const)


def _environment() -> _Environment:
    # optimized=False: the optimizer would evaluate constants while it compiles.
    env = _Environment(
        undefined=_Missing, keep_trailing_newline=True, autoescape=False, optimized=False
    )
    env.globals.clear()
    env.filters = FILTERS | {"_read": _read, "_searched": _searched, "_copied": _copied}
    env.filters["_as_sent"] = _as_sent
    env.tests = dict(TESTS)
    return env


LANGUAGE = _environment()
_REWRITING = _Rewriting()
_GLOBALS: dict[str, Any] = {
    "environment": LANGUAGE,
    "undefined": LANGUAGE.undefined,
    "missing": missing,
    omit.NAME: omit.OMIT,
    **{f"filter_{name}": found for name, found in LANGUAGE.filters.items()},
    **{f"test_{name}": found for name, found in LANGUAGE.tests.items()},
}


def functions() -> dict[str, Any]:
    """What compiled expressions call, by name: the environment, filters and tests.

    `connector.mapping.lints.unknown` runs the same code with functions that take unknown values.
    """
    return dict(_GLOBALS)


def function(tree: nodes.Expr) -> Callable[[Any], Any]:
    """Compile a parsed expression to a function that takes a `Scope` and returns the value.

    Raises:
        TemplateSyntaxError: the expression uses an unknown filter or test.
        SyntaxError, RecursionError, MemoryError: it is nested too deeply for Python.
    """
    template = nodes.Template([nodes.Output([_REWRITING.visit(tree)], lineno=1)], lineno=1)
    template.set_environment(LANGUAGE)
    source = str(generate(template, LANGUAGE, None, None, optimized=LANGUAGE.optimized))
    made: dict[str, Callable[[Any], Any]] = {}
    exec(compile(source, "<expression>", "exec"), _GLOBALS, made)  # noqa: S102 - Jinja wrote it
    return made["value"]
