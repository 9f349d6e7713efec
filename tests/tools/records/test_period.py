"""Times as people type them."""

from datetime import UTC, datetime, timedelta

import pytest

from connector_tools.records.period import moment

NOW = datetime(2026, 11, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        (" 2 H ", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
        ("2026-11-29", timedelta(hours=22)),
        ("2026-11-29T21:00Z", timedelta(hours=1)),
        ("2026-11-29 21:30:00", timedelta(minutes=30)),
        ("2026-11-29T22:30:00+01:00", timedelta(minutes=30)),
    ],
)
def test_a_time_is_so_long_ago_or_a_date_time(text: str, ago: timedelta) -> None:
    assert NOW - moment(text, NOW) == ago


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2x", "h", "-2h", "2026-13-01", "999999w", "0001-01-01T00:00+14:00"]
)
def test_other_texts_are_refused_with_the_spellings(text: str) -> None:
    with pytest.raises(ValueError, match="write 30m, 2h, 3d"):
        moment(text, NOW)
