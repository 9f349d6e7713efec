"""Values that need quotes, because YAML gives a meaning to a character inside of them.

`=[account.msisdn] if account else []` ends at `[` for YAML if it stands in braces, `because: a: b`
has two colons, and ` #` begins a comment. The author sees an expression; YAML says what it
expected in its own words. This module finds the value that is meant.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_START = re.compile(r"(?:^\s*(?:- +)*|(?<=[{,\[])\s*)[^\s{}\[\],:#'\"=][^{}\[\],:#'\"=]*:\s+")
_ITEM = re.compile(r"^\s*(?:- +)+(?=\S)|(?<=\[)\s*(?=[={])|(?<=,)\s+(?=[={])")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_FIRST = ("{{", "[", "{", "'", '"', "%", "@", "`", "*", "#", ",", "]", "}")
_INSIDE = (": ", " #", "{{", "[", "{", "]", "}", ",")
_CONDITIONS = ("if", "that", "when", "each")
_CHOICE = re.compile(r"[\]})'\"]\s+(if|or|and|in|==|!=|\||~|\+)\s")
_ENTRY = re.compile(r"[\w/-]+: ")  # another key, in the same line
_PROSE = ("because", "name", "on", "subject", "summary")
_QUOTES = "'\""
_MOST = 30  # ends of a value that are tried


class Bare(NamedTuple):
    """A value without quotes that needs them: where it stands in its line, and its text.

    `key` is the key before it, empty for an item of a list.
    """

    start: int
    text: str
    key: str = ""

    @property
    def sign(self) -> str:
        """The characters in it that have a meaning in YAML; empty if there are none."""
        text = self.text
        first = next((sign for sign in _FIRST if text.startswith(sign)), "")
        return first or next((sign for sign in _INSIDE if sign in text), "")

    @property
    def meant(self) -> str:
        """What to write: the value in quotes, as an expression if it is one."""
        text = self.text
        if self.key in _CONDITIONS and text.startswith("{{") and text.count("{{") == 1:
            return text[2:-2].strip()
        if text[0] in "[{" and not text.startswith("{{"):
            text = f"={text}"
        if text[0] in _QUOTES and text[-1] == text[0]:
            text = text if _CHOICE.search(text) else text[1:-1]
        return quoted(text)

    @property
    def likely(self) -> bool:
        """Whether somebody can have meant it: not a list, an object or an anchor of YAML."""
        text = self.text
        if text[0] in "[{" and not text.startswith("{{"):
            return bool(_CHOICE.search(text))
        if text[0] in _QUOTES and text.count(text[0]) == 1:
            return False  # the other quote is missing
        is_entry = self.key not in _PROSE and _ENTRY.match(text)
        return bool(self.sign) and text[0] not in "&!|>*" and not is_entry


def quoted(text: str) -> str:
    """The text in quotes."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def balanced(text: str) -> bool:
    """Whether each bracket and each quote of an expression or a text is closed."""
    opened: list[str] = []
    quote = ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"" and (text.startswith("=") or opened):
            quote = sign
        elif sign in "([{":
            opened.append(sign)
        elif sign in _PAIRS and (not opened or opened.pop() != _PAIRS[sign]):
            return False
    return not opened and not quote


def bare_values(line: str, column: int) -> Iterator[Bare]:
    """Yield the values in a line that begin before a column, each as the author may have meant it.

    The innermost comes first, and of one beginning the shortest that is balanced.
    """
    found = {match.end(): "" for match in _ITEM.finditer(line)}
    for match in _START.finditer(line):
        found[match.end()] = match[0].strip(" -\t").partition(":")[0]
    for start in sorted((begin for begin in found if begin <= column), reverse=True):
        for end in _ends(line, start):
            text = line[start:end].rstrip()
            if text and balanced(text) and not _is_quoted(text):
                yield Bare(start, text, found[start])


def _ends(line: str, start: int) -> list[int]:
    signs = re.finditer(r"[,}\]]|\s+#", line[start:])
    return [*(start + sign.start() for sign in signs), len(line)][:_MOST]


def _is_quoted(text: str) -> bool:
    return bool(re.fullmatch(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"", text))


def first_that(values: Iterator[Bare], helps: Callable[[Bare], bool]) -> Bare | None:
    """The first value whose quotes help; None if none does."""
    return next((value for value in values if helps(value)), None)
