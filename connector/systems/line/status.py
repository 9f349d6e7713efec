"""The status in the lines of a reply."""

from collections.abc import Sequence

from connector.mapping.groups import groups_of
from connector.mapping.pattern import compiled

_LONGEST_LINE = 500  # characters; `groups_of` takes the square of a line's length


def status_of(lines: Sequence[str], pattern: str) -> str | None:
    """The status in the first line that has one; None if no line has. `pattern` has a group."""
    matches = compiled(pattern).matches
    for line in lines:
        if len(line) <= _LONGEST_LINE and matches(line):
            found = groups_of(pattern, line)
            return found[0] if found else None
    return None
