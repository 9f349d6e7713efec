"""Filters for times: reading, zones, calendar days, formats; compared with zoneinfo."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import to_json

from connector.event import Event, parse
from connector.mapping import times
from connector.mapping.expression import (
    EvaluationError,
    ExpressionError,
    Scope,
    compile_condition,
)
from connector.mapping.text import text_of
from tests.support.events import event as sent

ZONES = sorted(times._names())
ZoneInfo = times._read  # the machine's own zones may be older
INSTANTS = st.datetimes(datetime(1971, 1, 3), datetime(2037, 12, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def computed(source: str, **names: Any) -> Any:
    return compile_condition(source).evaluate(Scope(names))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:15:32Z", "2026-03-02T10:15:32Z"),
        ("2026-03-02 10:15:32", "2026-03-02T10:15:32Z"),
        ("2026-03-02T10:15:32.5+00", "2026-03-02T10:15:32.500000Z"),
        ("2026-03-02T10:15:32+0200", "2026-03-02T10:15:32+02:00"),
        ("2026-03-02T24:00:00", "2026-03-03T00:00:00Z"),
        (" 2026-03-02t10:15:32z ", "2026-03-02T10:15:32Z"),
    ],
)
def test_text_becomes_a_time_in_every_form_of_the_contract(text: str, expected: str) -> None:
    assert text_of(computed("t | time", t=text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02 10:15:32", "2026-03-02T10:15:32+01:00"),
        ("2026-07-02 10:15:32", "2026-07-02T10:15:32+02:00"),
        ("2026-07-02 10:15:32Z", "2026-07-02T10:15:32Z"),
        ("2026-03-02", "2026-03-02T00:00:00+01:00"),
        ("2026-03-29T02:30:00", "2026-03-29T03:30:00+02:00"),  # does not exist
        ("2026-10-25T02:30:00", "2026-10-25T02:30:00+02:00"),  # exists twice: the first
        ("2026-03-28T24:00:00", "2026-03-29T00:00:00+01:00"),
    ],
)
def test_text_without_an_offset_is_a_time_of_the_zone(text: str, expected: str) -> None:
    assert text_of(computed("t | time('Europe/Prague')", t=text)) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30T00:00:00", "2026-02-30", "1772446530", "12:30", "٢٠٢٦-03-02"]
)
def test_text_that_is_not_a_time_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(EvaluationError, match=r"^`t . time.*not a date-time") as caught:
        computed("t | time('Europe/Prague')", t=text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("zone", ["Europe/Praha", "", "../etc/passwd", "right/UTC", "localtime", 5])
def test_an_unknown_zone_is_refused_without_quoting_it(zone: object) -> None:
    for source in ("now | in_zone(z)", "'2026-01-01' | time(z)"):
        with pytest.raises(EvaluationError, match=r"a(n unknown)? time zone") as caught:
            computed(source, z=zone, now=datetime(2026, 1, 1, tzinfo=UTC))
        assert not zone or str(zone) not in str(caught.value).replace("in_zone(z)", "")


def test_a_missing_zone_is_refused_and_does_not_become_utc() -> None:
    with pytest.raises(EvaluationError, match="a time zone is text, not none"):
        computed("'2026-01-01 10:00:00' | time(z)", z=None)


@pytest.mark.parametrize(
    "source",
    [
        "'2026-01-01' | time('Europe/Praha')",
        "n | format_time('%Q')",
        "n | format_time('%')",
        "n | plus(days=1.5)",
        "n | plus(years=1)",
        "n | in_zone(5)",
    ],
)
def test_arguments_that_can_never_work_are_refused_before_any_event(source: str) -> None:
    with pytest.raises(ExpressionError):
        compile_condition(source)


@pytest.mark.parametrize("name", ["in_zone('UTC')", "day_start", "plus(days=1)", "format_time('')"])
def test_text_is_not_taken_for_a_time(name: str) -> None:
    with pytest.raises(EvaluationError, match="takes a time, not text: use `time` first"):
        computed(f"t | {name}", t="2026-03-02T10:15:32Z")


@pytest.mark.parametrize("name", times.FILTERS)
def test_none_stays_none(name: str) -> None:
    argument = {"in_zone": "('UTC')", "format_time": "('%Y')", "seconds_since": "(n)"}.get(name, "")
    assert computed(f"n | {name}{argument}", n=None) is None


PRAGUE = "'2026-03-28T10:00:00' | time('Europe/Prague')"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{PRAGUE} | plus(days=1)", "2026-03-29T10:00:00+02:00"),
        (f"{PRAGUE} | plus(hours=24)", "2026-03-29T11:00:00+02:00"),
        (f"{PRAGUE} | plus(days=-1, hours=1)", "2026-03-27T11:00:00+01:00"),
        (f"{PRAGUE} | plus(minutes=1.5)", "2026-03-28T10:01:30+01:00"),
        (f"{PRAGUE} | plus(days=2) | day_start", "2026-03-30T00:00:00+02:00"),
        (f"{PRAGUE} | in_zone('UTC') | plus(days=1)", "2026-03-29T09:00:00Z"),
        ("'2026-03-28T10:00:00+05:00' | time | plus(days=1)", "2026-03-29T10:00:00+05:00"),
        ("'2026-03-28 02:30:00' | time('Europe/Prague') | plus(1)", "2026-03-29T03:30:00+02:00"),
        ("'2026-10-25 23:30:00' | time | in_zone('Europe/Prague') | day_start",
         "2026-10-26T00:00:00+01:00"),
        ("'2026-04-24' | time('Africa/Cairo')", "2026-04-24T01:00:00+03:00"),  # midnight is skipped
    ],
)  # fmt: skip
def test_days_are_those_of_the_calendar_and_hours_are_exact(source: str, expected: str) -> None:
    assert text_of(computed(source)) == expected


@pytest.mark.parametrize(
    "source",
    [f"{PRAGUE} | plus(days=n)", f"{PRAGUE} | plus(hours=n)", f"{PRAGUE} | plus(days=m)"],
)
def test_a_time_outside_of_the_years_is_refused(source: str) -> None:
    with pytest.raises(EvaluationError, match="outside of the years"):
        computed(source, n=10**400, m=-90_000)


def test_two_times_of_one_zone_are_compared_as_instants() -> None:
    """02:10 after the change is later than 02:30 before it; the clock shows it the other way."""
    first = "'2026-10-25T00:30:00Z' | time | in_zone('Europe/Prague')"
    second = "'2026-10-25T01:10:00Z' | time | in_zone('Europe/Prague')"
    assert computed(f"({first}) < ({second})")
    assert computed(f"{second} | seconds_since({first})") == 2400
    assert computed(f"({second}) == ('2026-10-25T01:10:00Z' | time)")


def test_the_time_of_the_snapshot_is_the_one_that_orders_events() -> None:
    def at(**times: Any) -> Any:
        read: Event = parse(to_json(sent("sim-updated", change=times)))
        return computed("event.snapshot_at", event=read)

    assert text_of(at(updated_at="2026-03-02T10:15:32.480Z")) == "2026-03-02T10:15:32.480000Z"
    only = {"updated_at": None, "created_at": "2026-03-02 10:15:30"}
    assert text_of(at(**only)) == "2026-03-02T10:15:30Z"
    future = at(updated_at="2500-01-01T00:00:00Z")
    assert text_of(future) == "2500-01-01T00:00:00Z", "not the clock of this machine"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%Y-%m-%dT%H:%M:%S.%L%:z", "2026-03-02T10:05:07.048+01:00"),
        ("%d.%m.%y %I:%M %p", "02.03.26 10:05 AM"),
        ("%a, %d %b %Y %H:%M:%S %z", "Mon, 02 Mar 2026 10:05:07 +0100"),
        ("%s %f %j %u 100%%", "1772442307 048123 061 1 100%"),
        ("no code", "no code"),
    ],
)
def test_a_time_is_formatted(form: str, expected: str) -> None:
    source = "'2026-03-02T09:05:07.048123Z' | time | in_zone('Europe/Prague') | format_time(f)"
    assert computed(source, f=form) == expected


PYTHONS = set(times.CODES) - {"L", ":z", "s", "u"}


@pytest.mark.parametrize("zone", ZONES[::30])
@given(INSTANTS)
def test_formats_are_those_of_python_in_every_zone(zone: str, instant: datetime) -> None:
    form = " ".join(f"%{code}" for code in sorted(PYTHONS))
    expected = instant.astimezone(ZoneInfo(zone))
    if expected.utcoffset() is not None and expected.utcoffset() % timedelta(minutes=1):  # type: ignore[operator]  # checked
        return  # an offset with seconds, as Liberia had
    found = computed("t | in_zone(z) | format_time(f)", t=instant, z=zone, f=form)
    assert found == expected.strftime(form.replace("%Y", f"{expected.year:04}"))


@given(INSTANTS, st.sampled_from(ZONES))
def test_a_time_is_the_same_instant_in_every_zone(instant: datetime, zone: str) -> None:
    found = computed("t | in_zone(z)", t=instant, z=zone)
    assert found == instant
    assert computed("t | time", t=text_of(found)) == instant


@given(INSTANTS, st.sampled_from(ZONES))
@example(datetime(2026, 4, 24, 5, tzinfo=UTC), "Africa/Cairo")
@example(datetime(2011, 12, 31, 5, tzinfo=UTC), "Pacific/Apia")
def test_a_day_starts_at_the_first_instant_of_its_date(instant: datetime, zone: str) -> None:
    local = instant.astimezone(ZoneInfo(zone))
    start = computed("t | in_zone(z) | day_start", t=instant, z=zone).astimezone(UTC)
    before = (start - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
    assert start.astimezone(ZoneInfo(zone)).date() == local.date()
    assert before.date() < local.date() or before.utcoffset() != local.utcoffset()


@given(INSTANTS, st.sampled_from(ZONES), st.integers(-1000, 1000))
def test_a_day_later_the_clock_shows_the_same_unless_it_skips_that_time(
    instant: datetime, zone: str, days: int
) -> None:
    wanted = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(days=days)
    if not 1971 < wanted.year < 2037:
        return
    found = computed("t | in_zone(z) | plus(days=d)", t=instant, z=zone, d=days)
    shown = found.replace(tzinfo=None)
    exists = wanted.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
    if days and exists.replace(tzinfo=None) == wanted:
        assert shown == wanted
    assert found.tzinfo.zone.key == zone
