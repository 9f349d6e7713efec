"""Replies and calls as the entries `replies` and `calls` of a test have them."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from connector.call import Call
from connector.mapping.schema import MappingFile
from connector.mapping.script import SentRequest
from connector.system import End, Reply

Object = dict[str, Any]
_ENDS = {End.PENDING: "timeout", End.UNKNOWN: "reset", End.NOT_SENT: "refused"}
_HEADERS = ("retry-after", "location", "link", "etag")  # of those that a rule can read


def scripted_reply(protocol: str, reply: Reply | None) -> Object:
    """The entry of `replies` for a reply; it has personal data as the reply has."""
    if reply is None or not reply.seen:
        end = _ENDS.get(reply.end, "reset") if reply else "timeout"
        return {"fault": end}
    return _REPLIES[protocol](dict(reply.seen))


def expected_call(mapping: MappingFile, call: Call, request: SentRequest) -> Object:
    """The entry of `calls` for a request, without keys that do not compare as they are written."""
    kind = mapping.protocol.expected_call
    kept: Object = {}
    for name, value in _CALLS[mapping.protocol.name](call, request).items():
        trial = {**kept, name: value}
        try:
            expected = kind.model_validate(trial, context=mapping.protocol)
        except ValueError:
            continue
        if not list(request.differences(expected)):
            kept = trial
    return kept


def _http_reply(seen: Object) -> Object:
    given: Object = {} if seen["status"] == 200 else {"status": seen["status"]}
    headers = {name: seen["headers"][name] for name in _HEADERS if name in seen["headers"]}
    if headers:
        given["headers"] = headers
    if seen["json"] is not None:
        return {**given, "json": seen["json"]}
    return {**given, "text": seen["text"]}


def _soap_reply(seen: Object) -> Object:
    given: Object = {} if seen["status"] == 200 else {"status": seen["status"]}
    return {**given, "text": seen["text"]}


def _line_reply(seen: Object) -> Object:
    return {"text": seen["text"]}


def _ctrl_reply(seen: Object) -> Object:
    return {name: seen[name] for name in ("value", "error") if seen[name] is not None}


def _ldap_reply(seen: Object) -> Object:
    given: Object = {"code": seen["code"]} if seen["code"] else {}
    if seen["message"]:
        given["message"] = seen["message"]
    entries = [_ldap_entry(one) for one in seen["entries"] or ()]
    if len(entries) == 1:
        given["entry"] = entries[0]
    elif entries:
        given["entries"] = entries
    return given


def _ldap_entry(entry: Mapping[str, Any]) -> Object:
    return {
        name: value if isinstance(value, list) else str(value)
        for name, value in entry.items()
        if value is not None
    }


def _sql_reply(seen: Object) -> Object:
    if seen["error"]:
        found = {"error": seen["error"], "constraint": seen["constraint"]}
        return {name: value for name, value in found.items() if value is not None}
    rows, count = seen["rows"], seen["count"]
    given: Object = {"rows": [dict(row) for row in rows]} if rows else {}
    return {**given, "count": count} if count is not None and count != len(rows) else given


def _mail_reply(seen: Object) -> Object:
    return {"code": seen["code"], "text": seen["text"], "at": seen["stage"]}


def _http_call(call: Any, request: SentRequest) -> Object:
    method, _, path = request.lines[0].partition(" ")
    given: Object = {method.lower(): path}
    if call.query:
        given["query"] = _gathered(call.query)
    if call.headers:
        given["headers"] = dict(call.headers)
    if call.body is not None:
        given |= _body(call.content_type or "", call.body.decode())
    return given


def _body(kind: str, body: str) -> Object:
    if "json" in kind:
        return {"json": json.loads(body)}
    if "form" in kind:
        return {"form": _gathered(parse_qsl(body, keep_blank_values=True))}
    return {"xml" if "xml" in kind else "text": body}


def _gathered(pairs: Any) -> Object:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: one[0] if len(one) == 1 else one for name, one in found.items()}


def _soap_call(_: Call, request: SentRequest) -> Object:
    return {"soap": request.lines[1]}


def _line_call(call: Any, _: SentRequest) -> Object:
    return {"line": call.command}


def _ctrl_call(call: Any, _: SentRequest) -> Object:
    if call.value is None:
        return {"ctrl_get": call.variable}
    return {"ctrl_set": call.variable, "value": call.value}


def _ldap_call(call: Any, _: SentRequest) -> Object:
    given: Object = {f"ldap_{call.method.lower()}": call.dn}
    given["filter"] = call.filter
    if call.assertion is not None:
        given["assert"] = call.assertion
    if call.attributes:
        given["attributes"] = _texts(call.attributes)
    for kind, attribute in call.changes:
        given.setdefault(kind, {}).update(_texts([attribute]))
    return given


def _texts(attributes: Any) -> Object:
    found = {name: [value.decode() for value in values] for name, values in attributes}
    return {name: one[0] if len(one) == 1 else one for name, one in found.items()}


def _sql_call(call: Any, request: SentRequest) -> Object:
    return {"sql": request.lines[1], "params": dict(call.values)}


def _mail_call(call: Any, _: SentRequest) -> Object:
    parts = {name: getattr(call, name) for name in ("title", "text", "html", "thread")}
    return {"mail": call.to, **{name: part for name, part in parts.items() if part is not None}}


_REPLIES: dict[str, Callable[[Object], Object]] = {
    "http": _http_reply,
    "soap": _soap_reply,
    "line": _line_reply,
    "ctrl": _ctrl_reply,
    "ldap": _ldap_reply,
    "sql": _sql_reply,
    "smtp": _mail_reply,
}
_CALLS: dict[str, Callable[[Any, SentRequest], Object]] = {
    "http": _http_call,
    "soap": _soap_call,
    "line": _line_call,
    "ctrl": _ctrl_call,
    "ldap": _ldap_call,
    "sql": _sql_call,
    "smtp": _mail_call,
}
