"""The text of a command: the file's own text, and values of events that can only be data.

A value between quotes can have no character that ends the quotes or the command. A value outside of
quotes is one word. docs/decisions/0039-line.md says why nothing is escaped.
"""

import re
from collections.abc import Callable
from functools import partial

from connector.mapping.expression import (
    EvaluationError,
    Scope,
    Text,
    Value,
    compile_value,
    formed,
)
from connector.mapping.text import BadValue, text_of

Form = Callable[[str], str]

_LONGEST = 4000  # characters; a terminal under Linux takes 4,095 in a line
_WORD = re.compile(r"(?:-(?=[0-9]))?[A-Za-z0-9_.+][A-Za-z0-9_.+-]*")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_ENDING = frozenset("\\;`$?")  # some systems give them a meaning also between quotes


def compile_command(raw: object) -> Value:
    """Compile a command of the mapping file.

    Raises:
        ValueError: it is not text of printable ASCII, or a quote in it stays open.
    """
    if not isinstance(raw, str) or raw.startswith("="):
        raise ValueError("must be text: write {{ }} around an expression")
    found = compile_value(raw, printable)
    parts = found.parts if isinstance(found, Text) else (raw,)
    fixed = "".join(part for part in parts if isinstance(part, str))
    if not _PRINTABLE.fullmatch(fixed or " "):
        raise ValueError("must be one line of printable ASCII")
    if open_quote(fixed):
        raise ValueError("has a quote that stays open")
    return found


def command(text: Value, scope: Scope, outside: Form | None = None) -> str:
    """A command with all its expressions computed.

    `outside` checks the values that are outside of quotes; by default each must be one word.

    Raises:
        EvaluationError: an expression fails, or its value could end or change the command.
    """
    if not isinstance(text, Text):
        return str(text.evaluate(scope))
    written, quote = [], ""
    for part in text.parts:
        if isinstance(part, str):
            quote = open_quote(part, quote)
            written.append(part)
        else:
            form = partial(between, quote) if quote else outside or word
            written.append(formed(part, scope, partial(_as_text, form)))
    found = "".join(written)
    if len(found) > _LONGEST:
        raise EvaluationError(f"a command of more than {_LONGEST:,} characters")
    return found


def _as_text(form: Form, value: object) -> str:
    return form(text_of(value))


def open_quote(text: str, quote: str = "") -> str:
    """The quote that is open after a text; `quote` is the one that was open before it."""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
    return quote


def word(text: str) -> str:
    """Check a value outside of quotes.

    Raises:
        BadValue: it is not one word of letters, digits, `_`, `.`, `+` and `-`.
    """
    if not _WORD.fullmatch(text):
        raise BadValue("outside of quotes, a command takes letters, digits, `_.+-` only")
    return text


def between(quote: str, text: str) -> str:
    """Check a value between quotes.

    Raises:
        BadValue: it is empty, or has a character that could end or change the command.
    """
    if not _PRINTABLE.fullmatch(text) or quote in text or not _ENDING.isdisjoint(text):
        raise BadValue(
            f"between quotes, a command takes printable ASCII only, without {quote} \\ ; ` $ ?"
        )
    return text


def printable(text: str) -> str:
    """Check a setting of the operator outside of quotes, such as a password at a prompt.

    Raises:
        BadValue: it is empty, or is not printable ASCII.
    """
    if not _PRINTABLE.fullmatch(text):
        raise BadValue("a command takes printable ASCII only")
    return text
