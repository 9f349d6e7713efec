"""Times as people type them: `2h` ago, or a date-time."""

import re
from datetime import datetime, timedelta

from connector_tools.records.record import utc

_AGO = re.compile(r"([0-9]{1,6})\s*([smhdw])", re.I)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SPELLINGS = "30m, 2h, 3d, or a date-time such as 2026-11-29T22:00Z"


def length(text: str) -> float:
    """The seconds of a length such as `30m`, `2h`, `1d`.

    Raises:
        ValueError: the text is none; the message says what it can be.
    """
    found = _AGO.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is not a length of time: write 30m, 2h or 1d")
    return float(int(found[1]) * _SECONDS[found[2].lower()])


def moment(text: str, now: datetime) -> datetime:
    """The time that a person means: so long before `now`, or a date-time, UTC if it has no zone.

    Raises:
        ValueError: the text is neither; the message says what it can be.
    """
    try:
        if found := _AGO.fullmatch(text.strip()):
            return now - timedelta(seconds=int(found[1]) * _SECONDS[found[2].lower()])
        return utc(text.strip())
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time: write {SPELLINGS}") from None
