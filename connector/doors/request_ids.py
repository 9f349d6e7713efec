"""The ids of a request, which each of its log lines has."""

import re
from collections.abc import Mapping
from uuid import uuid4

_ID = re.compile(r"[\x21-\x7e]{1,128}")
_TRACE = re.compile(r"(?m)^[0-9a-f]{32}")


def request_ids(headers: Mapping[str, str], traces: str) -> dict[str, str]:
    """The ids from a request's headers (contract 2), or new ones.

    `traces` is what Cloud Trace puts before the id of a trace.
    """
    request_id, unique_id = headers.get("x-b3-traceid", ""), headers.get("x-request-id", "")
    w3c, google = headers.get("traceparent", ""), headers.get("x-cloud-trace-context", "")
    ids = {"request_id": valid_id(request_id), "unique_id": valid_id(unique_id)}
    if found := _TRACE.search("\n".join((w3c.partition("-")[2], google, request_id))):
        ids["logging.googleapis.com/trace"] = traces + found[0]
    return ids


def valid_id(given: str) -> str:
    """The given id, or a new one if a log line cannot hold it."""
    return given if _ID.fullmatch(given) else str(uuid4())
