"""What became of an event, and the one answer that NSPS gets for it (contract section 3).

Everything that can end an event raises `Refusal` where it is found, or returns a `Result`;
`answer` turns either into status, body and headers. NSPS keeps status and body in its Event
History, where an operator reads them: they say what to do, and never hold secrets or personal
data. The cause, for us, goes to the log.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from typing import NamedTuple


class Outcome(StrEnum):
    """The end of an event; the last three end a request before it is one.

    `queued` is no end: the event waits in Pub/Sub, and its end is told there.
    """

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    QUEUED = "queued"
    SUPERSEDED = "superseded"
    INVALID = "invalid"
    REJECTED = "rejected"
    UNKNOWN_RESOURCE = "unknown_resource"
    THROTTLED = "throttled"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    NOT_ALLOWED = "not_allowed"
    TOO_LARGE = "too_large"


class Detail(NamedTuple):
    """One thing that is wrong with an event: `field` is its path, `rule` what must hold."""

    field: str
    rule: str


class Result(NamedTuple):
    """An outcome with what a person needs to act on it.

    `reason` and `details` are read by people at the operator: no secrets, no personal data.
    `retry_after` is in seconds. `cause` is for the log only.
    """

    outcome: Outcome
    reason: str | None = None
    details: tuple[Detail, ...] = ()
    retry_after: float | None = None
    cause: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether NSPS is told that the event is done (2xx)."""
        return ANSWERS[self.outcome].status < 300

    @property
    def final(self) -> bool:
        """Whether sending the same event again cannot end otherwise (design, "Outcomes")."""
        return self.accepted or self.outcome in (Outcome.INVALID, Outcome.REJECTED)


class Refusal(Exception):  # noqa: N818 - not an error of ours: an instruction to the sender
    """Ends the event at once with the `Result` that it carries."""

    def __init__(
        self,
        outcome: Outcome,
        reason: str | None = None,
        *,
        details: tuple[Detail, ...] = (),
        retry_after: float | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(reason or outcome.value)
        self.result = Result(outcome, reason, details, retry_after, cause)


class _Row(NamedTuple):
    status: int
    message: str
    error: str = ""
    type: str = ""
    headers: Mapping[str, str] = {}


# The guide's acceptance cases, word for word (contract section 3). In an accepted row `{}` takes
# the reason; in an error row `error` is what stands there when no reason is given.
ANSWERS: dict[Outcome, _Row] = {
    Outcome.APPLIED: _Row(202, "Event accepted for processing"),
    Outcome.DUPLICATE: _Row(202, "Event ignored: already applied"),
    Outcome.IGNORED: _Row(202, "Event ignored: {}"),
    Outcome.QUEUED: _Row(202, "Event accepted for processing"),
    Outcome.SUPERSEDED: _Row(202, "Event ignored: superseded by a newer event"),
    Outcome.INVALID: _Row(422, "Validation failed", "Validation failed", "VALIDATION_ERROR"),
    Outcome.REJECTED: _Row(422, "Validation failed", "Rejected by API Core", "VALIDATION_ERROR"),
    Outcome.UNKNOWN_RESOURCE: _Row(404, "Resource not found", "Not found", "VALIDATION_ERROR"),
    Outcome.THROTTLED: _Row(
        429, "Too many requests to API Core", "Rate limit exceeded", "RATE_LIMIT_ERROR"
    ),
    Outcome.FAILED: _Row(500, "API Core HTTP error", "Internal server error", "SERVICE_ERROR"),
    Outcome.UNAVAILABLE: _Row(
        503, "Core service is not available", "Connection timeout", "CONNECTION_ERROR"
    ),
    Outcome.UNAUTHORIZED: _Row(
        401,
        "Invalid access token",
        "Unauthorized",
        "AUTHENTICATION_ERROR",
        {"WWW-Authenticate": "Bearer"},
    ),
    Outcome.NOT_ALLOWED: _Row(
        405, "Method not allowed", "Method not allowed", "VALIDATION_ERROR", {"Allow": "POST"}
    ),
    Outcome.TOO_LARGE: _Row(413, "Event too large", "Event too large", "VALIDATION_ERROR"),
}


class Answer(NamedTuple):
    """What goes back to NSPS: HTTP status, JSON body, extra headers."""

    status: int
    body: dict[str, object]
    headers: dict[str, str]


def answer(result: Result) -> Answer:
    """The answer to a result; called by the doors and by the tools that show answers."""
    if not result.accepted:
        return _refusal(result)
    row = ANSWERS[result.outcome]
    return Answer(row.status, {"message": row.message.format(result.reason)}, {})


def _refusal(result: Result) -> Answer:
    """The contract's error body, with `Retry-After` in whole seconds where it is known."""
    row = ANSWERS[result.outcome]
    headers = dict(row.headers)
    if result.retry_after is not None:
        headers["Retry-After"] = str(max(1, ceil(result.retry_after)))
    body: dict[str, object] = {
        "message": row.message,
        "error": result.reason or row.error,
        "type": row.type,
    }
    if result.details:
        body["details"] = [{"field": d.field, "rule": d.rule} for d in result.details]
    return Answer(row.status, body, headers)
