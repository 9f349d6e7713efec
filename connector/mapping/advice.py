"""Advice for expressions that cannot be compiled, or can never be computed.

Most authors know another language: a spreadsheet, SQL, JavaScript. The parser's own words, such as
"unexpected char '&' at 30", do not tell them what to write.
"""

import re
from collections.abc import Iterator

from jinja2 import nodes

_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
# What the author wrote, outside of quotes, and what to write. The first that is found counts.
_INSTEAD: tuple[tuple[str, str], ...] = (
    ("[\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb]", "use straight quotes: '...'"),
    (r"&&", "write `and`"),
    (r"\|\|", "write `or`"),
    (r"===|!==", "write `==` or `!=`"),
    (r"<>", "write `!=`"),
    (r"![^=]", "write `not`"),
    (r"\?", "write `a if condition else b`"),
    (r"^=?\s*if\b|\bthen\b", "write `a if condition else b`"),
    (r"(?<![=!<>])=(?!=)(?<!^=)", "write `==` to compare"),
    (r"\bis\s+[0-9]", "write `==` to compare"),
    (r"\{\{", "write an expression without {{ }} here"),
    (
        r"\bfor\b",
        "an object with `each` and `give` is a list; the filter `map` takes a field of each item",
    ),
)


_PLAIN: tuple[tuple[str, str], ...] = (
    (r"unexpected char (['\"])(.+)\1 at (\d+)", r"`\2` has no meaning in an expression"),
    (r"expected name or number", "a name or a number is missing after the dot"),
    (r"unexpected end of template, expected '(.)'\.", r"`\1` is missing at the end"),
    (r"expected token '(.+)', got 'end of .*'", r"`\1` is missing at the end"),
    (r"expected token 'end of .*', got '(.+)'", r"`\1` cannot stand here"),
    (r"expected token '(.+)', got '(.+)'", r"`\1` is missing before `\2`"),
    (r"Expected an expression, got 'end of .*'", "a value is missing at the end"),
    (r"[Ee]xpected an expression, got '(.+)'", r"a value is missing before `\1`"),
    (r"unexpected 'end of .*'", "a value is missing at the end"),
    (r"unexpected '(.+)'", r"`\1` cannot stand here"),
    (r"No (filter|test) named '(.+?)'", r"no \1 has the name `\2`"),
)
"""The parser's words, and plainer ones."""


def plain(message: str) -> str:
    """The message of the parser in plain words."""
    for known, said in _PLAIN:
        changed, count = re.subn(known, said, message, count=1)
        if count:
            return changed
    return message


def _bracket(message: str, bare: str) -> str:
    """The message; inside an open list or object the parser asks for a comma, not for its end."""
    for opening, closing in ("[]", "{}"):
        if message == "`,` is missing at the end" and bare.count(opening) > bare.count(closing):
            return f"`{closing}` is missing at the end"
    return message


def advised(message: str, source: str) -> str:
    """The message of the parser, with advice if the source has a spelling of another language."""
    message = _bracket(plain(message), _TEXT.sub("''", source))
    inside = source if source.startswith("=") else f"={source}"
    bare = _TEXT.sub("''", inside)
    if inside.strip() == "=":
        return "the expression is empty"
    if source.count("{{") != source.count("}}"):
        return f"{message}: write }}}} for each {{{{"
    if "{{" in source and not source.startswith(("=", "{{")):
        return message  # text with {{ }} in it
    if bare.count("'") % 2 or bare.count('"') % 2:
        return f"{message}: close the quote"
    for pattern, advice in _INSTEAD:
        if re.search(pattern, bare):
            return f"{message}: {advice}"
    return message


def instead_of_call(call: nodes.Call) -> str:
    """What to write in place of a call: an item of a table, or a filter."""
    for node in (call.node, *call.node.find_all(nodes.Getattr)):
        if not isinstance(node, nodes.Getattr) or not isinstance(node.node, nodes.Name):
            continue
        if node.node.name == "tables":
            return f"read a row of the table: `tables.{node.attr}[key]`"
    return "use a filter (`value | lower`)"


def constant_faults(tree: nodes.Expr) -> Iterator[str]:
    """Yield what no event could ever compute."""
    kinds = (nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Slice)
    for node in (tree, *tree.find_all(kinds)):
        if isinstance(node, nodes.Div | nodes.FloorDiv | nodes.Mod):
            computed = isinstance(node.left, nodes.Const)  # by the lint `constant`
            if not computed and _is_zero(node.right):
                yield "it divides by zero"
        if isinstance(node, nodes.Slice) and node.step is not None and _is_zero(node.step):
            yield "the step of a slice cannot be zero"


def _is_zero(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and node.value in (0, False)
