"""The entries `tests.replies` and `tests.calls` over HTTP, and the transport that replays them."""

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self
from urllib.parse import parse_qsl

import httpx
from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.script import Different, ExpectedCall, Fault, Script, SentRequest
from connector.systems.http.call import BODIES, MEDIA_TYPES, METHODS, HttpCall

_FAULTS: Mapping[Fault, Exception] = {
    "timeout": TimeoutError(),  # as when the guard ends an attempt
    "refused": httpx.ConnectError("connection refused"),
    "reset": httpx.ReadError("connection reset"),
}
_KINDS = {media_type: kind for kind, media_type in MEDIA_TYPES.items()}
_Pairs = dict[str, str | list[str]]


class AnyScriptedHttpReply(Entry):
    """The base for HTTP itself and protocols on top of it."""

    status: int = 200
    headers: dict[str, str] = {}
    text: str | None = None
    fault: Fault | None = Field(None, description="What happens in place of a reply.")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.fault and len(self.model_fields_set) > 1:
            raise ValueError("has a `fault`, so it has no other key")
        return self


class ScriptedHttpReply(AnyScriptedHttpReply):
    """A reply of the external system in a test; by default status 200 with the body `{}`."""

    json_: Any = Field(None, alias="json")


class ExpectedHttpCall(ExpectedCall):
    """A call that a test expects; keys that are left out are not compared."""

    get: str | None = None
    post: str | None = None
    put: str | None = None
    patch: str | None = None
    delete: str | None = None
    query: _Pairs | None = None
    headers: dict[str, str] | None = None
    json_: Any = Field(None, alias="json")
    form: _Pairs | None = None
    text: str | None = None
    xml: str | None = None

    @property
    def names_method(self) -> bool:
        """See `ExpectedCall`."""
        return any(getattr(self, method) is not None for method in METHODS)

    def compares(self, call: Call) -> Mapping[str, bool]:
        """See `ExpectedCall`; any of the keys of a body compares the whole body."""
        assert isinstance(call, HttpCall)  # noqa: S101 - the mapping's check refuses others
        given = {type(self).model_fields[name].alias or name for name in self.model_fields_set}
        named = {name.lower() for name in self.headers or ()}
        parts: dict[str, bool] = {}
        if call.query:
            parts["query"] = self.query is not None
        if call.headers:
            parts["headers"] = {name.lower() for name in call.headers} <= named
        if call.body is not None:
            parts[_KINDS[call.content_type or ""]] = not given.isdisjoint(BODIES)
        return parts


class ScriptedTransport(httpx.MockTransport):
    """A transport that answers requests from a script."""

    reply: type[AnyScriptedHttpReply] = ScriptedHttpReply
    """The entry of a reply; without keys it is the reply to what no reply is given for."""

    def __init__(self, script: Script) -> None:
        super().__init__(self._answer)
        self._script = script

    def _answer(self, request: httpx.Request) -> httpx.Response:
        reply: AnyScriptedHttpReply = self._script.reply_to(self.sent(request))
        if reply.fault:
            raise _FAULTS[reply.fault]
        return self.response(reply)

    def sent(self, request: httpx.Request) -> SentRequest:
        """The request as tests compare it."""
        return _SentHttpRequest(request)

    def content(self, reply: Any) -> tuple[bytes, str]:
        """The body of a scripted reply, and its media type."""
        if reply.text is not None:
            return content(reply.text), "text/plain; charset=utf-8"
        document = reply.json_ if "json_" in reply.model_fields_set else {}
        return json.dumps(document).encode(), "application/json"

    def response(self, reply: AnyScriptedHttpReply) -> httpx.Response:
        """The response that a scripted reply stands for."""
        body, kind = self.content(reply)
        headers = httpx.Headers({"content-type": kind})
        headers.update(reply.headers)
        return httpx.Response(reply.status, headers=headers, content=body)


def content(text: str) -> bytes:
    """The bytes of a body; a mark says that they are UTF-8, whatever charset a header names."""
    return codecs.BOM_UTF8 + text.encode() if text else b""


class _SentHttpRequest(SentRequest):
    wild = r"[^/?&]*"

    def __init__(self, request: httpx.Request) -> None:
        self.name = f"{request.method} {request.url.path}"
        self._request = request

    @property
    def lines(self) -> tuple[str, ...]:
        """See `SentRequest`: the request with its query and without."""
        line = f"{self._request.method} {self._request.url.raw_path.decode()}"
        return (line.partition("?")[0], line)

    def differences(self, expected: ExpectedHttpCall) -> Iterator[str | Different]:
        """See `SentRequest`."""
        sent = self.lines[0]
        for method in METHODS:
            path = getattr(expected, method)
            if path is not None and f"{method.upper()} {path}" != sent:
                yield f"{sent} instead of {method.upper()} {path}"
        for name, want, got in self._compared(expected):
            if want != got:
                yield Different(name, got, want)
        if "json_" in expected.model_fields_set:
            yield from self._json_differences(expected.json_)

    def _compared(self, expected: ExpectedHttpCall) -> Iterator[tuple[str, Any, Any]]:
        """Yield the name, the expected and the sent value of each part that the test names."""
        request, body = self._request, self._request.content.decode(errors="replace")
        parts: list[tuple[str, Any, Any]] = [
            ("query", _pairs(expected.query), _gathered(request.url.params.multi_items())),
            ("form", _pairs(expected.form), _gathered(parse_qsl(body, keep_blank_values=True))),
            ("text", expected.text, body),
            ("xml", expected.xml, body),
        ]
        for name, value in (expected.headers or {}).items():
            parts.append((f"header {name}", value, request.headers.get(name)))
        yield from (part for part in parts if part[1] is not None)

    def _json_differences(self, expected: Any) -> Iterator[str | Different]:
        """Yield the difference of a body that must be this JSON; no body is no JSON."""
        body, wanted = self._request.content.decode(errors="replace"), json.dumps(expected)
        if not body:
            yield f"there is no body, but json must be {wanted}"
            return
        try:
            sent = json.loads(body)
        except ValueError:
            yield f"the body is not JSON, but json must be {wanted}"
            return
        if not _same(sent, expected):
            yield Different("json", sent, expected)


def _pairs(expected: _Pairs | None) -> _Pairs | None:
    """The expected values by name; a list of one value is that value."""
    return None if expected is None else {name: _one(item) for name, item in expected.items()}


def _gathered(pairs: Iterable[tuple[str, str]]) -> _Pairs:
    """The values by name, a list for each name that is repeated."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: _one(values) for name, values in found.items()}


def _one(values: str | list[str]) -> str | list[str]:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _same(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON; to Python `true` and `1` are equal."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)
