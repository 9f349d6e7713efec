"""An external system that speaks HTTP.

Every end of a call is a `Reply`. Requests, replies and errors are httpx's, over connections that
live as long as the process; without its client, whose redirects, cookies and hooks nobody wants
here and each call would pay (docs/decisions/0011-no-httpx-client.md).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import httpx
from pydantic_core import from_json

from connector.call import Call
from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.http_call import HttpCall
from connector.mapping.schema import Http, seconds
from connector.mapping.schema import System as SystemEntry
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.systems.guard import Guard
from connector.systems.http import credentials as auth
from connector.systems.http.connection import TooLarge
from connector.systems.http.outcomes import (
    EXCEPTIONS,
    SUCCESS,
    of_exception,
    of_status,
    retry_after,
)
from connector.systems.http.transport import http_transport, whole
from connector.systems.system import Reply

_MOST_BYTES = 1_000_000  # of a reply; an HLR's has some hundred

_ERRORS = tuple(EXCEPTIONS)
_parsed = lru_cache(256)(httpx.URL)  # most mappings have a few URLs; parsing takes 20 us

_CREDENTIALS = "API Core refused the connector's credentials: check the secret that it uses"


class HttpConfig(NamedTuple):
    """The `system.http` of a mapping, computed with the settings of this deployment."""

    base_url: str
    timeout: float
    connect_timeout: float


def configure(http: Http, settings: Mapping[str, Any]) -> HttpConfig:
    """Compute what the mapping says about the system.

    Raises:
        BadSettings: a timeout or a URL that cannot be used.
    """
    scope = Scope(settings=settings)
    try:
        return HttpConfig(
            base_url=_base_url(str(http.base_url.evaluate(scope))),
            timeout=seconds(http.timeout.evaluate(scope)),
            connect_timeout=seconds(http.connect_timeout.evaluate(scope)),
        )
    except (ValueError, httpx.InvalidURL) as error:
        raise BadSettings([f"system.http: {error}"]) from None


def _base_url(text: str) -> str:
    url = httpx.URL(text)
    if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > 65_535:
        raise ValueError("base_url must be a URL such as https://host/path")
    return text.rstrip("/")


class HttpSystem:
    """See `System`; `transport` stands in for the network in a mapping's own tests."""

    def __init__(
        self,
        entry: SystemEntry,
        settings: Mapping[str, Any],
        renewal: auth.Renewal | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if entry.http is None:
            raise ValueError("a system of another protocol")
        http = self._http = entry.http
        self._config = configure(http, settings)
        self._guard = Guard(http, settings)
        self._scope = Scope(settings=settings)
        self._proof = auth.authentication(http.auth, self._scope)
        self._renewal = renewal
        self._replies = entry.replies
        self._wants_json = http.reply == "json"
        self._transport = transport

    async def __aenter__(self) -> Self:
        """Be ready to open connections; it needs a running event loop.

        Raises:
            BadSettings: the environment names a proxy that cannot be used.
        """
        if self._transport is None:
            url = httpx.URL(self._config.base_url)
            try:
                self._transport = http_transport(url, self._config.connect_timeout, _MOST_BYTES)
            except (ValueError, ImportError) as error:
                raise BadSettings([f"the proxy of the environment: {error}"]) from None
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        if self._transport:
            await self._transport.aclose()

    async def send(self, call: Call, deadline: float) -> Reply:
        """See `System`."""
        return await self._guard.send(self._attempt, call, deadline)

    async def _attempt(self, call: Call, left: float) -> tuple[Reply, bool]:
        """One request, see `connector.systems.guard.Attempt`."""
        assert isinstance(call, HttpCall)  # noqa: S101 - `lint` lets no other pass
        try:
            async with asyncio.timeout(min(self._config.timeout, max(left, 0.001))):
                response = await self._exchange(call)
        except TimeoutError:
            # Not repeated: the time is gone, and a system that is slow needs no more requests.
            lost = Reply(Outcome.UNAVAILABLE, cause="no reply in time")
            return replace(lost, unknown=True, unanswered=True), False
        except TooLarge:
            return Reply(Outcome.FAILED, "API Core's reply is too large", unknown=True), False
        except _ERRORS as error:
            outcome, sent = of_exception(error)
            timed_out = isinstance(error, httpx.TimeoutException) and sent
            safe = not sent or (call.idempotent and not timed_out)
            cause = f"{type(error).__name__}: {error}"
            lost = Reply(outcome, cause=cause, unknown=sent, unanswered=timed_out)
            return lost, safe and outcome is Outcome.UNAVAILABLE
        except ValueError:
            # The transport's, of a header that cannot be sent; its text quotes it.
            return Reply(Outcome.FAILED, cause="a header that cannot be sent"), False
        reply = self._judge(call, response)
        again = reply.outcome in (Outcome.UNAVAILABLE, Outcome.THROTTLED)
        return reply, again and call.idempotent

    async def _exchange(self, call: HttpCall) -> httpx.Response:
        """Send; once more with newer credentials if these were refused and there are any."""
        assert self._transport  # noqa: S101 - it is open
        used = self._renewal.generation if self._renewal else 0
        response = await self._transport.handle_async_request(self._request(call))
        if response.status_code == 401 and self._renewal and await self._renewal.renewed(used):
            response = await self._transport.handle_async_request(self._request(call))
        return response

    def _request(self, call: HttpCall) -> httpx.Request:
        proof = self._proof()
        headers = {"user-agent": "nsps-connector", "accept-encoding": "identity"}
        for name, value in self._http.headers.items():
            headers[name.lower()] = str(value.evaluate(self._scope))
        for name, text in call.headers.items():
            headers[name.lower()] = text
        if call.content_type:
            headers.setdefault("content-type", call.content_type)
        headers |= proof.headers
        url, query = self._config.base_url + call.path, call.query + proof.query
        if query:
            url += ("&" if "?" in call.path else "?") + urlencode(query)
        stream = httpx.ByteStream(call.body or b"")
        return httpx.Request(call.method, _parsed(url), headers=headers, stream=stream)

    def _judge(self, call: HttpCall, response: httpx.Response) -> Reply:
        """What the system said: the mapping's `replies` first, else the HTTP status."""
        status, body = response.status_code, whole(response.stream)
        document, is_json = _json(body)
        headers = {name.lower(): value for name, value in response.headers.items()}
        seen = {
            "status": status,
            "headers": headers,
            "json": document,
            "text": body.decode(errors="replace"),
        }
        plain = Reply(
            Outcome.APPLIED,
            cause=f"HTTP {status}",
            status=status,
            seen=seen,
            retry_after=retry_after(headers.get("retry-after")),
            unknown=not 300 <= status < 500,  # a refusal says that nothing was done
        )
        success = status in SUCCESS
        if success and body and self._wants_json and not is_json:
            return replace(plain, outcome=Outcome.FAILED, reason="API Core's reply is not JSON")
        scope = Scope(self._scope, reply=seen)
        try:
            for rule in self._replies:
                if rule.if_.evaluate(scope):
                    said = replace(plain, outcome=rule.outcome, reason=rule.reason(scope))
                    return replace(said, unknown=said.unknown and not success)
        except EvaluationError as error:
            reason = "API Core's reply is not what the mapping expects"
            return replace(plain, outcome=Outcome.FAILED, reason=reason, cause=str(error))
        if success or status in call.accept:
            return plain
        if status in (401, 403):
            return replace(plain, outcome=Outcome.FAILED, reason=_CREDENTIALS)
        return replace(plain, outcome=of_status(status))


def _json(body: bytes) -> tuple[Any, bool]:
    try:
        return from_json(body, allow_inf_nan=False), True
    except ValueError:
        return None, False
