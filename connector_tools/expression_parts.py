"""The parts of an expression, each with its own text as the author wrote it.

Jinja's syntax tree has no columns, so this parser notes which tokens each part was read from.
"""

from collections.abc import Callable
from typing import Any

from jinja2 import nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from connector.mapping.language import LANGUAGE

Span = tuple[int, int]


class Parts:
    """An expression as a syntax tree; `text` has the source of each of its nodes."""

    def __init__(self, source: str) -> None:
        """`source` is that of an expression that was compiled, with or without its `=`.

        Raises:
            TemplateSyntaxError: it is no expression, such as text with `{{ }}` in it.
        """
        self._source = source.removeprefix("=")
        self._ends, parser = _tokens(self._source), _Parser(LANGUAGE, self._source)
        self.tree = parser.parse_expression()
        self._spans = parser.spans

    def text(self, node: nodes.Node) -> str:
        """The text of a node in one line, for people."""
        return " ".join(self.source(node).split())

    def source(self, node: nodes.Node) -> str:
        """The text of a node; the whole expression if the node is a part that has no own text."""
        span = self._spans.get(id(node))
        if span is None:
            return self._source
        first, last = span
        start = self._ends[first][0]
        end = self._ends[min(last, len(self._ends)) - 1][1]
        return self._source[start:end]


def _tokens(source: str) -> list[Span]:
    """Where each token begins and ends; white space is no token."""
    found, at = [], 0
    for _, kind, text in LANGUAGE.lexer.tokeniter(source, None, None, "variable"):
        if kind != "whitespace":
            found.append((at, at + len(text)))
        at += len(text)
    return found


class _Counted(TokenStream):
    """Counts the tokens that were read."""

    read = -1  # creating the stream reads the first token

    def __next__(self) -> Token:
        self.read += 1
        return super().__next__()

    def look(self) -> Token:
        """The next token, which stays unread."""
        read = self.read
        found = super().look()
        self.read = read
        return found


class _Parser(Parser):
    """Notes the tokens of each node by its identity; the tree keeps the nodes alive."""

    def __init__(self, environment: Any, source: str) -> None:
        super().__init__(environment, source, state="variable")
        tokens = environment.lexer.wrap(
            environment.lexer.tokeniter(source, None, None, "variable"), None, None
        )
        self.stream = _Counted(tokens, None, None)
        self.spans: dict[int, Span] = {}

    def _noted(self, parse: Callable[[], nodes.Expr]) -> nodes.Expr:
        start = self.stream.read  # type: ignore[attr-defined]  # see `__init__`
        found = parse()
        self.spans[id(found)] = (start, self.stream.read)  # type: ignore[attr-defined]
        return found

    def _extended(self, node: nodes.Expr, parse: Callable[[nodes.Expr], Any]) -> Any:
        """Note a node that begins where `node` does."""
        start = self.spans.get(id(node), (0, 0))[0]
        found = parse(node)
        self.spans[id(found)] = (start, self.stream.read)  # type: ignore[attr-defined]
        return found

    def parse_condexpr(self) -> nodes.Expr:
        return self._noted(super().parse_condexpr)

    def parse_or(self) -> nodes.Expr:
        return self._noted(super().parse_or)

    def parse_and(self) -> nodes.Expr:
        return self._noted(super().parse_and)

    def parse_not(self) -> nodes.Expr:
        return self._noted(super().parse_not)

    def parse_compare(self) -> nodes.Expr:
        return self._noted(super().parse_compare)

    def parse_math1(self) -> nodes.Expr:
        return self._noted(super().parse_math1)

    def parse_concat(self) -> nodes.Expr:
        return self._noted(super().parse_concat)

    def parse_math2(self) -> nodes.Expr:
        return self._noted(super().parse_math2)

    def parse_pow(self) -> nodes.Expr:
        return self._noted(super().parse_pow)

    def parse_unary(self, with_filter: bool = True) -> nodes.Expr:
        return self._noted(lambda: super(_Parser, self).parse_unary(with_filter))

    def parse_primary(self, *args: Any, **options: Any) -> nodes.Expr:
        return self._noted(lambda: super(_Parser, self).parse_primary(*args, **options))

    def parse_subscript(self, node: nodes.Expr) -> Any:
        return self._extended(node, super().parse_subscript)

    def parse_test(self, node: nodes.Expr) -> nodes.Expr:
        found: nodes.Expr = self._extended(node, super().parse_test)
        return found
