"""The outcome of an event, and the one answer that NSPS gets for it (contract 3).

Code that ends an event raises a `Refusal` or returns a `Result`; `answer` turns the result into
status, body and headers. NSPS keeps status and body in its Event History, where an operator
reads them: they say what to do, and never hold secrets or personal data. The cause goes to the
log only.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from typing import NamedTuple


class Outcome(StrEnum):
    """How an event ended; the last three are for requests that are refused before parsing.

    `queued` is not final: the event waits in Pub/Sub, and a later log record has its final
    outcome under the same `event_id`.
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
    """A fault in an event: `field` is the path of a field, `rule` the rule that it breaks."""

    field: str
    rule: str

    def __str__(self) -> str:
        """For people: `pb_data.sim_info: is required`; without a field, the rule alone."""
        return f"{self.field}: {self.rule}" if self.field else self.rule


class Result(NamedTuple):
    """An outcome, and what a person needs to act on it.

    `reason` and `details` go into the answer, which people at the operator read, so they hold no
    secrets and no personal data. `retry_after` is in seconds. `cause` is for the log only.
    """

    outcome: Outcome
    reason: str | None = None
    details: tuple[Detail, ...] = ()
    retry_after: float | None = None
    cause: str | None = None

    @property
    def rules(self) -> str:
        """The rules that the event breaks, without fields and values; empty if there are none."""
        return "; ".join(detail.rule for detail in self.details)

    @property
    def accepted(self) -> bool:
        """Whether the answer is 2xx, so that NSPS does not send the event again."""
        return ANSWERS[self.outcome].status < 300

    @property
    def final(self) -> bool:
        """Whether the same event would end in the same way if it were sent again."""
        return self.accepted or self.outcome in (Outcome.INVALID, Outcome.REJECTED)


class Refusal(Exception):  # noqa: N818 - an instruction to the sender, not our error
    """Ends the event at once with its `result`; takes the fields of a `Result`."""

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


# The guide's acceptance cases, word for word (contract 3). In an accepted row `{}` is replaced by
# the reason; in an error row `error` is used if there is no reason.
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
    """An answer to NSPS: HTTP status, JSON body, headers besides those of every answer."""

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
