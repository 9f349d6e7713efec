"""Tables that map exceptions, statuses and headers of HTTP to outcomes."""

import re
from collections.abc import Iterable
from datetime import MAXYEAR, UTC, datetime
from email.utils import parsedate_to_datetime, parsedate_tz

import httpx

from connector.outcome import Outcome
from connector.system import End
from connector.systems.http.faults import (
    CertificateRefused,
    Cut,
    Fault,
    Packed,
    TooLarge,
    Unreadable,
)

SUCCESS = range(200, 300)
_DAY = 86_400.0  # seconds
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
# Every exception of httpx and every fault of a reply, with its outcome and the end of the request.
EXCEPTIONS: dict[type[Exception], tuple[Outcome, End]] = {
    httpx.ConnectError: (Outcome.UNAVAILABLE, End.NOT_SENT),
    httpx.ConnectTimeout: (Outcome.UNAVAILABLE, End.NOT_SENT),
    httpx.PoolTimeout: (Outcome.UNAVAILABLE, End.NOT_SENT),
    httpx.ProxyError: (Outcome.UNAVAILABLE, End.NOT_SENT),
    httpx.TimeoutException: (Outcome.UNAVAILABLE, End.PENDING),
    httpx.ReadTimeout: (Outcome.UNAVAILABLE, End.PENDING),
    httpx.WriteTimeout: (Outcome.UNAVAILABLE, End.PENDING),
    httpx.NetworkError: (Outcome.UNAVAILABLE, End.UNKNOWN),
    httpx.ReadError: (Outcome.UNAVAILABLE, End.UNKNOWN),
    httpx.WriteError: (Outcome.UNAVAILABLE, End.UNKNOWN),
    httpx.CloseError: (Outcome.UNAVAILABLE, End.UNKNOWN),
    httpx.RemoteProtocolError: (Outcome.UNAVAILABLE, End.UNKNOWN),
    httpx.TransportError: (Outcome.UNAVAILABLE, End.UNKNOWN),
    httpx.RequestError: (Outcome.UNAVAILABLE, End.UNKNOWN),
    httpx.DecodingError: (Outcome.FAILED, End.UNKNOWN),
    httpx.ProtocolError: (Outcome.FAILED, End.UNKNOWN),
    httpx.TooManyRedirects: (Outcome.FAILED, End.UNKNOWN),
    httpx.HTTPStatusError: (Outcome.FAILED, End.UNKNOWN),
    httpx.HTTPError: (Outcome.FAILED, End.UNKNOWN),
    httpx.LocalProtocolError: (Outcome.FAILED, End.NOT_SENT),
    httpx.UnsupportedProtocol: (Outcome.FAILED, End.NOT_SENT),
    httpx.InvalidURL: (Outcome.FAILED, End.NOT_SENT),
    httpx.CookieConflict: (Outcome.FAILED, End.UNKNOWN),
    httpx.StreamError: (Outcome.FAILED, End.UNKNOWN),
    httpx.StreamConsumed: (Outcome.FAILED, End.UNKNOWN),
    httpx.StreamClosed: (Outcome.FAILED, End.UNKNOWN),
    httpx.ResponseNotRead: (Outcome.FAILED, End.UNKNOWN),
    httpx.RequestNotRead: (Outcome.FAILED, End.NOT_SENT),
    CertificateRefused: (Outcome.FAILED, End.NOT_SENT),
    Fault: (Outcome.FAILED, End.UNKNOWN),
    Unreadable: (Outcome.FAILED, End.UNKNOWN),
    TooLarge: (Outcome.FAILED, End.UNKNOWN),
    Packed: (Outcome.FAILED, End.UNKNOWN),
    Cut: (Outcome.UNAVAILABLE, End.UNKNOWN),  # a call that is safe to repeat is repeated
}
# Statuses with an outcome of their own. A 4xx is not final, because events may come in the wrong
# order (docs/decisions/0005-http-4xx-is-not-final.md). `replies` in a mapping can override this.
STATUSES = {
    404: Outcome.UNKNOWN_RESOURCE,
    408: Outcome.UNAVAILABLE,
    429: Outcome.THROTTLED,
    502: Outcome.UNAVAILABLE,
    503: Outcome.UNAVAILABLE,
    504: Outcome.UNAVAILABLE,
}


def of_exception(error: BaseException) -> tuple[Outcome, End]:
    """The outcome and the end for an exception, by its nearest base class in `EXCEPTIONS`."""
    return EXCEPTIONS[next(kind for kind in type(error).__mro__ if kind in EXCEPTIONS)]


def of_status(status: int) -> Outcome:
    """The outcome of an HTTP status by the protocol's own rule; the mapping can override it."""
    if status in SUCCESS:
        return Outcome.APPLIED
    return STATUSES.get(status, Outcome.FAILED)


def retry_after(values: Iterable[str]) -> float | None:
    """The seconds of the `Retry-After` headers of a reply (RFC 9110, 10.2.3), at most a day.

    Of several values the longest is used. None if no value is a number of seconds, which may have
    a fraction, or a date. It never fails.
    """
    waits = [wait for value in values for wait in _waits(value.strip())]
    return min(max(waits), _DAY) if waits else None


def _waits(value: str) -> list[float]:
    """The seconds of one header; a proxy may have joined several numbers with commas."""
    numbers = [item for item in value.split(",") if _SECONDS.fullmatch(item.strip())]
    if numbers:
        return [float(number) for number in numbers]
    parts = parsedate_tz(value)
    if not parts:
        return []
    if parts[0] > MAXYEAR:
        return [_DAY]
    try:
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return [max((at - datetime.now(UTC)).total_seconds(), 0.0)]
    except (ValueError, OverflowError):  # no such day, hour or offset
        return []
