"""The function's OpenAPI document, made from its models and its table of answers.

openapi_event.py makes the schema of an event. The document leaves out `/pubsub`: that path exists
only where Pub/Sub is set up, NSPS does not call it, and Pub/Sub documents its requests.
"""

import json

from connector.outcome import ANSWERS, Outcome, Result, answer
from connector.settings import Settings
from connector_tools.documents.openapi_event import SCHEMAS, Json, schemas
from connector_tools.program import ROOT
from connector_tools.version import version

_MEANINGS = {
    202: "Done: the event was applied, or there was nothing to do, or Pub/Sub has taken it.",
    401: "No token, or a wrong one.",
    404: "The external system does not know the subscriber.",
    413: f"More than {Settings.model_fields['MAX_BODY_BYTES'].default} bytes, or MAX_BODY_BYTES.",
    422: "The data is wrong; `details` name each field and its rule, never its value.",
    429: "Too many requests, here or at the external system.",
    500: "The external system answered an error, or the connector failed.",
    503: "The external system cannot be reached, or another event of the subscriber is under way.",
}


def document() -> Json:
    """The OpenAPI 3.1 document; `connector openapi` prints it, and docs/openapi.json is a copy."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "NSPS connector",
            "version": version(),
            "summary": "Takes the enriched events of PortaOne's NSPS.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {"url": "https://{host}", "variables": {"host": {"default": "connector.example.com"}}}
        ],
        "paths": {"/health": {"get": _health()}, "/process-event": _event_path()},
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _health() -> Json:
    content = {"application/json": {"schema": {"type": "object"}}}
    reply = {"description": "It is up.", "content": content}
    return {"operationId": "health", "summary": "Is it up?", "responses": {"200": reply}}


def _event_path() -> Json:
    """All answers to a POST; any other method is refused with 405."""
    statuses = sorted({row.status for row in ANSWERS.values()} - {405})
    example = json.loads((ROOT / "mappings/events/sim-updated.json").read_text(encoding="utf-8"))
    content = {"schema": {"$ref": f"{SCHEMAS}Envelope"}, "example": example}
    post = {
        "operationId": "processEvent",
        "summary": "Take an event.",
        "description": "Every other path does the same, except `/health` and `/pubsub`. "
        "Every other method is answered 405, before the token is checked.",
        "security": [{"token": []}],
        "parameters": [_id("x-b3-traceid", "request_id"), _id("x-request-id", "unique_id")],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {str(status): _response(status) for status in statuses} | {"400": _no_http()},
    }
    return {"post": post}


def _id(header: str, logged: str) -> Json:
    text = f"Logged as `{logged}`; generated if it is missing or not 1 to 128 visible characters."
    return {"name": header, "in": "header", "description": text, "schema": {"type": "string"}}


def _response(status: int) -> Json:
    """The answer with this status: its headers, and the exact body of each outcome that has it."""
    outcomes = [outcome for outcome, row in ANSWERS.items() if row.status == status]
    names = set().union(*(ANSWERS[outcome].headers for outcome in outcomes))
    headers: Json = {
        name: {"required": True, "schema": {"const": ANSWERS[outcomes[0]].headers[name]}}
        for name in sorted(names)
    }
    if status in (429, 503):
        headers["Retry-After"] = {
            "description": "Seconds, where it is known.",
            "schema": {"type": "integer", "minimum": 1},
        }
    examples = {outcome.value: {"value": _body(outcome)} for outcome in outcomes}
    content = {"schema": _schema(outcomes[0]), "examples": examples}
    return {
        "description": _MEANINGS[status],
        **({"headers": headers} if headers else {}),
        "content": {"application/json": content},
    }


def _body(outcome: Outcome) -> Json:
    reason = "IMSI is empty or not provided" if outcome is Outcome.IGNORED else None
    return answer(Result(outcome, reason)).body


def _schema(outcome: Outcome) -> Json:
    """The shape of an answer (contract 3): `message` alone, or with `error` and `type`."""
    body, text = _body(outcome), {"type": "string"}
    properties: Json = {name: {"const": value} for name, value in body.items()}
    if "error" not in body:
        properties["message"] = text
    else:
        properties["error"] = text | {"description": "The reason; if none is known: "}
        properties["error"]["description"] += f"`{body['error']}`."
    if outcome is Outcome.INVALID:
        detail = {"type": "object", "additionalProperties": False, "required": ["field", "rule"]}
        detail["properties"] = {"field": text, "rule": text}
        properties["details"] = {"type": "array", "minItems": 1, "items": detail}
    return {
        "type": "object",
        "required": list(body),
        "additionalProperties": False,
        "properties": properties,
    }


def _no_http() -> Json:
    """The answer to a request that the server refuses: see connector/doors/bad_request.py."""
    content = {"application/json": {"schema": _schema(Outcome.INVALID)}}
    return {"description": "The server's HTTP parser refused the request.", "content": content}
