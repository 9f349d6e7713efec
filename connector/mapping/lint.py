"""A problem in a mapping file: its name, its place, the reason, and what to do."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

Loc = tuple[str | int, ...]
"""The path of a key or an item in a file: `("rules", 0, "calls")`."""


class Place(NamedTuple):
    """Line and column, counted from 1; a column is a character."""

    line: int
    column: int


class Mark(NamedTuple):
    """A part of a value: the characters from `start` to before `end` of its text `source`."""

    source: str
    start: int
    end: int


VALUE = Mark("", -1, -1)
"""The whole value, with its quotes."""


class Spot(NamedTuple):
    """What a lint marks: the key or item at `loc`, or with a `mark` its value or a part of it.

    `write` is what to write in place of it; with `guess` only if a person agrees.
    """

    loc: Loc
    mark: Mark | None = None
    write: str | None = None
    guess: bool = True


class Edit(NamedTuple):
    """A change of the file: write `text` in place of what stands from `start` to before `end`."""

    start: Place
    end: Place
    text: str


class Lint(NamedTuple):
    """A problem in a mapping file: its name, its place, the reason, and what to do (`mend`).

    `name` is its stable code, with a heading in docs/lints.md. The problem stands from `place` to
    before `end`. An `error` stops the deployment, a `warning` does not. `fix` are the edits that
    mend it, if they are known; with `guess` they are only likely (a near miss), so a person must
    agree to them.
    """

    name: str
    path: Path
    place: Place
    reason: str
    mend: str
    level: Literal["error", "warning"] = "error"
    end: Place = Place(1, 1)
    fix: tuple[Edit, ...] = ()
    guess: bool = False

    def __str__(self) -> str:
        at = f"{self.path}:{self.place.line}:{self.place.column}"
        return f"{at}: {self.level}: {self.reason}; {self.mend} [{self.name}]"


class BadMapping(Exception):  # noqa: N818 - the command line prints it unchanged
    """A mapping file has errors; `lints` lists them."""

    def __init__(self, lints: Iterable[Lint]) -> None:
        self.lints = tuple(lints)
        super().__init__("\n".join(str(lint) for lint in self.lints))
