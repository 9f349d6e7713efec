"""Mapping files for tests: the head that all share, and the rest as a test writes it.

`@@` in a file marks the place that a lint must point to; it is taken out before reading.
"""

from pathlib import Path
from textwrap import dedent

from connector.mapping.document import Lint, Place
from connector.mapping.load import check, load
from connector.mapping.schema import MappingFile

HEAD = """\
name: cards
summary: Keeps a directory of cards.
system:
  http: {base_url: "http://system.test"}
"""
RULES = """\
rules:
  - name: a card changed
    on: SIM/Updated
    calls: [{put: /cards, json: {}}]
"""
MARK = "@@"
SUBJECT = "subject: 'imsi:{{ sim.imsi }}', "


def write(folder: Path, text: str) -> Path:
    """A file with this text in the folder."""
    file = folder / "cards.yaml"
    file.write_text(text.replace(MARK, ""), encoding="utf-8")
    return file


def marked(text: str) -> Place:
    """Where the mark stands."""
    before, mark, _ = text.partition(MARK)
    assert mark, "the file has no mark"
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def checked(folder: Path, text: str) -> list[Lint]:
    """What the check finds in a file."""
    return check(write(folder, text))[1]


def mapping(folder: Path, rest: str = RULES) -> MappingFile:
    """The mapping of the head and this rest, which must not have errors."""
    return load(write(folder, HEAD + dedent(rest)))


def with_call(call: str) -> str:
    """The rest of a file whose only rule makes this one call."""
    return f"rules: [{{name: one, on: SIM/Updated, {SUBJECT}calls: [{call}]}}]\n"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def line_of(file: Path, text: str) -> int:
    return file.read_text()[: file.read_text().index(text)].count("\n") + 1
