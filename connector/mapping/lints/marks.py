"""Where in an expression a name, a field or a text stands: what a lint marks.

The syntax tree does not know it: Jinja's parser keeps only lines.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from connector.mapping.chain import ITEM, Chain
from connector.mapping.language import LANGUAGE
from connector.mapping.lint import Mark


class Token(NamedTuple):
    """A word or a sign of an expression; `at` is where it begins in the source."""

    kind: str
    text: str
    at: int


def tokens(source: str) -> list[Token]:
    """The tokens of an expression, or of the expressions in a text, without the blanks."""
    is_text = "{{" in source and not source.startswith("=")
    found, at = [], 0
    state = None if is_text else "variable"
    for _, kind, text in LANGUAGE.lexer.tokeniter(source, None, None, state):
        if kind not in ("whitespace", "data"):
            found.append(Token(kind, text, at))
        at += len(text)
    return found


def whole(source: str) -> Mark:
    """The whole expression, without the `=` in front."""
    return Mark(source, len(source) - len(source.removeprefix("=")), len(source))


def of_name(source: str, name: str) -> Mark:
    """A name that the expression reads; the whole expression if it cannot be found."""

    def fits(before: str, token: Token) -> bool:
        return token.kind == "name" and token.text == name and before not in (".", "|", "is")

    return _first(source, fits)


def of_field(source: str, chain: Chain) -> Mark:
    """The last field of a chain, such as `account.bill_status`."""
    step, owner = chain[-1], next((step for step in chain[-2::-1] if step != ITEM), "")
    path = {step, f"'{step}'", f'"{step}"'}

    def fits(before: str, token: Token) -> bool:
        return token.text in path and (before == "." or token.kind == "string")

    found = tokens(source)
    for index, token in enumerate(found[2:], 2):
        if fits(found[index - 1].text, token) and found[index - 2].text == owner:
            return _marked(source, token)
    return _first(source, fits)


def of_test(source: str, name: str) -> Mark:
    """The name of a test, such as `defined` in `a is defined`; with the `not` before it."""
    return _first(source, lambda before, token: token.text == name and before in ("is", "not"))


def of_pattern(source: str) -> Mark:
    """What stands in the first `matching(...)` or `groups(...)`; else the whole expression."""
    found = tokens(source)
    names = [index for index, one in enumerate(found) if one.text in ("matching", "groups")]
    after = found[names[0] + 1 :] if names else []
    depth = 0
    for index, token in enumerate(after):
        depth += (token.text == "(") - (token.text == ")")
        if index and depth == 0:
            first, last = after[1], after[index - 1]
            return Mark(source, first.at, last.at + len(last.text))
    return whole(source)


def of_text(source: str, text: str) -> Mark:
    """A text or number of the expression, as it is written there."""
    return _first(source, lambda _, token: token.text.strip("'\"") == text)


def _first(source: str, fits: Callable[[str, Token], bool]) -> Mark:
    found = tokens(source)
    before: Iterable[str] = ("", *(token.text for token in found))
    for earlier, token in zip(before, found, strict=False):
        if fits(earlier, token):
            return _marked(source, token)
    return whole(source)


def _marked(source: str, token: Token) -> Mark:
    quoted = len(token.text) > 2 and token.kind == "string"
    return Mark(source, token.at + quoted, token.at + len(token.text) - quoted)
