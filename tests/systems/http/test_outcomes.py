"""The tables from HTTP to outcomes are complete and follow the contract."""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import given

from connector.outcome import Outcome
from connector.system import End
from connector.systems.http.faults import Cut, Packed, TooLarge, Unreadable
from connector.systems.http.outcomes import EXCEPTIONS, of_exception, of_status, retry_after

DAY = 86_400


def exceptions_of_httpx() -> set[type[Exception]]:
    """All exceptions that httpx exports, and those in httpx that derive from them."""
    public = {getattr(httpx, name) for name in httpx.__all__}
    classes = {item for item in public if inspect.isclass(item) and issubclass(item, Exception)}
    return classes | set(derived(classes))


def derived(classes: set[type[Exception]]) -> Iterator[type[Exception]]:
    for kind in classes:
        below = {item for item in kind.__subclasses__() if item.__module__.startswith("httpx")}
        yield from below
        yield from derived(below)


def test_every_exception_of_httpx_has_an_outcome() -> None:
    found = exceptions_of_httpx()
    assert len(found) > 20
    assert found - set(EXCEPTIONS) == set()


@pytest.mark.parametrize("kind", list(EXCEPTIONS))
def test_an_exception_is_a_failure_or_an_outage(kind: type[Exception]) -> None:
    outcome, _ = EXCEPTIONS[kind]
    assert outcome in (Outcome.FAILED, Outcome.UNAVAILABLE)


@pytest.mark.parametrize(
    "kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
)
def test_without_a_connection_the_system_is_unavailable_and_the_request_not_sent(
    kind: type[Exception],
) -> None:
    assert EXCEPTIONS[kind] == (Outcome.UNAVAILABLE, End.NOT_SENT)


@pytest.mark.parametrize(
    "kind",
    [
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.CloseError,
        httpx.RemoteProtocolError,
        Cut,
    ],
)
def test_after_a_lost_connection_the_system_may_have_received_the_request(
    kind: type[Exception],
) -> None:
    end = End.PENDING if issubclass(kind, httpx.TimeoutException) else End.UNKNOWN
    assert EXCEPTIONS[kind] == (Outcome.UNAVAILABLE, end)


@pytest.mark.parametrize("kind", [httpx.DecodingError, Packed, TooLarge, Unreadable])
def test_a_reply_that_cannot_be_used_is_a_failure_that_may_have_been_carried_out(
    kind: type[Exception],
) -> None:
    assert EXCEPTIONS[kind] == (Outcome.FAILED, End.UNKNOWN)


def test_a_derived_exception_has_the_outcome_of_its_nearest_base_class() -> None:
    class OwnConnectError(httpx.ConnectError):
        pass

    assert of_exception(OwnConnectError("")) == EXCEPTIONS[httpx.ConnectError]
    assert of_exception(httpx.ReadTimeout("")) == EXCEPTIONS[httpx.ReadTimeout]


EXPECTED = {
    **dict.fromkeys(range(200, 300), Outcome.APPLIED),
    404: Outcome.UNKNOWN_RESOURCE,
    408: Outcome.UNAVAILABLE,
    429: Outcome.THROTTLED,
    502: Outcome.UNAVAILABLE,
    503: Outcome.UNAVAILABLE,
    504: Outcome.UNAVAILABLE,
}


@pytest.mark.parametrize("hundred", range(100, 600, 100))
def test_every_status_has_the_outcome_that_the_contract_says(hundred: int) -> None:
    statuses = range(hundred, hundred + 100)
    expected = {status: EXPECTED.get(status, Outcome.FAILED) for status in statuses}
    assert {status: of_status(status) for status in statuses} == expected


@pytest.mark.parametrize("status", [0, 99, 600, 999])
def test_a_status_outside_100_to_599_is_a_failure(status: int) -> None:
    assert of_status(status) is Outcome.FAILED


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("5", 5),
        (" 7 ", 7),
        ("0000000000007", 7),
        ("1.5", 1.5),
        ("2.", 2),
        ("86400", DAY),
        ("86401", DAY),
        ("9" * 400, DAY),
        ("3, 120", 120),
    ],
)
def test_retry_after_in_seconds_is_at_most_a_day(value: str, seconds: float) -> None:
    assert retry_after([value]) == seconds


def http_date(distance: timedelta) -> str:
    return format_datetime(datetime.now(UTC) + distance, usegmt=True)


def test_retry_after_as_a_date_is_the_seconds_until_then() -> None:
    assert retry_after([http_date(timedelta(minutes=5))]) == pytest.approx(300, abs=30)


def test_retry_after_as_a_date_without_a_zone_is_in_utc() -> None:
    value = http_date(timedelta(minutes=5)).removesuffix(" GMT")
    assert retry_after([value]) == pytest.approx(300, abs=30)


def test_retry_after_accepts_the_obsolete_forms_of_dates() -> None:
    moment = datetime.now(UTC) + timedelta(minutes=5)
    rfc_850 = moment.strftime("%A, %d-%b-%y %H:%M:%S GMT")
    asctime = moment.strftime("%a %b %d %H:%M:%S %Y")
    assert retry_after([rfc_850]) == pytest.approx(300, abs=30)
    assert retry_after([asctime]) == pytest.approx(300, abs=30)


def test_retry_after_as_a_date_is_from_zero_to_a_day() -> None:
    assert retry_after([http_date(timedelta(days=-1))]) == 0
    assert retry_after([http_date(timedelta(days=365))]) == DAY


@pytest.mark.parametrize("year", ["9999", "10000", "9" * 30])
def test_retry_after_beyond_the_calendar_is_a_day(year: str) -> None:
    assert retry_after([f"Fri, 31 Dec {year} 23:59:59 GMT"]) == DAY


def test_of_several_values_of_retry_after_the_longest_is_used() -> None:
    assert retry_after(["5", "soon", "7.5", "-9", http_date(timedelta(seconds=-5))]) == 7.5
    assert retry_after([]) is None


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "soon", "-1", "-1.5", "1e3", "0x1", "٣", "²", ","),
        "Mon, 99 Foo 2026 00:00:00 GMT",
        "Fri, 31 Dec 2026 23:59:59 +99999999999999999999",
        "Fri, 99999999999999999999 Dec 2026 23:59:59 GMT",
        "Fri, 31 Dec 2026 99999999999999999999:59:59 GMT",
    ],
)
def test_an_invalid_retry_after_is_none(value: str) -> None:
    assert retry_after([value]) is None


DATES = st.from_regex(
    r"[A-Z][a-z]{2}, [0-9]{1,3} (Jan|Feb|Dec) [0-9]{1,30} [0-9]{2}:[0-9]{2}:[0-9]{2} "
    r"([+-][0-9]{4,30}|GMT|EST)?",
    fullmatch=True,
)


NUMBERS = st.from_regex(r"\s{0,12}[0-9]{1,30}(\.[0-9]{0,9})?", fullmatch=True)


@given(st.lists(st.text(max_size=40) | NUMBERS | DATES, max_size=3))
def test_retry_after_with_any_text_is_none_or_at_most_a_day(values: list[str]) -> None:
    seconds = retry_after(values)
    assert seconds is None or 0 <= seconds <= DAY
