"""The tables from the outside world, as HTTP shows it, to outcomes."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from connector.outcome import Outcome

SUCCESS = range(200, 300)
# Every exception of httpx: the outcome, and whether the request may have reached the system.
EXCEPTIONS: dict[type[Exception], tuple[Outcome, bool]] = {
    httpx.ConnectError: (Outcome.UNAVAILABLE, False),
    httpx.ConnectTimeout: (Outcome.UNAVAILABLE, False),
    httpx.PoolTimeout: (Outcome.UNAVAILABLE, False),
    httpx.ProxyError: (Outcome.UNAVAILABLE, False),
    httpx.TimeoutException: (Outcome.UNAVAILABLE, True),
    httpx.ReadTimeout: (Outcome.UNAVAILABLE, True),
    httpx.WriteTimeout: (Outcome.UNAVAILABLE, True),
    httpx.NetworkError: (Outcome.UNAVAILABLE, True),
    httpx.ReadError: (Outcome.UNAVAILABLE, True),
    httpx.WriteError: (Outcome.UNAVAILABLE, True),
    httpx.CloseError: (Outcome.UNAVAILABLE, True),
    httpx.RemoteProtocolError: (Outcome.UNAVAILABLE, True),
    httpx.TransportError: (Outcome.UNAVAILABLE, True),
    httpx.RequestError: (Outcome.UNAVAILABLE, True),
    httpx.DecodingError: (Outcome.UNAVAILABLE, True),  # also a body that was cut short
    httpx.ProtocolError: (Outcome.FAILED, True),
    httpx.TooManyRedirects: (Outcome.FAILED, True),
    httpx.HTTPStatusError: (Outcome.FAILED, True),
    httpx.HTTPError: (Outcome.FAILED, True),
    httpx.LocalProtocolError: (Outcome.FAILED, False),
    httpx.UnsupportedProtocol: (Outcome.FAILED, False),
    httpx.InvalidURL: (Outcome.FAILED, False),
    httpx.CookieConflict: (Outcome.FAILED, True),
    httpx.StreamError: (Outcome.FAILED, True),
    httpx.StreamConsumed: (Outcome.FAILED, True),
    httpx.StreamClosed: (Outcome.FAILED, True),
    httpx.ResponseNotRead: (Outcome.FAILED, True),
    httpx.RequestNotRead: (Outcome.FAILED, False),
}
# Statuses that say more than their class. A 4xx is no final refusal by itself: events may have
# come in the wrong order. A mapping that knows better says so under `replies`.
STATUSES = {
    404: Outcome.UNKNOWN_RESOURCE,
    408: Outcome.UNAVAILABLE,
    429: Outcome.THROTTLED,
    502: Outcome.UNAVAILABLE,
    503: Outcome.UNAVAILABLE,
    504: Outcome.UNAVAILABLE,
}


def of_exception(error: BaseException) -> tuple[Outcome, bool]:
    """The outcome of one of these exceptions, and whether the request may have been received."""
    return EXCEPTIONS[next(kind for kind in type(error).__mro__ if kind in EXCEPTIONS)]


def of_status(status: int) -> Outcome:
    """The outcome of an HTTP status, if the mapping says nothing else."""
    if status in SUCCESS:
        return Outcome.APPLIED
    return STATUSES.get(status, Outcome.FAILED)


def retry_after(value: str | None) -> float | None:
    """Seconds from a `Retry-After` (RFC 9110, 10.2.3), at most a day; None if it says nothing."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 86_400))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), 86_400.0)
