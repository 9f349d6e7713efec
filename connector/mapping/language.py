"""The language of a mapping's expressions: restricted Jinja2 expressions with our own filters.

An expression reads the event's fields and plain JSON. It cannot read attributes of Python objects
and cannot call anything. Missing data is None, and filters for text and numbers return None for it.
`connector.mapping.meter` counts the work of operators, filters and tests, so that no event can keep
the function busy.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache, wraps
from typing import Any

from jinja2 import Undefined, nodes
from jinja2.compiler import Frame, generate
from jinja2.filters import do_title, do_trim, ignore_case, make_attrgetter
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing, pass_context, pass_environment
from jinja2.visitor import NodeTransformer
from pydantic import BaseModel

from connector.event import EVENT_FIELDS, Event
from connector.mapping.meter import (
    Price,
    for_all_inside,
    for_items,
    for_order,
    for_reading,
    for_search,
    for_words,
    paid,
)
from connector.mapping.number import decimal_number, rounded, whole_number
from connector.mapping.pattern import compiled
from connector.mapping.text import BadValue, kind_of, text_of
from connector.mapping.xml_element import element
from connector.portabilling import AccessPolicyInfo
from connector.unreadable import Unreadable

Filter = Callable[..., Any]

# Filters and tests of Jinja that have no side effects and are useful in a mapping.
_FILTERS = frozenset(
    "abs default first float int items join last length list lower map max min reject rejectattr "
    "replace round select selectattr sort string sum title trim unique upper".split()
)
_TEXT_AND_NUMBER = frozenset("abs float int lower replace round string title trim upper".split())
_LAZY = frozenset("items map reject rejectattr select selectattr unique".split())
_TESTS = frozenset(
    "boolean defined divisibleby eq equalto even false float ge greaterthan gt in integer "
    "iterable le lessthan lower lt mapping ne none number odd sequence string true upper".split()
)

# What filters and tests cost. Those that are not here take the same time for every value, or pay in
# their own functions.
_FILTER_PRICES: dict[str, Price] = {
    **dict.fromkeys("items list map reject rejectattr select selectattr".split(), for_items),
    **dict.fromkeys("join max min sum unique".split(), for_all_inside),
    "sort": for_order,
    **dict.fromkeys("_concat abs float int lower round string trim upper".split(), for_reading),
    "replace": for_search,
    "title": for_words,
}
_TEST_PRICES: dict[str, Price] = {
    **dict.fromkeys("eq equalto ge greaterthan gt le lessthan lt ne".split(), for_reading),
    **dict.fromkeys("digits lower upper".split(), for_reading),
    "in": for_search,
}
_FEW = 100  # characters or items that are copied in a step
_PLACES = 64  # places of a pattern that its engine follows in a step
_LARGEST = 15_000  # bits of a product of whole numbers: the digits of the longest number in JSON
_UNSAFE = 2**61 - 1  # from here on, whole numbers can be chosen that all have the same hash

_IMSI = re.compile("[0-9]{15}")
_DIGITS = re.compile("[0-9]+")


@pass_context
def attribute(scope: Any, policy: object, name: str, group: str | None = None) -> str | None:
    """Filter: the value of an access policy's attribute; None if the policy does not have it."""
    if not isinstance(policy, AccessPolicyInfo):
        return None
    scope.meter.spend(len(policy.attributes or ()))
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


@pass_context
def is_matching(scope: Any, value: object, pattern: str) -> bool:
    """Test: the regular expression matches the whole text (`connector.mapping.pattern`)."""
    if not isinstance(value, str):
        return False
    matches, size = compiled(pattern)
    scope.meter.spend(len(value) * size // _PLACES)
    return matches(value)


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
        self.write(f"resolve({node.name!r})")

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


@pass_context
def _replace(scope: Any, value: object, old: object, new: object, count: int = -1) -> str:
    """Filter: Jinja's `replace`, which also pays for the length that it adds."""
    text, out, put = text_of(value), text_of(old), text_of(new)
    scope.meter.spend(text.count(out) * len(put) // _FEW)
    return text.replace(out, put, count)


def _trim(value: str, chars: str | None = None) -> str:
    """Filter: Jinja's `trim`; it searches all of `chars` for each character of the text."""
    if chars and len(chars) > _FEW:
        raise BadValue(f"`trim` takes at most {_FEW} characters")
    return do_trim(value, chars)


def _join(value: object, d: object = "", attribute: str | int | None = None) -> str:
    """Filter: Jinja's `join`; each item needs a text."""
    if not isinstance(value, list | tuple | str):
        raise BadValue(f"`join` takes a list, not {kind_of(value)}")
    between = text_of(d)
    return between.join(map(text_of, map(make_attrgetter(LANGUAGE, attribute), value)))


def _of_number(test: Any) -> Filter:
    """Wrap a test for numbers; Jinja's would format text, because `%` does that for text."""

    @wraps(test)
    def of_number(value: object, *args: object) -> Any:
        if not isinstance(value, int | float):
            raise BadValue(f"the test takes a number, not {kind_of(value)}")
        return test(value, *args)

    return of_number


@pass_environment
def _sum(environment: Any, value: Any, attribute: Any = None, start: float = 0) -> Any:
    """Filter: Jinja's `sum`, for numbers only: it copies a list of lists again for each list."""
    return sum(map(make_attrgetter(environment, attribute), value), +start)


@pass_environment
def _unique(
    environment: Any, value: Any, case_sensitive: bool = False, attribute: Any = None
) -> Iterator[Any]:
    """Filter: Jinja's `unique`, for text and numbers.

    It keeps them in a set, and an event could send numbers that have the same hash.
    """
    seen: set[Any] = set()
    key_of = make_attrgetter(environment, attribute, None if case_sensitive else ignore_case)
    for item in value:
        key = key_of(item)
        if isinstance(key, int) and abs(key) >= _UNSAFE:
            key = ("", str(key))  # the hash of a text cannot be chosen
        elif not isinstance(key, str | int | float | datetime | None):
            raise TypeError
        if key not in seen:
            seen.add(key)
            yield item


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


_TEXT_FILTERS: dict[str, Callable[..., str]] = {
    "lower": str.lower,
    "title": do_title,
    "trim": _trim,
    "upper": str.upper,
}


def _paid(functions: Mapping[str, Any], prices: Mapping[str, Price]) -> dict[str, Filter]:
    return {name: paid(functions[name], price) for name, price in prices.items()}


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
    env.filters |= {"sum": _sum, "unique": _unique}
    env.filters |= {name: _keeps_none(env.filters[name]) for name in _TEXT_AND_NUMBER}
    env.filters |= {name: _listed(env.filters[name]) for name in _LAZY}
    env.filters |= {"attribute": attribute, "default": _default, "_concat": _concat}
    env.filters["element"] = element
    env.filters |= _paid(env.filters, _FILTER_PRICES)
    env.filters |= {"_read": _read, "_searched": _searched, "_copied": _copied}
    env.tests = {name: env.tests[name] for name in _TESTS} | {
        "imsi": is_imsi,
        "digits": is_digits,
        "matching": is_matching,
        "lower": is_lower,
        "upper": is_upper,
    }
    env.tests |= _paid(env.tests, _TEST_PRICES)
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


def functions() -> dict[str, Any]:
    """What compiled expressions call, by name: the environment, filters and tests.

    `connector.mapping.unknown` runs the same code with functions that take unknown values.
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
