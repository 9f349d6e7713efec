"""Expressions: Jinja2's expression language over the event, and text with `{{ }}` in it.

A value that starts with `=` is an expression and keeps its type. `{{ }}` inside text gives text,
encoded for its place (a path, XML, a header). Any other value is a constant. Only the mapping file
is compiled, once; data never becomes an expression. `connector.mapping.language` defines the
operators and filters.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import TemplateSyntaxError, nodes
from jinja2.nodes import EvalContext
from jinja2.parser import Parser
from markupsafe import escape

from connector.mapping.language import LANGUAGE, function
from connector.outcome import Refusal

Encode = Callable[[str], str]


class ExpressionError(ValueError):
    """An expression cannot be compiled; the text says why, for the mapping's author."""


class EvaluationError(ValueError):
    """An expression fails for the data of this event; the text does not quote the data."""


class Scope(dict[str, Any]):
    """The names that expressions read.

    It also serves as the context of Jinja's compiled code: creating Jinja's own context takes
    longer than running the code.
    """

    environment = LANGUAGE
    eval_ctx = EvalContext(LANGUAGE)
    resolve_or_missing = dict.__getitem__


class Expression(NamedTuple):
    """A compiled expression.

    `names` are the names that it reads. `paths` are the dotted fields that it reads, such as
    `("account", "bill_status")`. The checks use both before any event comes.
    """

    source: str
    names: frozenset[str]
    paths: frozenset[tuple[str, ...]]
    code: Callable[[Scope], Any]

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
            EvaluationError: an expression fails or has no value.
        """
        return "".join(
            part if isinstance(part, str) else self.encode(_as_text(part, part.evaluate(scope)))
            for part in self.parts
        )


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


@lru_cache(1000)  # a YAML alias repeats whole blocks of expressions
def compile_condition(source: str) -> Expression:
    """Compile an expression written without `=` (`if`, `that`, `when`, `each`).

    Raises:
        ExpressionError: it cannot be compiled.
    """
    with _refusing():
        parser = Parser(LANGUAGE, source.removeprefix("="), state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ExpressionError(f"unexpected `{parser.stream.current}` after the expression")
        return _compile(source, tree)


def compile_value(raw: Any, encode: Encode = str) -> Value:
    """Compile a value of the file: `=expression`, text with `{{ }}`, list, object, constant.

    Raises:
        ExpressionError: an expression in it cannot be compiled.
    """
    if isinstance(raw, dict):
        return Tree(tuple(compile_value(item, encode) for item in raw.values()), tuple(raw))
    if isinstance(raw, list):
        return Tree(tuple(compile_value(item, encode) for item in raw), None)
    if isinstance(raw, str) and raw.startswith("="):
        return compile_condition(raw)
    if isinstance(raw, str) and "{{" in raw:
        return compile_text(raw, encode)
    return Constant(raw)


def compile_text(raw: str, encode: Encode = str) -> Text:
    """Compile text with `{{ }}` in it.

    Raises:
        ExpressionError: an expression cannot be compiled, or the text has a statement (`{% %}`)
            or a comment (`{# #}`).
    """
    with _refusing():
        body = LANGUAGE.parse(raw).body
        if "{#" in raw or not all(isinstance(node, nodes.Output) for node in body):
            raise ExpressionError("only {{ }} is allowed in text, no {% %} and no {# #}")
        return Text(raw, tuple(_parts(raw, body)), encode)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn the exceptions of Jinja's and Python's compilers into `ExpressionError`."""
    try:
        yield
    except ExpressionError:
        raise
    except TemplateSyntaxError as error:
        raise ExpressionError(error.message or "syntax error") from None
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
    paths = frozenset(_paths(tree))
    return Expression(source, names, paths, function(tree))


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


def _as_text(part: Expression, value: Any) -> str:
    if value is None:
        raise EvaluationError(f"`{part.source}`: no value to put into the text")
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float | datetime):
        raise EvaluationError(f"`{part.source}`: a list or an object cannot be text")
    return str(value)


def in_path(text: str) -> str:
    """Encode text for one segment of a URL's path, so that it cannot begin another segment."""
    if text in ("", ".", ".."):
        raise EvaluationError("an empty or dotted path segment")
    return quote(text, safe="")


def in_xml(text: str) -> str:
    """Encode text for XML text and attribute values; control characters are refused."""
    if re.search(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text):
        raise EvaluationError("a control character is not allowed in XML")
    return str(escape(text))


def in_header(text: str) -> str:
    """Check a header's value: printable ASCII only, so that it cannot begin another header."""
    if not re.fullmatch(r"[\x20-\x7e]*", text):
        raise EvaluationError("a header takes printable ASCII only")
    return text
