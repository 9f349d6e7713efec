"""Tables that map exceptions, statuses and headers of HTTP to outcomes."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from connector.outcome import Outcome
from connector.system import End

SUCCESS = range(200, 300)
# Every exception of httpx, with its outcome and the end of the request.
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
    httpx.DecodingError: (Outcome.UNAVAILABLE, End.UNKNOWN),  # also for a truncated body
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


def retry_after(value: str | None) -> float | None:
    """The seconds of a `Retry-After` header (RFC 9110, 10.2.3), at most a day.

    None if the header is missing or is neither a number nor a date.
    """
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
