"""Filters for times: reading text, zones, calendar days, formats. None of them asks the clock.

A time in a zone has a fixed offset that remembers its zone. So two times are always compared as
instants; Python compares two times of one `ZoneInfo` by what the clock on the wall shows, which is
wrong in the hour that the clock shows twice.

A local time that a change of the clock skips or repeats is read as in RFC 5545: with the offset
before the change. So a repeated time is the first of the two, and 02:30 is 03:30 where 02:00 to
03:00 is skipped.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from re import compile as regex
from typing import Any
from zoneinfo import ZoneInfo

from connector.instant import written
from connector.mapping.text import BadValue, kind_of

_DATE = regex("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(1971, 9999)  # as `connector.instant`
_UTC = object()


class _Offset(tzinfo):
    """The offset that a zone has at one time."""

    def __init__(self, zone: ZoneInfo, offset: timedelta | None) -> None:
        self.zone = zone
        self._offset = offset

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return self._offset

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return self.zone.key


def time(value: object, zone: Any = _UTC) -> datetime:
    """Filter `time`: the time that a text has, in a form of contract 6.2; a time stays as it is.

    Text without an offset is UTC, or a time of `zone`. A date alone is the start of that day in
    `zone`.

    Raises:
        BadValue: the value is no such text, or the zone is unknown.
    """
    of = UTC if zone is _UTC else _zone(zone)
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise BadValue(f"`time` takes text, not {kind_of(value)}")
    text = value.strip()
    if _DATE.fullmatch(text):
        if zone is _UTC:
            raise BadValue("a date alone needs a zone: write `time('Europe/Prague')`")
        text = f"{text}T00:00:00"
    moment = written(text)
    if moment is None:
        raise BadValue("text that is not a date-time, such as 2026-03-02T10:15:32Z")
    return moment if moment.tzinfo else _local(moment, of)


def in_zone(value: object, zone: object) -> datetime:
    """Filter `in_zone`: the same instant with the date and the clock of a zone.

    Raises:
        BadValue: the value is not a time, or the zone is unknown.
    """
    of = _zone(zone)
    return _at(_time(value, "in_zone"), of)


def day_start(value: object) -> datetime:
    """Filter `day_start`: the start of the day, in the zone of the time.

    Raises:
        BadValue: the value is not a time.
    """
    moment = _time(value, "day_start")
    return _local(datetime.combine(moment.date(), datetime.min.time()), _zone_of(moment))


def plus(
    value: object, days: object = 0, hours: object = 0, minutes: object = 0, seconds: object = 0
) -> datetime:
    """Filter `plus`: a later or (with negative numbers) an earlier time.

    `days` are calendar days in the zone of the time: the clock shows the same, also over a change
    of the clock. The others are exact.

    Raises:
        BadValue: the value is not a time, an argument is not a number, `days` is not whole, or the
            result is outside of the years 1971 to 9998.
    """
    moment = _time(value, "plus")
    zone = _zone_of(moment)
    try:
        numbers = [_number(number) for number in (days, hours, minutes, seconds)]
        if not numbers[0].is_integer():
            raise BadValue("`plus` takes whole days: write hours for a part of a day")
        if numbers[0]:
            moment = _local(moment.replace(tzinfo=None) + timedelta(days=numbers[0]), zone)
        exact = timedelta(hours=numbers[1], minutes=numbers[2], seconds=numbers[3])
        found = _at(moment.astimezone(UTC) + exact, zone)
    except OverflowError:
        raise BadValue("a time outside of the years 1971 to 9998") from None
    if found.year not in _YEARS:
        raise BadValue("a time outside of the years 1971 to 9998")
    return found


def seconds_since(value: object, start: object) -> float:
    """Filter `seconds_since`: the seconds from `start` to the time, negative if `start` is later.

    Raises:
        BadValue: one of the two is not a time.
    """
    name = "seconds_since"
    return (_time(value, name) - _time(start, name)).total_seconds()


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """The time at which the clock of a zone shows `moment`, which has no zone itself."""
    return _at(moment.replace(tzinfo=zone, fold=0).astimezone(UTC), zone)


def _at(moment: datetime, zone: tzinfo) -> datetime:
    """The same instant in a zone, or at a fixed offset."""
    found = moment.astimezone(zone)
    if isinstance(zone, ZoneInfo):
        return found.replace(tzinfo=_Offset(zone, found.utcoffset()), fold=0)
    return found


def _zone_of(moment: datetime) -> tzinfo:
    found = moment.tzinfo or UTC
    return found.zone if isinstance(found, _Offset) else found


def _zone(name: object) -> ZoneInfo:
    if not isinstance(name, str):
        raise BadValue(f"a time zone is text, not {kind_of(name)}")
    if name not in _names():
        raise BadValue("an unknown time zone; the names are those of IANA, such as Europe/Prague")
    return _read(name)


@cache
def _names() -> frozenset[str]:
    return frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split())


@cache
def _read(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _time(value: object, name: str) -> datetime:
    if not isinstance(value, datetime):
        raise BadValue(f"`{name}` takes a time, not {kind_of(value)}: use `time` first")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue(f"`plus` takes numbers, not {kind_of(value)}")
    return float(value)


# Formats

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_MARK = regex("%(:?.?)")
_LONGEST = 200  # characters of a format
_CODES: dict[str, Any] = {
    "Y": lambda at: f"{at.year:04}",
    "y": lambda at: f"{at.year % 100:02}",
    "m": lambda at: f"{at.month:02}",
    "b": lambda at: _MONTHS[at.month - 1],
    "d": lambda at: f"{at.day:02}",
    "j": lambda at: f"{at.timetuple().tm_yday:03}",
    "a": lambda at: _DAYS[at.weekday()],
    "u": lambda at: str(at.isoweekday()),
    "H": lambda at: f"{at.hour:02}",
    "I": lambda at: f"{(at.hour + 11) % 12 + 1:02}",
    "p": lambda at: "AM" if at.hour < 12 else "PM",
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "L": lambda at: f"{at.microsecond // 1000:03}",
    "f": lambda at: f"{at.microsecond:06}",
    "z": lambda at: _offset(at, ""),
    ":z": lambda at: _offset(at, ":"),
    "s": lambda at: str((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)),
    "%": lambda _: "%",
}
CODES = tuple(_CODES)
"""What can follow a `%` in a format; the reference lists them."""


def format_time(value: object, form: object) -> str:
    """Filter `format_time`: a time as text, in the zone of the time; the names are English.

    Raises:
        BadValue: the value is not a time, or the format has an unknown code.
    """
    moment = _time(value, "format_time")
    if not isinstance(form, str) or len(form) > _LONGEST:
        raise BadValue(f"a format is text of at most {_LONGEST} characters")
    unknown = {found for found in _MARK.findall(form) if found not in _CODES}
    if unknown:
        raise BadValue(f"a format takes these codes: %{', %'.join(CODES)}")
    return _MARK.sub(lambda found: str(_CODES[found[1]](moment)), form)


def _offset(moment: datetime, between: str) -> str:
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02}{between}{minutes % 60:02}"


FILTERS = {
    "time": time,
    "in_zone": in_zone,
    "day_start": day_start,
    "plus": plus,
    "seconds_since": seconds_since,
    "format_time": format_time,
}
"""The filters by the names that a mapping uses."""
