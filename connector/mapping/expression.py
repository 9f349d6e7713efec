"""Compiles the values of a mapping file: expressions, and text with `{{ }}` in it.

A value that starts with `=` is an expression in Jinja2's expression language and keeps its type.
`{{ }}` inside text gives text, encoded for its place (a path, XML, a header). An object with `each`
and `give` is a list. Any other value is a constant. Only the mapping file is compiled, once; data
never becomes an expression. `connector.mapping.value` has what comes out, and other modules import
it from here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.parser import Parser

from connector.mapping import arguments, omit
from connector.mapping.advice import advised, constant_faults, instead_of_call, plain
from connector.mapping.chain import chains_of, paths_of, patterns_of
from connector.mapping.language import LANGUAGE, function
from connector.mapping.value import (
    WHY,
    Constant,
    Each,
    Encode,
    EvaluationError,
    Expression,
    Scope,
    SourceText,
    Text,
    Tree,
    Value,
    as_json,
    expressions,
    formed,
)

__all__ = [
    "WHY",
    "Constant",
    "Each",
    "Encode",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Scope",
    "SourceText",
    "Text",
    "Tree",
    "Value",
    "as_json",
    "compile_condition",
    "compile_text",
    "compile_value",
    "expressions",
    "formed",
]


class ExpressionError(ValueError):
    """An expression cannot be compiled; the text says why, for the mapping's author.

    `at` is the path to it inside a list or an object of values. `char` is the character of the
    source where it is wrong, `named` the filter or test that does not exist, if they are known.
    """

    at: tuple[str | int, ...] = ()
    char: int | None = None
    named: str | None = None

    def __init__(self, message: str, said: str = "", shift: int = 0) -> None:
        """Make an error from a message; `said` is what the parser said, `shift` characters on."""
        super().__init__(message)
        if found := re.search(r" at (\d+)$", said):
            self.char = int(found[1]) + shift
        if found := re.search(r"^No \w+ named '(\w+)'", said or message):
            self.named = found[1]


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

    An object with the keys `each` and `give` is the list that they make.

    Raises:
        ExpressionError: an expression in it cannot be compiled.
    """
    if isinstance(raw, dict | list):
        tree = _each(raw, encode) if _is_each(raw) else _tree(raw, encode)
        return tree if tree.expressions else Constant(tree.evaluate(Scope()))
    if isinstance(raw, str) and raw.startswith("="):
        return compile_condition(raw)
    if isinstance(raw, str) and ("{{" in raw or "{%" in raw):
        return compile_text(raw, encode)
    return Constant(raw)


def _is_each(raw: dict[str, Any] | list[Any]) -> bool:
    return isinstance(raw, dict) and "each" in raw and "give" in raw


def _each(raw: Any, encode: Encode) -> Each:
    for key in raw.keys() - {"each", "when", "give"}:
        raise ExpressionError(
            f"`{key}`: an object with `each` and `give` makes a list and takes only `when` besides"
        )
    with _at("each"):
        each = raw["each"]
        items = compile_condition(each) if isinstance(each, str) else compile_value(each)
    with _at("when"):
        when = raw.get("when", True)
        if not isinstance(when, str | bool):
            raise ExpressionError("must be an expression")
        condition = (
            None
            if when is True
            else compile_condition(str(when).lower() if when is False else when)
        )
    with _at("give"):
        give = compile_value(raw["give"], encode)
    return Each(items, condition, give, size=1 + len(expressions(give)))


@contextmanager
def _at(key: str | int) -> Iterator[None]:
    """Note the place of an error inside a list or an object."""
    try:
        yield
    except ExpressionError as error:
        error.at = (key, *error.at)
        raise


def _tree(raw: dict[str, Any] | list[Any], encode: Encode) -> Tree:
    pairs: list[tuple[str | int, Any]]
    pairs = list(raw.items()) if isinstance(raw, dict) else list(enumerate(raw))
    items = []
    for key, item in pairs:
        with _at(key):
            if isinstance(key, str) and (key.startswith("=") or "{{" in key):
                raise ExpressionError("a key is always text: it cannot be an expression")
            items.append(compile_value(item, encode))
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
        said = error.message or "syntax error"
        raise ExpressionError(advised(said, source), said, source[:1] == "=") from None
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
    names -= {omit.NAME}
    for call in (tree, *tree.find_all(nodes.Call)):
        if isinstance(call, nodes.Call):
            raise ExpressionError(f"nothing can be called; {instead_of_call(call)}")
    for problem in (*constant_faults(tree), *arguments.problems(tree, Scope())):
        raise ExpressionError(plain(problem), problem)
    paths = frozenset(paths_of(tree))
    patterns = tuple(_compile(source, found) for found in patterns_of(tree))
    chains = frozenset(chains_of(tree))
    return Expression(source, names, paths, function(tree), patterns, chains)
