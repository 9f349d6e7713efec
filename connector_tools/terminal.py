"""What commands read and print: colours on a terminal, plain whole lines everywhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

import typer
from rich.console import Console
from rich.text import Text

FAILED = 1  # the exit code of a command that found something wrong
CANNOT_RUN = 2  # the exit code of a command that could not do its work
INTERRUPTED = 130  # the exit code after Ctrl-C, as a shell says it
_WIDE = 10_000  # columns, where nobody looks: nothing is wrapped or cut


def terminal(*, stderr: bool = False) -> Console:
    """Standard output, or standard error, as it is now."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDE
    return console


def say(text: str, style: str = "", *, to: Console | None = None) -> None:
    """Print one line."""
    (to or terminal()).print(Text(printable(text), style=style))


def stop(text: str) -> NoReturn:
    """End the command with one line that says what to mend."""
    say(f"connector: {text}", "red", to=terminal(stderr=True))
    raise typer.Exit(CANNOT_RUN)


def printable(text: str) -> str:
    """One line of text that others wrote, which cannot steer the terminal."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)


def counted(number: int, noun: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """A file, or standard input if it is named `-`."""
    if name == "-" and sys.stdin.isatty():
        stop("standard input is a terminal: name a file, or pipe something in")
    try:
        stream = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - below
    except OSError as error:
        stop(f"cannot read {name}: {error.strerror}")
    with stream:
        yield stream
