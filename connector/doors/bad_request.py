"""The answers that the server gives itself, before or instead of the application.

Each has our JSON error body and leaves one line in the log, without anything that was sent.
"""

from http import HTTPStatus
from logging import WARNING
from typing import NamedTuple

from pydantic_core import to_json

from connector import log
from connector.outcome import Outcome, Result, answer

FAULT = "fault"
"""The key of the `Fault` in a request's state, if its body broke off and the server has answered.
The application then logs the fault; without it, the caller has left."""


class Fault(NamedTuple):
    """Why the server cannot take a request: the answer's HTTP status and our outcome and text."""

    status: int
    outcome: Outcome
    text: str


MALFORMED = Fault(400, Outcome.INVALID, "Invalid HTTP request received.")
HEAD_TOO_LATE = Fault(408, Outcome.INVALID, "The request's head did not arrive in time")
BODY_TOO_LATE = Fault(408, Outcome.INVALID, "The request's body did not arrive in time")
URL_TOO_LONG = Fault(414, Outcome.TOO_LARGE, "The URL is too long")
TOO_MANY_WAITING = Fault(
    429, Outcome.THROTTLED, "Too many requests wait on one connection: read the answers first"
)
HEAD_TOO_LARGE = Fault(431, Outcome.TOO_LARGE, "The request's head or trailer is too large")
FAULTS = (
    MALFORMED,
    HEAD_TOO_LATE,
    BODY_TOO_LATE,
    URL_TOO_LONG,
    TOO_MANY_WAITING,
    HEAD_TOO_LARGE,
)


def record(fault: Fault, connector: str) -> None:
    """Write the log line of a fault whose request did not reach the application."""
    line = {"outcome": fault.outcome.value, "status": fault.status, "cause": fault.text}
    log.write(WARNING, "request refused", connector=connector, **line)


def response(fault: Fault) -> bytes:
    """The bytes of the answer; the connection must be closed after them."""
    body = to_json(answer(Result(fault.outcome, fault.text)).body)
    phrase = HTTPStatus(fault.status).phrase
    head = (
        f"HTTP/1.1 {fault.status} {phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
