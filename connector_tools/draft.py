"""A call's request as far as it can be told without sending it, credentials hidden."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import BaseModel

from connector.mapping.ctrl_call import CtrlCallEntry
from connector.mapping.expression import (
    Constant,
    EvaluationError,
    Expression,
    Scope,
    Text,
    Tree,
    Value,
    expressions,
)
from connector.mapping.http_call import MEDIA_TYPES, HttpCall, HttpCallEntry
from connector.mapping.schema import Auth, Http

HIDDEN = "***"
FAILED = "cannot be computed"


def as_json(value: Any, indent: int | None = None) -> str:
    """A value of an expression as JSON."""
    return json.dumps(value, ensure_ascii=False, default=_plain, indent=indent)


def _plain(value: object) -> object:
    return value.model_dump() if isinstance(value, BaseModel) else str(value)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a call of the mapping says about its request; `body` is text fit to be read."""

    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it would go out; `line` is its method and URL."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: str


def ready(entry: HttpCallEntry, call: HttpCall) -> Draft:
    """The draft of a call of which everything is known."""
    media = {"Content-Type": call.content_type} if call.content_type else {}
    body = (call.body or b"").decode()
    if entry.json_ is not None:
        body = as_json(json.loads(body), indent=2)
    elif entry.form is not None:
        body = _pairs(parse_qsl(body, keep_blank_values=True))
    path = call.path.replace(quote(HIDDEN, safe=""), HIDDEN)
    return Draft(path, call.query, media | dict(call.headers), body)


def late(entry: HttpCallEntry, scope: Scope, unknown: frozenset[str]) -> Draft:
    """The draft of a call that waits for the replies `unknown`.

    Where it reads one, the mapping's expression stands.
    """

    def text(value: Value) -> str:
        known = _known(value, scope, unknown)
        return known if isinstance(known, str) else as_json(known)

    kind = next((kind for kind, body in entry.bodies.items() if body is not None), None)
    media = {"Content-Type": MEDIA_TYPES[kind]} if kind else {}
    query = {name: _known(value, scope, unknown) for name, value in entry.query.items()}
    return Draft(
        path=text(entry.address),
        query=tuple((name, str(value)) for name, value in query.items() if value is not None),
        headers=media | {name: text(value) for name, value in entry.headers.items()},
        body=_late_body(entry, scope, unknown),
    )


def request(method: str, draft: Draft, http: Http, settings: Mapping[str, Any]) -> Request:
    """The request that a draft becomes at this system; `settings` have their secrets hidden."""
    scope = Scope(settings=settings)
    proof = _proof(http.auth)
    url = str(http.base_url.evaluate(scope)).rstrip("/") + draft.path
    query = urlencode((*draft.query, *proof.query.items()), safe="*")
    own = {name: str(value.evaluate(scope)) for name, value in http.headers.items()}
    return Request(
        line=f"{method.upper()} {url}{'?' if query else ''}{query}",
        headers=_merged(own, draft.headers, proof.headers),
        body=draft.body,
    )


def ctrl_request(entry: CtrlCallEntry, scope: Scope, unknown: frozenset[str]) -> Request:
    """The request of a call over the control interface."""
    variable = _known(entry.address, scope, unknown)
    value = "" if entry.value is None else f" {_known(entry.value, scope, unknown)}"
    return Request(f"{'SET' if value else 'GET'} {variable}{value}", (), "")


def source(value: Value) -> str:
    """A value as it stands in the mapping file; empty for a list or an object."""
    if isinstance(value, Expression | Text):
        return value.source
    return str(value.value) if isinstance(value, Constant) else ""


def _late_body(entry: HttpCallEntry, scope: Scope, unknown: frozenset[str]) -> str:
    if entry.form is not None:
        fields = {name: _known(value, scope, unknown) for name, value in entry.form.items()}
        return _pairs((name, str(value)) for name, value in fields.items() if value is not None)
    body = next((body for body in entry.bodies.values() if body is not None), Constant(""))
    known = _known(body, scope, unknown)
    return as_json(known, indent=2) if entry.json_ is not None else str(known)


def _known(value: Value, scope: Scope, unknown: frozenset[str]) -> Any:
    if isinstance(value, Tree):
        found = [_known(item, scope, unknown) for item in value.items]
        return found if value.keys is None else dict(zip(value.keys, found, strict=True))
    if any(found.names & unknown for found in expressions(value)):
        return source(value)
    try:
        return value.evaluate(scope)
    except EvaluationError as error:
        return f"{FAILED}: {error}"


@dataclass(frozen=True, slots=True)
class _Proof:
    """Where the credentials stand, hidden."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


def _proof(auth: Auth | None) -> _Proof:
    if auth is None:
        return _Proof()
    key = auth.api_key
    if key is None:
        return _Proof({"Authorization": f"{'Basic' if auth.basic else 'Bearer'} {HIDDEN}"})
    return _Proof({key.header: HIDDEN}) if key.header else _Proof(query={str(key.query): HIDDEN})


def _merged(*layers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Headers, of those that differ only in case the last."""
    found = {name.lower(): (name, value) for layer in layers for name, value in layer.items()}
    return tuple(found.values())


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{name}={value}" for name, value in pairs)
