"""The guide's acceptance cases, word for word, and how a test checks that it got one."""

from typing import Any
from uuid import uuid4

import httpx

from tests.support.function import Function

ACCEPTED = {"message": "Event accepted for processing"}
UNAUTHORIZED = {
    "message": "Invalid access token",
    "error": "Unauthorized",
    "type": "AUTHENTICATION_ERROR",
}
NOT_FOUND = {"message": "Resource not found", "error": "Not found", "type": "VALIDATION_ERROR"}
NOT_ALLOWED = {
    "message": "Method not allowed",
    "error": "Method not allowed",
    "type": "VALIDATION_ERROR",
}
INVALID = {
    "message": "Validation failed",
    "error": "Validation failed",
    "type": "VALIDATION_ERROR",
}
THROTTLED = {
    "message": "Too many requests to API Core",
    "error": "Rate limit exceeded",
    "type": "RATE_LIMIT_ERROR",
}
FAILED = {
    "message": "API Core HTTP error",
    "error": "Internal server error",
    "type": "SERVICE_ERROR",
}
UNAVAILABLE = {
    "message": "Core service is not available",
    "error": "Connection timeout",
    "type": "CONNECTION_ERROR",
}
DUPLICATE = {"message": "Event ignored: already applied"}
SUPERSEDED = {"message": "Event ignored: superseded by a newer event"}


def ids() -> dict[str, str]:
    """The headers by which NSPS names a request."""
    return {"x-b3-traceid": uuid4().hex, "x-request-id": str(uuid4())}


def settled(function: Function, response: httpx.Response) -> dict[str, Any]:
    """The log's one record of what became of a request, found by the request's ids."""
    sent = response.request.headers
    return function.record(
        request_id=sent["x-b3-traceid"],
        unique_id=sent["x-request-id"],
        status=response.status_code,
    )


def details(response: httpx.Response) -> list[dict[str, str]]:
    """The details of a 422, whose body is otherwise the guide's."""
    body: dict[str, Any] = response.json()
    found: list[dict[str, str]] = body.pop("details")
    assert (response.status_code, body) == (422, INVALID)
    assert all(set(detail) == {"field", "rule"} for detail in found)
    return found
