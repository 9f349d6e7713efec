"""The spellings of date-times (contract 6.2)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.instant import instant

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T12:00:00Z",
        "2026-03-02 12:00:00Z",
        "2026-03-02t12:00:00z",
        "2026-03-02T12:00:00+00:00",
        "2026-03-02T12:00:00+0000",
        "2026-03-02T12:00:00+00",
        "2026-03-02 12:00:00 +00",
        "2026-03-02 12:00:00",
        " 2026-03-02T14:00:00+02 ",
        "2026-03-02T12:00:00.0Z",
        "2026-03-02T12:00:00,000000000000Z",
        "2026-03-02T11:30:00-00:30",
    ],
)
def test_one_instant_has_many_spellings(text: str) -> None:
    assert instant(text) == NOON


def test_a_fraction_may_have_any_length() -> None:
    assert instant("2026-03-02T12:00:00.5Z") == NOON + timedelta(seconds=0.5)
    assert instant("2026-03-02T12:00:00.123456789+0000") == NOON.replace(microsecond=123456)


@pytest.mark.parametrize("text", ["2026-03-01T24:00:00Z", "2026-03-01 24:00:00.000"])
def test_24_00_is_the_end_of_the_day(text: str) -> None:
    assert instant(text) == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "1772446532",
        "1772446532.48",
        "20260302",
        "20260302120000",
        "20260302T120000Z",
        "2026-03-02",
        "12:00:00",
        "2026-W10-1T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-03-02T24:00:01Z",
        "2026-03-02T24:00:00.5Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T12:00:00+99",
        "0000-00-00 00:00:00",
        "1970-01-01T00:00:00Z",
        "9998-12-31T24:00:00Z",
        "9999-12-31T24:00:00Z",
        "\u0662026-03-02T12:00:00Z",
    ],
)
def test_other_texts_are_no_date_time(text: str) -> None:
    assert instant(text) is None


@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 12, 30)), st.sampled_from("T "))
def test_whatever_python_writes_is_read(moment: datetime, between: str) -> None:
    moment = moment.replace(tzinfo=UTC)
    for text in (moment.isoformat(between), moment.isoformat(between).replace("+00:00", "+00")):
        assert instant(text) == moment


@given(st.text() | st.from_regex(r"[0-9 T:.+-]{0,40}", fullmatch=True) | st.integers().map(str))
def test_any_text_is_a_date_time_or_none(text: str) -> None:
    found = instant(text)
    assert found is None or found.timestamp() > 0
    assert found is None or not text.strip().isdecimal()
