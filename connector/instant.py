"""Date-times as NSPS and PortaBilling write them (contract 6.2)."""

import re
from datetime import UTC, datetime, timedelta

# Forms that `datetime.fromisoformat` does not read: midnight as 24:00:00, lower case, a space
# before the offset.
_FORM = re.compile(
    r"(?ai)([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)? ?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_SHORTEST = len("2026-03-02T10:15:30")


def instant(text: str) -> datetime | None:
    """The instant that a text names; None if the text is not a date with a time.

    Date and time are separated by `T` or a space. The offset may be `Z`, `+00:00`, `+0000` or
    `+00`; without one the time is in UTC. A fraction may have any length, and `24:00:00` is the
    end of the day. A number is not a date-time, nor is a date alone. Years outside 1971 to 9998
    are refused: PortaBilling has none, and not every clock can compare them.
    """
    moment = written(text)
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def written(text: str) -> datetime | None:
    """The time that a text has, as `instant` reads it, but without a zone if it has no offset."""
    text = text.strip()
    if len(text) < _SHORTEST or text[4] != "-" or text[7] != "-" or text[10] not in "Tt ":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        other = _other_form(text)
        if other is None:
            return None
        moment = other
    return moment if 1970 < moment.year < 9999 else None


def _other_form(text: str) -> datetime | None:
    found = _FORM.fullmatch(text)
    if not found:
        return None
    day, time, fraction, offset = found.groups(default="")
    end_of_day = time == "24:00:00" and not fraction.strip(".,0")
    if end_of_day:
        time, fraction = "00:00:00", ""
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{fraction}{offset.upper()}")
        return moment + timedelta(days=1) if end_of_day else moment
    except (ValueError, OverflowError):
        return None
