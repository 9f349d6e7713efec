"""Prints for all commands: colours on a terminal, plain lines that are never cut elsewhere."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import typer
from rich.console import Console
from rich.text import Text

FAILED = 1  # the exit code of a command that found something wrong
CANNOT_RUN = 2  # the exit code of a command that could not do its work
INTERRUPTED = 130  # the exit code after Ctrl-C, as a shell says it
_WIDE = 10_000  # columns of an output that is not a terminal: no line is wrapped or cut


def terminal(*, stderr: bool = False) -> Console:
    """A console for standard output, or for standard error, as they are now."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDE
    return console


def say(text: str, style: str = "", *, to: Console | None = None) -> None:
    """Print one line in a style of rich's, on standard output unless `to` is another console."""
    (to or terminal()).print(Text(printable(text), style=style))


def print_json(document: Any) -> None:
    """Print a document for programs, in ASCII: any terminal and any encoding can take it."""
    print(json_text(document))


def json_text(document: Any) -> str:
    """A document for programs; also text that cannot be encoded, such as half a pair, is valid."""
    return json.dumps(document, indent=2, default=str)


def accept_any_text() -> None:
    """Write an escape in place of each character that the output's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def stop(text: str) -> NoReturn:
    """Print on standard error why the command cannot do its work, and end it with exit code 2."""
    say(f"connector: {text}", "red", to=terminal(stderr=True))
    raise typer.Exit(CANNOT_RUN)


def printable(text: str) -> str:
    """Text from outside as one line, without control characters that a terminal would obey."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)


def counted(number: int, noun: str, plural: str = "") -> str:
    """The number and its noun: `1 rule`, `2 rules`."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Open a file for reading, or standard input if `name` is `-`; end the command if it fails."""
    if name == "-" and sys.stdin.isatty():
        stop("standard input is a terminal: name a file, or pipe something in")
    try:
        stream = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - below
    except OSError as error:
        stop(f"cannot read {name}: {error.strerror}")
    with stream:
        yield stream
