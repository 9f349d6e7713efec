"""What the makers of pages share: reading tables of a page, writing tables, moving links."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from connector_tools.program import ROOT

_LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def read(page: str) -> str:
    """The text of a page of the repository, such as `docs/mapping.md`."""
    return (ROOT / page).read_text(encoding="utf-8")


def sections(text: str, level: str = "###") -> dict[str, str]:
    """The text below each heading of a level, up to the next heading of this or a higher level."""
    found = re.findall(rf"(?ms)^{level} (.+?)\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text)
    return {title.strip("`"): body for title, body in found}


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables in a text, without the rows of headings."""
    for table in re.findall(r"(?m)(?:^\|.*\n?)+", text):
        for line in table.strip().splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table; a `|` in a cell is written so that it ends no cell."""
    lines = [head, ["---"] * len(head), *body]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines
    )


def slug(title: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def moved(text: str, old: str, new: str) -> str:
    """Text of the page `old` for the page `new`: its relative links keep their targets."""
    return _LINK.sub(lambda link: f"{link[1]}{_target(link[2], old, new)}{link[3]}", text)


def _target(link: str, old: str, new: str) -> str:
    if re.match(r"[a-z]+:", link):
        return link
    file, mark, anchor = link.partition("#")
    path = posixpath.normpath(PurePosixPath(old).parent / file) if file else old
    return posixpath.relpath(path, PurePosixPath(new).parent) + mark + anchor
