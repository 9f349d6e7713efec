"""The entries `tests.replies` and `tests.calls` over HTTP, and the transport that replays them."""

import codecs
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
from pydantic import Field

from connector.mapping.entry import Entry
from connector.mapping.protocol import Script, SentRequest
from connector.systems.http.call import METHODS


class ScriptedHttpReply(Entry):
    """A reply of the external system in a test; by default status 200 with the body `{}`."""

    status: int = 200
    headers: dict[str, str] = {}
    json_: Any = Field(None, alias="json")
    text: str | None = None


class ExpectedHttpCall(Entry):
    """A call that a test expects; keys that are left out are not compared."""

    get: str | None = None
    post: str | None = None
    put: str | None = None
    patch: str | None = None
    delete: str | None = None
    query: dict[str, str] | None = None
    headers: dict[str, str] | None = None
    json_: Any = Field(None, alias="json")
    form: dict[str, str] | None = None
    text: str | None = None
    xml: str | None = None


class ScriptedTransport(httpx.MockTransport):
    """A transport that answers requests from a script."""

    def __init__(self, script: Script) -> None:
        super().__init__(self._answer)
        self._script = script

    def _answer(self, request: httpx.Request) -> httpx.Response:
        reply: ScriptedHttpReply = self._script.reply_to(_SentHttpRequest(request))
        return response(reply)


def response(reply: ScriptedHttpReply) -> httpx.Response:
    """The response that a scripted reply stands for."""
    if reply.text is not None:
        body = codecs.BOM_UTF8 + reply.text.encode()  # whatever charset a header names
        headers = httpx.Headers({"content-type": "text/plain; charset=utf-8"})
        headers.update(reply.headers)
        return httpx.Response(reply.status, headers=headers, content=body)
    document = {} if reply.json_ is None else reply.json_
    return httpx.Response(reply.status, headers=reply.headers, json=document)


class _SentHttpRequest(SentRequest):
    def __init__(self, request: httpx.Request) -> None:
        self.name = f"{request.method} {request.url.path}"
        self._request = request

    def differences(self, expected: ExpectedHttpCall) -> Iterator[str]:
        """See `SentRequest`."""
        request = self._request
        for method in METHODS:
            path = getattr(expected, method)
            sent = request.url.raw_path.decode().partition("?")[0]
            if path is not None and (method.upper(), path) != (request.method, sent):
                yield f"{request.method} {sent} instead of {method.upper()} {path}"
        for name, want, got in self._compared(expected):
            if want != got:
                yield f"{name} is {json.dumps(got)}, not {json.dumps(want)}"

    def _compared(self, expected: ExpectedHttpCall) -> Iterator[tuple[str, Any, Any]]:
        """Yield the name, the expected and the sent value of each part that the test names."""
        request, body = self._request, self._request.content.decode(errors="replace")
        parts: list[tuple[str, Any, Any]] = [
            ("query", expected.query, dict(request.url.params)),
            ("form", expected.form, dict(parse_qsl(body))),
            ("text", expected.text, body),
            ("xml", expected.xml, body),
        ]
        for name, value in (expected.headers or {}).items():
            parts.append((f"header {name}", value, request.headers.get(name)))
        yield from (part for part in parts if part[1] is not None)
        if "json_" in expected.model_fields_set:
            yield "json", expected.json_, _json(body)


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body or None
