"""Groups events that fail for the same reason, whatever the reason quotes.

The rule has a version (docs/decisions/0049-commands-of-the-night.md): counts of two versions cannot
be compared.
"""

import re

VERSION = 1
"""The version of the rule; it changes whenever a reason can fall into another group."""

# What differs between two events with the same trouble, and what is put in its place. The order
# matters: an id has numbers in it.
_PLACES = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[A-Za-z]{2,}"), "<address>"),
    (
        re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+[0-9](?:Z|[+-][0-9:]+)?)?"),
        "<time>",
    ),
    (re.compile(r"(?<![\w*])[0-9]*\*{3,}[0-9]*(?![\w*])"), "<n>"),  # masked
)
_NUMBER = re.compile(
    r"(\b(?:HTTP|status) [1-5][0-9]{2}\b)|(?<![\w<])[+-]?[0-9]+(?:[.,:][0-9]+)*(?![\w>])", re.I
)
_BLANKS = re.compile(r"\s+")
_LONGEST = 500  # characters of a reason that count


def shape(reason: str) -> str:
    """A reason without ids, numbers and addresses; two reasons of one shape are one group.

    Numbers inside a word (`cs2`, `SIM_4G`) and a status (`HTTP 503`) stay: they tell causes apart.
    """
    reason = reason[:_LONGEST]
    for pattern, place in _PLACES:
        reason = pattern.sub(place, reason)
    reason = _NUMBER.sub(lambda found: found[1] or "<n>", reason)
    return _BLANKS.sub(" ", reason).strip()
