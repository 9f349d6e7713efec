"""What a key or a name at the cursor means, as Markdown."""

import re
from pathlib import Path
from typing import NamedTuple

from connector.mapping.keys import entry_at
from connector.mapping.schema import MappingFile
from connector_tools.language_server.completion import chain_of, key_about
from connector_tools.language_server.cursor import Cursor
from connector_tools.language_server.names import CHAIN, Name, about, functions
from connector_tools.language_server.sample import scope_of, value_of


class Word(NamedTuple):
    """A name in an expression up to the step at the cursor: `account.bill_status`."""

    text: str
    function: str = ""  # `filter` or `test`, if it is the name of one

    @property
    def chain(self) -> tuple[str, ...]:
        """Its steps."""
        return chain_of(self.text)


def hover(cursor: Cursor, mapping: MappingFile | None, event: Path | None) -> str | None:
    """The text for the cursor; None if there is nothing to say.

    `event` is a file with an event; None for that of the file's first test.
    """
    if cursor.is_key:
        entry = entry_at(cursor.data, cursor.loc)
        told = key_about(entry, cursor.text) if entry else ""
        return f"`{cursor.text}`: {told}" if told else None
    word = word_at(cursor)
    if word is None:
        return None
    if word.function:
        known = functions(tests=word.function == "test")
        return next((_text(word.text, one) for one in known if one.name == word.text), None)
    name = about(mapping, cursor.data, cursor.loc, word.chain)
    scope = scope_of(mapping, event) if mapping else None
    value = value_of(word.text, scope) if scope is not None else None
    if name is None and value is None:
        return None
    told = _text(word.text, name or Name(word.text))
    where = event.name if event else "the event of the first test"
    return told if value is None else f"{told}\n\nIn {where}: `{value}`"


def _text(word: str, name: Name) -> str:
    head = f"`{word}`" + (f" ({name.kind})" if name.kind else "")
    return f"{head}: {name.about}" if name.about else head


def word_at(cursor: Cursor) -> Word | None:
    """The name at the cursor; None if the cursor is not at a name in an expression."""
    if cursor.is_key or (cursor.expression is None and not cursor.text.startswith("=")):
        return None
    for found in CHAIN.finditer(cursor.text):
        if found.start() <= cursor.at <= found.end():
            return _word(cursor, found)
    return None


def _word(cursor: Cursor, found: re.Match[str]) -> Word:
    before = cursor.text[: found.start()]
    if re.search(r"(?<!\|)\|\s*$", before):
        return Word(found[0], "filter")
    if re.search(r"\bis\s+(?:not\s+)?$", before):
        return Word(found[0], "test")
    end = re.compile(r"\w*").match(cursor.text, cursor.at)
    return Word(cursor.text[found.start() : end.end() if end else found.end()])
