"""An explanation as a JSON document, for `connector explain --json` and the inspector.

`plan_document` makes the whole document; `expressions` lists every expression of a mapping with its
place. Both name an expression by the same `id`, `LINE:COLUMN` of its value.
"""

import json
from collections.abc import Iterable
from typing import Any

from connector.event import PARTS, SECTIONS
from connector.mapping.document import Document, Lint, Loc
from connector.mapping.entry import used
from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.outcome import Result
from connector_tools.explain import (
    ExplainedCall,
    ExplainedRead,
    ExplainedRule,
    ExplainedValue,
    Explanation,
    answer_shown,
)
from connector_tools.explain_resources import ExplainedResource, ExplainedResources
from connector_tools.explain_summary import foretold, reason, summary

Object = dict[str, Any]
_DERIVED = {
    ("account", "msisdn"): "account_info.id",
    ("event", "event_type"): "data.event_type",
    ("event", "i_account"): "account_info.i_account",
    ("event", "snapshot_at"): "updated_at",
    ("event", "parts"): "",
}
"""Names of a mapping that are not fields of the event, and the field that each is made from."""


def plan_document(
    found: Explanation,
    resources: ExplainedResources,
    mapping: MappingFile,
    problems: Iterable[Lint] = (),
) -> Object:
    """The explanation of an event; `problems` are the lints of its mapping file.

    Values are JSON texts in the clear, as in the explanation; secrets are hidden there already.
    """
    made = _Document(mapping.document)
    result = foretold(found, resources)
    return {
        "summary": summary(found, resources),
        "rules": [_rule(rule) for rule in found.rules],
        "conditions": [made.value(item) for item in found.conditions],
        "values": [made.value(item) for item in found.values],
        "calls": [made.call(call) for call in found.calls],
        "resources": [made.resource(one) for one in resources.resources],
        "requests": [_request_of(step, request) for step, request in resources.requests],
        "result": result and _result(result, found),
        "problems": [problem(lint) for lint in problems],
    }


def expressions(mapping: MappingFile) -> list[Object]:
    """Every expression of a mapping: `id`, place, source, and its path in the file as `about`."""
    found: dict[str, Object] = {}
    parts = {"system": mapping.system, **mapping.own}
    for name, part in parts.items():
        for loc, expression in used(part, (name,)):
            made = {
                **_place(mapping.document, loc),
                "source": expression.source,
                "about": _dotted(loc),
            }
            found.setdefault(made["id"], made)
    return list(found.values())


def problem(lint: Lint) -> Object:
    """A lint as a document."""
    return {
        "code": lint.name,
        "line": lint.place.line,
        "column": lint.place.column,
        "length": lint.end.column - lint.place.column if lint.end.line == lint.place.line else 1,
        "message": lint.reason,
        "mend": lint.mend,
        "severity": lint.level,
        "page": f"docs/lints.md#{lint.name}",
    }


class _Document:
    """Makes the parts that have places in the mapping file."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def value(self, item: ExplainedValue) -> Object:
        return {
            **_place(self._document, item.loc),
            "about": item.about,
            "source": item.source,
            "value": item.value,
            "computed": item.computed,
            "reads": [_read(one) for one in item.reads],
            "decides": item.decides,
        }

    def call(self, call: ExplainedCall) -> Object:
        return {
            "line": call.line,
            "request": _request(call.request),
            "sent": call.sent,
            "note": call.note,
            "subject": call.subject,
            "values": [self.value(item) for item in call.computed],
            "replies": list(call.replies),
        }

    def resource(self, one: ExplainedResource) -> Object:
        found = {item.name: json_of(item.found) for item in one.fields if item.found}
        wanted = one.wanted and json_of(one.wanted.value)
        return {
            "name": one.title,
            "subject": one.subject,
            "line": one.line,
            "wanted": {item.name: json_of(item.wanted) for item in one.fields} or wanted,
            "found": found or None,
            "difference": [
                {"field": item.name, "found": json_of(item.found), "wanted": json_of(item.wanted)}
                for item in one.fields
                if item.differs
            ],
            "note": "; ".join(filter(None, [one.note, one.found])),
            "read": self.call(one.read),
            "writes": [
                {"case": case, "call": call and self.call(call)} for case, call in one.writes
            ],
        }


def _rule(rule: ExplainedRule) -> Object:
    condition = rule.condition and {
        "source": rule.condition.source,
        "sides": [{"about": one.about, "value": one.value} for one in rule.condition.sides],
        "through": list(rule.condition.through),
    }
    return {
        "name": rule.name,
        "line": rule.line,
        "chosen": rule.chosen,
        "why": rule.why,
        "condition": condition,
    }


def _read(one: ExplainedRead) -> Object:
    return {"path": event_path(tuple(one.about.split("."))), "about": one.about, "value": one.value}


def event_path(path: tuple[str, ...]) -> str:
    """Where NSPS sends a field that a mapping reads; empty if it is no field of an event.

    Fields of `pb_data` are named from there on: `account_info.bill_status`; others from the root of
    the event: `data.variables.i_event`. A computed field has the path of the field it is made from.
    """
    name, *rest = path
    if path[:2] in _DERIVED:
        return _DERIVED[(path[0], path[1])]
    if name in PARTS or name in SECTIONS:
        return ".".join((SECTIONS[name], *rest))
    if name == "variables":
        return ".".join(("data", *path))
    return ".".join(rest) if name == "event" else ""


def json_of(text: str) -> Any:
    """The value of a JSON text; the text itself if it is a sentence in place of a value."""
    try:
        return json.loads(text)
    except ValueError:
        return text or None


def _request_of(step: str, request: Preview | str) -> Object:
    if isinstance(request, Preview):
        return {"step": step, "request": _request(request), "note": ""}
    return {"step": step, "request": None, "note": request}


def _request(request: Preview) -> Object:
    return {"line": request.line, "headers": dict(request.headers), "body": request.body}


def _result(result: Result, found: Explanation) -> Object:
    status = answer_shown(result, found.event).status
    return {"outcome": result.outcome.value, "reason": reason(result, found), "status": status}


def _place(document: Document, loc: Loc) -> Object:
    """Where a value is written; of one in several lines, the first."""
    span = document.spans.value(_written(document, loc))
    (line, column), length = span.start, span.end.column - span.start.column
    return {"id": f"{line}:{column}", "line": line, "column": column, "length": length}


def _written(document: Document, loc: Loc) -> Loc:
    """The path as the file has it: a list of one may be written without the list."""
    found: Loc = ()
    for step in loc:
        if step != 0 or (*found, step) in document.places:
            found = (*found, step)
    return found


def _dotted(loc: Loc) -> str:
    return ".".join(map(str, loc))
