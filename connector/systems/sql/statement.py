"""Reads the text of a statement: where its parameters are, and what it does.

The text is a constant of the mapping file, so nothing of an event is in it. The drivers put their
own placeholder at each parameter; the values go to the server apart from the text.

The rules are those that PostgreSQL and MariaDB share. Text that the two read differently, such as a
backslash in quotes, is refused, so that a quote ends at the same place for the server and for us.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

_VERBS = ("select", "with", "values", "insert", "update", "delete", "merge", "replace", "call")
_CHANGES = ("insert", "update", "delete", "merge", "into")
_BEFORE_TABLE = ("into", "from", "update", "call", "using")
_TOKENS = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|'')*'|"(?:[^"\\]|"")*"|`[^`\\]*`)
    |(?P<dollars>(?<![\w$])\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$)
    |(?P<comment>--(?=\s|\Z)[^\n]*|/\*(?!M?!|\+)(?:(?!/\*|\*/).)*\*/)
    |(?P<other>::|:=|\s+|\d[\w.]*)
    |:(?P<name>[A-Za-z_]\w*)
    |(?P<word>[^\W\d]\w*)
    |(?P<end>;)
    |(?P<stray>['"`\\?\#\0]|\$[\d$]|/\*|--|\$\w*\$)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTE = (
    "a quote does not end, or has a backslash in it, which databases read in different ways: put "
    "the value under `params`"
)
_STRAY = {
    "\\": "a statement has no backslash: put the value under `params`",
    "?": "`?` stands for a parameter in some databases: write `:name` and `params`",
    "\0": "a statement has no NUL",
    "--": "`--` needs a blank after it",
    "#": "`#` begins a comment in MariaDB: use a function, such as `jsonb_extract_path`",
    "/*": "a comment has no `/*!`, no `/*+` and no comment inside, and ends with `*/`",
    "$": "`$1` is not a parameter here: write `:name` and `params`",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, cut at its parameters.

    `pieces` are the texts around the parameters, one more than there are `names`. A name can be
    there several times. `verb` is what the statement does, in small letters; `table` is the first
    table that it names, and empty if it names none in plain letters. `reads` is true if it can
    change nothing, apart from what functions of the database do.
    """

    pieces: tuple[str, ...]
    names: tuple[str, ...]
    verb: str
    table: str
    reads: bool

    def text(self, placeholder: Callable[[str], str]) -> str:
        """The text with a driver's placeholder for each parameter, by its name."""
        return "".join(self._joined(placeholder))

    def _joined(self, placeholder: Callable[[str], str]) -> Iterator[str]:
        for piece, name in zip(self.pieces, self.names, strict=False):
            yield piece
            yield placeholder(name)
        yield self.pieces[-1]


@dataclass(slots=True)
class _Reader:
    """Collects the parts of a statement while its tokens are read.

    `next` is the part of the table's name that comes next.
    """

    pieces: list[str] = field(default_factory=lambda: [""])
    names: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    table: str = ""
    next: Literal["", "name", "dot"] = ""
    ended: bool = False

    def take(self, kind: str, text: str) -> None:
        """Take the next token.

        Raises:
            ValueError: the statement cannot be read, or is not one statement.
        """
        if kind == "stray":
            raise ValueError(_STRAY.get(text[:2]) or _STRAY.get(text[0]) or _QUOTE)
        if kind == "end":
            self.ended = True
        elif kind != "comment" and not text.isspace():
            self._take(kind, text)
        elif not self.ended:
            self.pieces[-1] += text

    def _take(self, kind: str, text: str) -> None:
        if self.ended:
            raise ValueError("has two statements: write a call for each")
        if kind == "name":
            self.names.append(text)
            self.pieces.append("")
            return
        self.pieces[-1] += text
        self._note(kind, text)

    def _note(self, kind: str, text: str) -> None:
        """Note words, and the name of the first table with its schema."""
        if kind == "word":
            self.words.append(text.lower())
        if kind == "word" and self.next == "name":
            self.table, self.next = self.table + text, "dot"
        elif text == "." and self.next == "dot":
            self.table, self.next = f"{self.table}.", "name"
        elif kind == "word" and not self.table and self.words[-1] in _BEFORE_TABLE:
            self.next = "name"
        else:
            self.next = ""


def statement(text: str) -> Statement:
    """Read the text of a statement.

    Raises:
        ValueError: it is not exactly one statement that a call can send; the text says why.
    """
    reader = _Reader()
    for token in _TOKENS.finditer(text):
        kind = "dollars" if token["dollars"] else token.lastgroup or ""
        reader.take(kind, token["name"] if kind == "name" else token[0])
    if not reader.words or reader.words[0] not in _VERBS:
        first = reader.words[0] if reader.words else ""
        raise ValueError(f"must begin with one of {', '.join(_VERBS)}, not with `{first}`")
    verb = _verb(reader.words)
    reads = verb in ("select", "with", "values")
    return Statement(tuple(reader.pieces), tuple(reader.names), verb, reader.table, reads)


class Word(NamedTuple):
    """A word or sign of a statement in small letters, and in how many brackets it is.

    `is_name` is true for a word outside of quotes, and for a name in quotes.
    """

    text: str
    depth: int
    is_name: bool


def words_of(text: str) -> Iterator[Word]:
    """Yield the words and signs of a statement, without comments, parameters and texts."""
    depth = 0
    for token in _TOKENS.finditer(text):
        found = token[0]
        depth -= found == ")"
        if token["word"]:
            yield Word(found.lower(), depth, True)
        elif token["quoted"] and found[0] != "'":
            yield Word(found[1:-1].lower(), depth, True)
        elif token["sign"]:
            yield Word(found, depth, False)
        depth += found == "("


def _verb(words: list[str]) -> str:
    """What a statement does; a `select` or `with` that changes or locks rows is named by that."""
    if words[0] not in ("select", "with", "values"):
        return words[0]
    return next((word for word in words if word in _CHANGES or word == "share"), words[0])
