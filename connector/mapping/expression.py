"""Expressions: Jinja2's expression language over the event, and text with `{{ }}` in it.

A value that starts with `=` is an expression and keeps its type. `{{ }}` inside text gives text,
encoded for its place (a path, XML, a header). Any other value is a constant. Only the mapping file
is compiled, once; data never becomes an expression. `connector.mapping.language` defines the
operators and filters.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from jinja2 import TemplateSyntaxError, nodes
from jinja2.nodes import EvalContext
from jinja2.parser import Parser

from connector.mapping import arguments
from connector.mapping.advice import advised, constant_faults
from connector.mapping.chain import Chain, chains_of
from connector.mapping.json_value import json_value
from connector.mapping.language import LANGUAGE, function
from connector.mapping.meter import Meter, TooMuchWork
from connector.mapping.pattern import BadPattern
from connector.mapping.text import BadValue, text_of
from connector.outcome import Refusal

Encode = Callable[[str], str]
Form = TypeVar("Form")


class ExpressionError(ValueError):
    """An expression cannot be compiled; the text says why, for the mapping's author.

    `at` is the path to it inside a list or an object of values.
    """

    at: tuple[str | int, ...] = ()


class EvaluationError(ValueError):
    """An expression fails for the data of this event; the text does not quote the data."""


class Scope(dict[str, Any]):
    """The names that expressions read.

    It also serves as the context of Jinja's compiled code: creating Jinja's own context takes
    longer than running the code. `meter` counts the work of all expressions that read the scope.
    """

    environment = LANGUAGE
    eval_ctx = EvalContext(LANGUAGE)
    resolve_or_missing = dict.__getitem__

    def __init__(self, *names: Mapping[str, Any], **more: Any) -> None:
        super().__init__(*names, **more)
        self.meter = Meter()

    def with_names(self, names: Mapping[str, Any]) -> "Scope":
        """A copy with more names: an `item`, the replies to earlier calls; with the same meter."""
        scope = Scope(self, **names)
        scope.meter = self.meter
        return scope


class Expression(NamedTuple):
    """A compiled expression.

    `names` are the names that it reads. `paths` are the dotted fields that it reads, such as
    `("account", "bill_status")`. `chains` have the items of lists, too, as in
    `("account", "assigned_addons", "[]", "name")`. `patterns` are the regular expressions of its
    tests `matching`, each an expression, too. The checks use them before any event comes.
    """

    source: str
    names: frozenset[str]
    paths: frozenset[tuple[str, ...]]
    code: Callable[[Scope], Any]
    patterns: tuple["Expression", ...] = ()
    chains: frozenset[Chain] = frozenset()

    def evaluate(self, scope: Scope) -> Any:
        """The value, with its type.

        Raises:
            EvaluationError: the expression fails for the data, e.g. a sum with None.
            Refusal: invalid; it reads a part that is absent, or a field that is unreadable.
        """
        try:
            return self.code(scope)
        except (EvaluationError, Refusal):
            raise  # of a value of the mapping that this expression reads, or of the event
        except (TooMuchWork, BadPattern, BadValue) as error:
            raise EvaluationError(f"`{self.source}`: {error}") from error
        except Exception as error:
            # An operator or filter can raise any exception. Its text may quote the data, so only
            # the type of the exception is shown.
            raise EvaluationError(f"`{self.source}`: {type(error).__name__}") from error


class Text(NamedTuple):
    """Text with expressions in it; `encode` encodes each value for the place of the text."""

    source: str
    parts: tuple[str | Expression, ...]
    encode: Encode

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions, in order."""
        return tuple(part for part in self.parts if isinstance(part, Expression))

    @property
    def outline(self) -> str:
        """The text with its data left out: `/subscribers/{}`."""
        return "".join(part if isinstance(part, str) else "{}" for part in self.parts)

    def evaluate(self, scope: Scope) -> str:
        """The text with the values of its expressions.

        Raises:
            EvaluationError: an expression fails, or its value has no text.
        """
        return "".join(
            part if isinstance(part, str) else formed(part, scope, self._encoded)
            for part in self.parts
        )

    def _encoded(self, value: Any) -> str:
        return self.encode(text_of(value))


class SourceText(str):
    """The source text of an expression; a call shows it while the value is still unknown."""

    __slots__ = ()


class Constant(NamedTuple):
    """A value of the file that is not an expression."""

    value: Any
    expressions: tuple[Expression, ...] = ()

    def evaluate(self, scope: Scope) -> Any:
        """The value."""
        return self.value


class Tree(NamedTuple):
    """A list or an object with values inside."""

    items: tuple["Value", ...]
    keys: tuple[str, ...] | None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions at any depth, in order."""
        return tuple(found for item in self.items for found in expressions(item))

    def evaluate(self, scope: Scope) -> Any:
        """The list or object with all its values computed."""
        values = [item.evaluate(scope) for item in self.items]
        return values if self.keys is None else dict(zip(self.keys, values, strict=True))


Value = Expression | Text | Constant | Tree


def expressions(value: Value) -> tuple[Expression, ...]:
    """All expressions of a value, itself included."""
    return (value,) if isinstance(value, Expression) else value.expressions


def formed(value: Value, scope: Scope, form: Callable[[Any], Form]) -> Form:
    """Compute a value and give it the form of its place, such as `text_of`.

    Raises:
        EvaluationError: an expression fails, or the place does not take its value; the text names
            the expression.
    """
    found = value.evaluate(scope)
    try:
        return form(found)
    except BadValue as error:
        source = ", ".join(dict.fromkeys(part.source for part in expressions(value)))
        raise EvaluationError(f"`{source or 'a constant'}`: {error}") from None


def as_json(value: Value, scope: Scope) -> Any:
    """Compute a value as plain JSON.

    Raises:
        EvaluationError: as `formed`.
    """
    if not isinstance(value, Tree):
        return formed(value, scope, json_value)
    found = value.evaluate(scope)
    try:
        return json_value(found)
    except BadValue:
        pass  # find out which expression of the tree it is
    items = [as_json(item, scope) for item in value.items]
    return items if value.keys is None else dict(zip(value.keys, items, strict=True))


@lru_cache(1000)  # a YAML alias repeats whole blocks of expressions
def compile_condition(source: str) -> Expression:
    """Compile an expression written without `=` (`if`, `that`, `when`, `each`).

    Raises:
        ExpressionError: it cannot be compiled.
    """
    with _refusing(source):
        parser = Parser(LANGUAGE, source.removeprefix("="), state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            found = parser.stream.current
            raise ExpressionError(advised(f"unexpected `{found}` after the expression", source))
        return _compile(source, tree)


def compile_value(raw: Any, encode: Encode = str) -> Value:
    """Compile a value of the file: `=expression`, text with `{{ }}`, list, object, constant.

    Raises:
        ExpressionError: an expression in it cannot be compiled.
    """
    if isinstance(raw, dict | list):
        tree = _tree(raw, encode)
        return tree if tree.expressions else Constant(tree.evaluate(Scope()))
    if isinstance(raw, str) and raw.startswith("="):
        return compile_condition(raw)
    if isinstance(raw, str) and ("{{" in raw or "{%" in raw):
        return compile_text(raw, encode)
    return Constant(raw)


def _tree(raw: dict[str, Any] | list[Any], encode: Encode) -> Tree:
    pairs: list[tuple[str | int, Any]]
    pairs = list(raw.items()) if isinstance(raw, dict) else list(enumerate(raw))
    items = []
    for key, item in pairs:
        try:
            if isinstance(key, str) and (key.startswith("=") or "{{" in key):
                raise ExpressionError("a key is always text: it cannot be an expression")
            items.append(compile_value(item, encode))
        except ExpressionError as error:
            error.at = (key, *error.at)
            raise
    return Tree(tuple(items), tuple(raw) if isinstance(raw, dict) else None)


def compile_text(raw: str, encode: Encode = str) -> Text:
    """Compile text with `{{ }}` in it.

    Raises:
        ExpressionError: an expression cannot be compiled, or the text has a statement (`{% %}`)
            or a comment (`{# #}`).
    """
    with _refusing(raw):
        if "{#" in raw or "{%" in raw:
            raise ExpressionError("only {{ }} is allowed in text, no {% %} and no {# #}")
        body = LANGUAGE.parse(raw).body
        return Text(raw, tuple(_parts(raw, body)), encode)


@contextmanager
def _refusing(source: str) -> Iterator[None]:
    """Turn the exceptions of Jinja's and Python's compilers into `ExpressionError`."""
    try:
        yield
    except ExpressionError:
        raise
    except TemplateSyntaxError as error:
        raise ExpressionError(advised(error.message or "syntax error", source)) from None
    except (RecursionError, MemoryError, SyntaxError):
        raise ExpressionError("nested too deeply") from None
    except ValueError:
        raise ExpressionError("a number with too many digits") from None


def _parts(raw: str, body: list[nodes.Node]) -> Iterator[str | Expression]:
    for output in body:
        for node in output.nodes:  # type: ignore[attr-defined]  # all are nodes.Output, see above
            yield node.data if isinstance(node, nodes.TemplateData) else _compile(raw, node)


def _compile(source: str, tree: nodes.Expr) -> Expression:
    tree.set_environment(LANGUAGE)
    names = frozenset(node.name for node in tree.find_all(nodes.Name) if node.ctx == "load")
    if isinstance(tree, nodes.Name):
        names |= {tree.name}
    if isinstance(tree, nodes.Call) or any(True for _ in tree.find_all(nodes.Call)):
        raise ExpressionError("nothing can be called; use a filter (`value | lower`)")
    for problem in (*constant_faults(tree), *arguments.problems(tree, Scope())):
        raise ExpressionError(problem)
    paths = frozenset(_paths(tree))
    patterns = tuple(_compile(source, found) for found in _patterns(tree))
    chains = frozenset(chains_of(tree))
    return Expression(source, names, paths, function(tree), patterns, chains)


def _patterns(tree: nodes.Node) -> Iterator[nodes.Expr]:
    """Yield the argument of each test `matching`, also in `select('matching', ...)`."""
    for node in (tree, *tree.find_all((nodes.Test, nodes.Filter))):
        if not isinstance(node, nodes.Test | nodes.Filter):
            continue
        args = [*node.args, *(option.value for option in node.kwargs)]
        if isinstance(node, nodes.Filter):
            named = [isinstance(arg, nodes.Const) and arg.value == "matching" for arg in args]
            args = args[named.index(True) + 1 :] if any(named) else []
        elif node.name != "matching":
            continue
        yield from args[:1]


def _paths(tree: nodes.Node) -> Iterator[tuple[str, ...]]:
    """Yield each chain `name.field.field`, but not the shorter chains inside of it."""
    chain = _chain(tree)
    if chain:
        yield chain
        return
    for child in tree.iter_child_nodes():
        yield from _paths(child)


def _chain(node: nodes.Node) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        inner = _chain(node.node)
        return (*inner, node.attr) if inner else ()
    return ()
