"""The external system of a mapping's tests: the real client, with scripted replies on the wire."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

import httpx

from connector.mapping.http_call import METHODS
from connector.mapping.schema import ExpectedCall, ScriptedReply
from connector.mapping.schema import System as SystemEntry
from connector.systems.ctrl.client import CtrlSystem
from connector.systems.ctrl.wire import CtrlReply
from connector.systems.http.client import HttpSystem
from connector.systems.system import System

_NO_REPLY = ScriptedReply()


class Sent(Protocol):
    """A request that went out."""

    @property
    def name(self) -> str:
        """What was asked, in short."""

    def differences(self, expected: ExpectedCall) -> Iterator[str]:
        """In what it is not what a test expects."""


def script(
    entry: SystemEntry, settings: Mapping[str, Any], replies: tuple[ScriptedReply, ...]
) -> tuple[list[Sent], System]:
    """The client, and the list that its requests will be noted in."""
    if entry.ctrl:
        wire = _CtrlWire(replies)
        return wire.sent, CtrlSystem(entry, settings, wire.connect)
    web = _Web(replies)
    return web.sent, HttpSystem(entry, settings, transport=httpx.MockTransport(web))


@dataclass(slots=True)
class _Script:
    """Answers requests in order; a retry, the same request again, gets the first one's reply."""

    replies: tuple[ScriptedReply, ...]
    sent: list[Sent] = field(default_factory=list)

    def reply_to(self, sent: Sent) -> ScriptedReply:
        if not self.sent or self.sent[-1] != sent:
            self.sent.append(sent)
        index = len(self.sent) - 1
        return self.replies[index] if index < len(self.replies) else _NO_REPLY


class _Web(_Script):
    def __call__(self, request: httpx.Request) -> httpx.Response:
        reply = self.reply_to(_HttpSent(request.method, request.url, request.content, request))
        if reply.text is not None:
            return httpx.Response(reply.status, headers=reply.headers, text=reply.text)
        document = {} if reply.json_ is None else reply.json_
        return httpx.Response(reply.status, headers=reply.headers, json=document)


class _CtrlWire(_Script):
    async def connect(self, host: str, port: int) -> "_CtrlWire":
        """See `connector.systems.ctrl.wire.connect`."""
        return self

    async def ask(self, variable: str, value: str | None) -> CtrlReply:
        """See `connector.systems.ctrl.wire.Connection`."""
        reply = self.reply_to(_CtrlSent(variable, value))
        return CtrlReply(None if reply.error else reply.value or "OK", reply.error)

    def close(self) -> None:
        """See `connector.systems.ctrl.wire.Connection`."""


@dataclass(frozen=True, slots=True)
class _CtrlSent:
    variable: str
    value: str | None

    @property
    def name(self) -> str:
        return f"{'GET' if self.value is None else 'SET'} {self.variable}"

    def differences(self, expected: ExpectedCall) -> Iterator[str]:
        read = self.value is None
        wanted = expected.ctrl_get if read else expected.ctrl_set
        if wanted != self.variable:
            yield f"{self.name} instead of {expected.ctrl_get or expected.ctrl_set}"
        if expected.value is not None and expected.value != self.value:
            yield f"value is {self.value}, not {expected.value}"


@dataclass(frozen=True, slots=True)
class _HttpSent:
    method: str
    url: httpx.URL
    content: bytes
    request: httpx.Request = field(compare=False)

    @property
    def name(self) -> str:
        return f"{self.method} {self.url.path}"

    def differences(self, expected: ExpectedCall) -> Iterator[str]:
        yield from _differences(expected, self.request)


def _differences(expected: ExpectedCall, request: httpx.Request) -> Iterator[str]:
    for method in METHODS:
        path = getattr(expected, method)
        sent = request.url.raw_path.decode().partition("?")[0]
        if path is not None and (method.upper(), path) != (request.method, sent):
            yield f"{request.method} {sent} instead of {method.upper()} {path}"
    body = request.content.decode(errors="replace")
    pairs: list[tuple[str, Any, Any]] = [
        ("query", expected.query, dict(request.url.params)),
        ("form", expected.form, dict(parse_qsl(body))),
        ("text", expected.text, body),
        ("xml", expected.xml, body),
    ]
    for name, value in (expected.headers or {}).items():
        pairs.append((f"header {name}", value, request.headers.get(name)))
    pairs = [pair for pair in pairs if pair[1] is not None]
    if "json_" in expected.model_fields_set:
        pairs.append(("json", expected.json_, _json(body)))
    for name, want, got in pairs:
        if want != got:
            yield f"{name} is {json.dumps(got)}, not {json.dumps(want)}"


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body or None
