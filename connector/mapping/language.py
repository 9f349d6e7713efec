"""The language of a mapping's expressions: restricted Jinja2 expressions with our own filters.

An expression reads the event's fields and plain JSON. It cannot read attributes of Python objects
and cannot call anything. Missing data is None, and filters for text and numbers return None for it.
The result of each operator and filter is bounded, so that a number in an event cannot keep the
function busy.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from typing import Any

from jinja2 import Undefined, nodes
from jinja2.compiler import Frame, generate
from jinja2.filters import do_title, do_trim, make_attrgetter
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer
from pydantic import BaseModel

from connector.event import EVENT_FIELDS, Event
from connector.mapping.number import decimal_number, rounded, whole_number
from connector.mapping.text import BadValue, kind_of, text_of
from connector.portabilling import AccessPolicyInfo

Filter = Callable[..., Any]

# Filters and tests of Jinja that have no side effects and are useful in a mapping.
_FILTERS = frozenset(
    "abs default first float int items join last length list lower map max min reject rejectattr "
    "replace round select selectattr sort string sum title trim unique upper".split()
)
_TEXT_AND_NUMBER = frozenset("abs float int lower replace round string title trim upper".split())
_TEXT_FILTERS: dict[str, Callable[..., str]] = {
    "lower": str.lower,
    "title": do_title,
    "trim": do_trim,
    "upper": str.upper,
}
_LAZY = frozenset("items map reject rejectattr select selectattr unique".split())
_TESTS = frozenset(
    "boolean defined divisibleby eq equalto even false float ge greaterthan gt in integer "
    "iterable le lessthan lower lt mapping ne none number odd sequence string true upper".split()
)

_LONGEST = 10_000_000  # characters that a filter may add; the largest event has as many

_IMSI = re.compile("[0-9]{15}")
_DIGITS = re.compile("[0-9]+")


def attribute(policy: object, name: str, group: str | None = None) -> str | None:
    """Filter: the value of an access policy's attribute; None if the policy does not have it."""
    if not isinstance(policy, AccessPolicyInfo):
        return None
    for item in policy.attributes or ():
        if item.name == name and (group is None or item.group_name == group):
            return item.value or None
    return None


def is_imsi(value: object) -> bool:
    """Test: text of exactly 15 digits, as HLR and HSS interfaces require (contract 5)."""
    return isinstance(value, str) and _IMSI.fullmatch(value) is not None


def is_digits(value: object) -> bool:
    """Test: text of one or more digits only."""
    return isinstance(value, str) and _DIGITS.fullmatch(value) is not None


def is_matching(value: object, pattern: str) -> bool:
    """Test: the regular expression matches the whole text."""
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def is_lower(value: object) -> bool:
    """Test: text in lower case; Jinja's also accepts the text that Python shows for a list."""
    return isinstance(value, str) and value.islower()


def is_upper(value: object) -> bool:
    """Test: text in upper case."""
    return isinstance(value, str) and value.isupper()


class _Missing(Undefined):
    """Makes Jinja use None for a missing value, e.g. the first item of an empty list."""

    def __new__(cls, *_: object, **__: object) -> None:  # type: ignore[misc]  # on purpose
        return None


@cache
def _reader(kind: type) -> Callable[[Any, str], Any]:
    """The function that reads a field from values of this type; cached, as `isinstance` is slow."""
    if issubclass(kind, Mapping):
        return kind.get
    if issubclass(kind, BaseModel):
        return _of_model
    return _of_event if kind is Event else _of_nothing


def _of_model(model: BaseModel, name: str) -> Any:
    fields, extra = model.__dict__, model.__pydantic_extra__
    return fields[name] if name in fields else (extra or {}).get(name)


def _of_event(event: Event, name: str) -> Any:
    return getattr(event, name) if name in EVENT_FIELDS else None


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
        frame.symbols.analyze_node(node)
        self.pull_dependencies(node.body)
        self.writeline("def value(context):")
        self.indent()
        self.writeline("resolve = context.resolve_or_missing")
        self.enter_frame(frame)
        self.blockvisit(node.body, frame)

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


class _Environment(ImmutableSandboxedEnvironment):
    """Lets expressions read fields of the event and keys of JSON, and nothing else."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: object, operator: str, left: Any, right: Any) -> Any:
        """Compute with numbers only, and only if a float can hold the result."""
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TypeError(f"{operator} takes numbers only")
        if operator == "**":
            math.pow(left, right)  # raises at once if the power is too large for a float
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
        return None

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _keeps_none(filtered: Filter) -> Filter:
    """Wrap a filter so that it returns None for None; Jinja's returns "None" or 0."""

    @wraps(filtered)
    def kept(*args: Any, **options: Any) -> Any:
        subject = args[1] if hasattr(filtered, "jinja_pass_arg") else args[0]
        return None if subject is None else filtered(*args, **options)

    return kept


def _listed(filtered: Filter) -> Filter:
    """Wrap a filter so that it returns a list; Jinja's returns a generator, readable only once."""

    @wraps(filtered)
    def listed(*args: Any, **options: Any) -> list[Any]:
        return list(filtered(*args, **options))

    return listed


def _of_text(filtered: Callable[..., str]) -> Filter:
    """Wrap a filter for text so that numbers, booleans and date-times get their one spelling."""

    @wraps(filtered)
    def of_text(value: object, *args: Any, **options: Any) -> str:
        return filtered(text_of(value), *args, **options)

    return of_text


def _replace(value: object, old: object, new: object, count: int = -1) -> str:
    """Filter: Jinja's `replace`, with a bound on the length that it adds."""
    text, out, put = text_of(value), text_of(old), text_of(new)
    _check_size(text.count(out) * len(put))
    return text.replace(out, put, count)


def _join(value: object, d: object = "", attribute: str | int | None = None) -> str:
    """Filter: Jinja's `join`, with a bound on the length that it adds; each item needs a text."""
    if not isinstance(value, list | tuple | str):
        raise BadValue(f"`join` takes a list, not {kind_of(value)}")
    between = text_of(d)
    _check_size(len(value) * len(between))
    return between.join(map(text_of, map(make_attrgetter(LANGUAGE, attribute), value)))


def _of_number(test: Any) -> Filter:
    """Wrap a test for numbers; Jinja's would format text, because `%` does that for text."""

    @wraps(test)
    def of_number(value: object, *args: object) -> Any:
        if not isinstance(value, int | float):
            raise BadValue(f"the test takes a number, not {kind_of(value)}")
        return test(value, *args)

    return of_number


def _check_size(added: int) -> None:
    if added > _LONGEST:
        raise ValueError("too long")


def _default(value: Any, default: Any = None, boolean: bool = False) -> Any:
    """Filter: `default` if the value is missing or, with `boolean`, counts as false."""
    return default if value is None or (boolean and not value) else value


def _concat(parts: list[Any]) -> str:
    """The operator `~`: joins values as text, and refuses missing data."""
    return "".join(map(text_of, parts))


class _Rewriting(NodeTransformer):
    """Changes how operators treat missing data."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 - Jinja's convention
        """Use `_concat` for `~`; Jinja's own operator joins None as the text "None"."""
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), "_concat", [], [], None, None, lineno=1)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.CondExpr:  # noqa: N802 - as above
        """Give an `if` without an `else` the value None."""
        self.generic_visit(node)
        return nodes.CondExpr(node.test, node.expr1, node.expr2 or nodes.Const(None), lineno=1)


def _environment() -> _Environment:
    # optimized=False: the optimizer would evaluate constants while it compiles.
    env = _Environment(
        undefined=_Missing, keep_trailing_newline=True, autoescape=False, optimized=False
    )
    env.globals.clear()
    env.filters = {name: env.filters[name] for name in _FILTERS}
    env.filters |= {name: _of_text(found) for name, found in _TEXT_FILTERS.items()}
    env.filters |= {"join": _join, "replace": _replace, "string": text_of}
    env.filters |= {"int": whole_number, "float": decimal_number, "round": rounded}
    env.filters |= {name: _keeps_none(env.filters[name]) for name in _TEXT_AND_NUMBER}
    env.filters |= {name: _listed(env.filters[name]) for name in _LAZY}
    env.filters |= {"attribute": attribute, "default": _default, "_concat": _concat}
    env.tests = {name: env.tests[name] for name in _TESTS} | {
        "imsi": is_imsi,
        "digits": is_digits,
        "matching": is_matching,
        "lower": is_lower,
        "upper": is_upper,
    }
    env.tests |= {name: _of_number(env.tests[name]) for name in ("odd", "even", "divisibleby")}
    return env


LANGUAGE = _environment()
_REWRITING = _Rewriting()
_GLOBALS: dict[str, Any] = {
    "environment": LANGUAGE,
    "undefined": LANGUAGE.undefined,
    "missing": missing,
    **{f"filter_{name}": found for name, found in LANGUAGE.filters.items()},
    **{f"test_{name}": found for name, found in LANGUAGE.tests.items()},
}


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
