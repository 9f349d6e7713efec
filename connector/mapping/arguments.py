"""Checks of filters and tests in an expression: their names, also as text, and their arguments.

Jinja looks up a name that is given as text, as in `map('uper')`, only when an event comes, and a
wrong number of arguments fails only then. `connector.mapping.expression` refuses both.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from inspect import Parameter, Signature, signature
from typing import Any, NamedTuple

from jinja2 import nodes

from connector.mapping.groups import pieces
from connector.mapping.language import LANGUAGE
from connector.mapping.pattern import BadPattern
from connector.mapping.spelling import near
from connector.mapping.text import BadValue
from connector.portabilling import AccessPolicyInfo


class _Use(NamedTuple):
    """A filter or a test (`kind`) with its arguments, as an expression uses it."""

    scope: Any
    kind: str
    name: str
    args: list[nodes.Expr]
    options: dict[str, nodes.Expr]


_SAMPLES: tuple[Any, ...] = (
    *("a", "12", 7, 2.5, True),
    *([1, 2], ["b", "a"], [[1, 2]], {"a": 1}, [{"a": 1}], AccessPolicyInfo()),
    *("2026-01-01", "2026-01-01T00:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
)
"""Values of each type: arguments that fail for all of them fail for every event."""


_PASSED = ("context", "environment", "eval_ctx", "scope")  # what Jinja passes before the value
_UNKNOWN = "docs/mapping.md lists them"


def problems(tree: nodes.Expr, scope: object) -> Iterator[str]:
    """Yield a sentence for each filter or test in an expression that could never be computed.

    `scope` is an empty `Scope`, for filters that read it.
    """
    found = tree.find_all((nodes.Filter, nodes.Test))
    for node in (tree, *found) if isinstance(tree, nodes.Filter | nodes.Test) else found:
        if isinstance(node, nodes.Filter | nodes.Test):
            kind = "filter" if isinstance(node, nodes.Filter) else "test"
            options = {str(option.key): option.value for option in node.kwargs or ()}
            if node.dyn_args or node.dyn_kwargs:
                yield f"`{node.name}`: write each argument instead of * or **"
            else:
                yield from _problems(
                    _Use(scope, kind, str(node.name), list(node.args or ()), options)
                )


def _problems(use: _Use) -> Iterator[str]:
    known: Mapping[str, Any] = LANGUAGE.filters if use.kind == "filter" else LANGUAGE.tests
    if use.name not in known:
        names = [name for name in known if not name.startswith("_")]
        yield f"No {use.kind} named {use.name!r}: {near(use.name, names, _UNKNOWN)}"
    elif use.kind == "filter" and use.name in _NAMED:
        yield from _NAMED[use.name](use)
    else:
        yield from _arguments(use, known[use.name])


def _map(use: _Use) -> Iterator[str]:
    """`map('filter', ...)` or `map(attribute='name', default=...)`."""
    if use.args:
        yield from _named(use, "filter", use.args, "`map` needs the name of a filter, in quotes")
    elif "attribute" not in use.options or use.options.keys() - {"attribute", "default"}:
        yield "`map` needs the name of a filter, or attribute='...' (and default=...)"


def _select(use: _Use) -> Iterator[str]:
    """`select`, `select('test', ...)`; so `reject`."""
    if use.args:
        reason = f"`{use.name}` needs the name of a test, in quotes"
        yield from _named(use, "test", use.args, reason)
    elif use.options:
        yield f"`{use.name}` needs the name of a test, in quotes, before other arguments"


def _selectattr(use: _Use) -> Iterator[str]:
    """`selectattr('field')`, `selectattr('field', 'test', ...)`; so `rejectattr`."""
    if not use.args:
        yield f"`{use.name}` needs the name of a field, in quotes"
    else:
        yield from _select(use._replace(args=use.args[1:]))


_NAMED: dict[str, Callable[[_Use], Iterator[str]]] = {
    "map": _map,
    "select": _select,
    "reject": _select,
    "selectattr": _selectattr,
    "rejectattr": _selectattr,
}


def _named(use: _Use, kind: str, args: list[nodes.Expr], reason: str) -> Iterator[str]:
    """Yield the problems of a filter or test that is named by the first of `args`."""
    name = _text(args[0])
    if name is None:
        yield reason
    else:
        yield from _problems(use._replace(kind=kind, name=name, args=args[1:]))


def _text(node: nodes.Expr) -> str | None:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _arguments(use: _Use, function: Callable[..., Any]) -> Iterator[str]:
    shape = _signature(function)
    try:
        bound = shape.bind(*use.args, **use.options)
    except TypeError:
        yield f"`{use.name}` {_wanted(shape)}"
        return
    if use.name == "groups":
        yield from _groups(use)
    if "attribute" in bound.arguments or use.name in ("matching", "groups"):
        return  # any value is possible; the lint `pattern` has its own check
    if not (use.args or use.options):
        return
    try:
        args = [_literal(arg) for arg in use.args]
        options = {name: _literal(arg) for name, arg in use.options.items()}
    except nodes.Impossible:
        return  # an event decides
    reasons = {_failure(use, sample, args, options) for sample in _SAMPLES}
    if "" not in reasons:
        why = f": {min(reasons)}" if len(reasons) == 1 else ""
        yield f"`{use.name}` cannot work with these arguments{why}"


def _groups(use: _Use) -> Iterator[str]:
    """Why a pattern that the expression has as text cannot be cut at its groups."""
    pattern = next((_text(arg) for arg in (*use.args, *use.options.values())), None)
    try:
        pieces(pattern or "()")
    except BadPattern as error:
        yield f"`groups`: {error}"


def _failure(use: _Use, sample: Any, args: list[Any], options: dict[str, Any]) -> str:
    """Why a filter or test fails for a sample; empty if it does not."""
    call: Callable[..., Any] = getattr(LANGUAGE, f"call_{use.kind}")
    try:
        call(use.name, sample, args, options, use.scope)
    except Exception as error:  # filters raise anything; see `Expression.evaluate`
        return str(error) if isinstance(error, BadValue) else "these types do not fit"
    return ""


def _literal(node: nodes.Expr) -> Any:
    """The value of a literal.

    Raises:
        Impossible: it is not a literal.
    """
    inner = node.find_all(nodes.Expr)
    if all(isinstance(item, nodes.Literal | nodes.Neg | nodes.Pair) for item in (node, *inner)):
        return node.as_const()
    raise nodes.Impossible


@cache
def _signature(function: Callable[..., Any]) -> Signature:
    """The arguments of a filter or test, without the value that it is used on."""
    found = signature(function)
    all_of_them = list(found.parameters.values())
    skipped = 2 if all_of_them[0].name in _PASSED else 1
    return found.replace(parameters=all_of_them[skipped:])


def _wanted(shape: Signature) -> str:
    names = [item.name for item in shape.parameters.values()]
    needed = [item.name for item in shape.parameters.values() if item.default is Parameter.empty]
    if not names:
        return "takes no arguments"
    takes = f"takes these arguments: {', '.join(names)}"
    return f"{takes}; it needs {', '.join(needed)}" if needed else takes
