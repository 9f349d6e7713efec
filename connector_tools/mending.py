"""Mends mapping files: makes the edits of lints that are no guess, and leaves the rest as it is."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from connector.mapping.document import Lint
from connector.mapping.load import check_text
from connector.mapping.spans import Lines

_MOST_ROUNDS = 20  # a mend can show the next mistake: a file that YAML could not read has others
_UNREADABLE = frozenset(("file", "yaml", "unquoted", "tag", "duplicate-key", "merge-key", "number"))
_BOM = "\ufeff"


class Mended(NamedTuple):
    """The text of a file after it was mended, and the lints whose edits were made."""

    text: str
    fixed: tuple[Lint, ...]


def mend(path: Path) -> tuple[Lint, ...]:
    """Mend a file in place; returns the lints that are gone. `connector check --fix` calls it.

    A file that cannot be read is left alone: its lint says why.
    """
    try:
        before = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    after = mended(before, path)
    if after.text != before:
        path.write_bytes(after.text.encode("utf-8"))
    return after.fixed


def mended(text: str, path: Path) -> Mended:
    """Mend a text; comments, order, line ends and layout stay. Mended again, it does not change."""
    mark, body = (_BOM, text.removeprefix(_BOM)) if text.startswith(_BOM) else ("", text)
    fixed: list[Lint] = []
    for _ in range(_MOST_ROUNDS):
        lints = check_text(body, path)[1]
        body, done = _round(body, lints, path)
        fixed += done
        if not done:
            break
    return Mended(mark + body, tuple(fixed))


def _round(text: str, lints: list[Lint], path: Path) -> tuple[str, list[Lint]]:
    """Make all edits at once, or one if the file could not be read with all of them."""
    sure = _apart(lint for lint in lints if lint.fix and not lint.guess)
    for chosen in (sure, *([lint] for lint in sure)):
        changed = edited(text, chosen)
        if chosen and changed != text and not _is_worse(lints, check_text(changed, path)[1]):
            return changed, list(chosen)
    return text, []


def _apart(lints: Iterable[Lint]) -> list[Lint]:
    """The lints whose edits do not overlap those of the lints before them."""
    found: list[Lint] = []
    for lint in sorted(lints, key=lambda one: one.place):
        if not found or found[-1].fix[-1].end <= lint.fix[0].start:
            found.append(lint)
    return found


def edited(text: str, lints: Iterable[Lint]) -> str:
    """The text with the edits of lints that do not overlap."""
    lines = Lines(text)
    edits = sorted((edit for lint in lints for edit in lint.fix), reverse=True)
    for edit in edits:
        start, end = lines.offset(edit.start), lines.offset(edit.end)
        text = text[:start] + edit.text + text[end:]
    return text


def _is_worse(before: list[Lint], after: list[Lint]) -> bool:
    """Whether YAML can no longer read the file, or no less of it than before."""
    stuck = [lint.place for lint in before if lint.name in _UNREADABLE]
    now = [lint.place for lint in after if lint.name in _UNREADABLE]
    return bool(now) and (not stuck or (len(now) >= len(stuck) and min(now) <= min(stuck)))
