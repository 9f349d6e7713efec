"""The client of an external system that speaks HTTP.

Requests, replies and errors are objects of httpx. The client class of httpx is not used: its
redirects, cookies and hooks are not needed here and slow down each call
(docs/decisions/0011-no-httpx-client.md).
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, Self

import httpx

from connector.call import Call
from connector.json_text import read_json
from connector.mapping.expression import Scope
from connector.mapping.system_entry import accepted, seconds
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply, Turn
from connector.systems.causes import reason_of
from connector.systems.connect import CONNECT_SHARE
from connector.systems.guard import Guard, Progress
from connector.systems.http.call import HttpCall
from connector.systems.http.charset import decoded
from connector.systems.http.credentials import CREDENTIALS, credentials
from connector.systems.http.entry import Http, HttpSystemEntry, base_url
from connector.systems.http.faults import CertificateRefused, Cut, Fault
from connector.systems.http.outcomes import (
    EXCEPTIONS,
    SUCCESS,
    of_exception,
    of_status,
    retry_after,
)
from connector.systems.http.request import Request, request
from connector.systems.http.transport import http_transport, whole
from connector.systems.http.trust import Trust, trust_problems
from connector.systems.judge import judge

_MOST_BYTES = 1_000_000  # of a reply's body; that of an HLR has some hundred
_ERRORS = tuple(EXCEPTIONS)

UNSENDABLE = Reply(Outcome.FAILED, cause="a header that cannot be sent", end=End.NOT_SENT)

_parsed = lru_cache(256)(httpx.URL)  # most mappings have a few URLs; parsing takes 20 us


class HttpConfig(NamedTuple):
    """The values of `system.http` in this deployment; times are in seconds."""

    base_url: str
    timeout: float
    connect_timeout: float


def configure(http: Http, settings: Mapping[str, Any]) -> HttpConfig:
    """Compute `system.http` for this deployment; `settings` are the values by name.

    Raises:
        BadSettings: a timeout or the URL cannot be used.
    """
    scope = Scope(settings=settings)
    url = accepted("system.http.base_url", base_url, http.base_url, scope)
    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:  # e.g. a name that is no name of a host
        raise BadSettings([f"system.http.base_url: {error}"]) from None
    timeout = accepted("system.http.timeout", seconds, http.timeout, scope)
    connect = accepted("system.http.connect_timeout", seconds, http.connect_timeout, scope)
    return HttpConfig(
        base_url=url, timeout=timeout, connect_timeout=min(connect, CONNECT_SHARE * timeout)
    )


class HttpSystem:
    """A `System` over HTTP; tests of mapping files pass a `transport` without a network."""

    def __init__(
        self,
        entry: HttpSystemEntry,
        settings: Mapping[str, Any],
        renewal: Renewal | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._entry = entry
        self._http = entry.http
        self._replies = entry.replies
        self._settings = settings
        self._scope = Scope(settings=settings)
        self._config = configure(entry.http, settings)
        self._guard = Guard(entry.http, settings, self._config.timeout)
        self._renewal = renewal
        self._transport = transport
        self._trust = Trust(entry.http.tls, settings)

    async def __aenter__(self) -> Self:
        """Make the transport; needs a running event loop.

        Raises:
            BadSettings: the environment names a proxy, or certificates, that cannot be used; or the
                client certificate does not belong to its key.
        """
        if self._transport is None:
            url = httpx.URL(self._config.base_url)
            if self._http.tls and url.scheme != "https":
                raise BadSettings(["system.http.tls: needs a base_url with https"])
            self._transport = self._opened(url)
        return self

    def _opened(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        """The transport for a host; raises as `__aenter__`."""
        if url.scheme == "https":
            if not self._trust.own_authorities and (problems := list(trust_problems())):
                raise BadSettings(problems)
            if self._http.tls:
                self._trust.context()
        try:
            return http_transport(url, self._config.connect_timeout, _MOST_BYTES, self._trust)
        except (ValueError, ImportError) as error:
            raise BadSettings([f"the proxy of the environment: {error}"]) from None

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        if self._transport:
            await self._transport.aclose()

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System`. If the system refuses the credentials, and newer exist, send once more.

        It does not if an earlier attempt may have been carried out: then the event comes again.
        """
        used = self._renewal.generation if self._renewal else 0
        reply = await self._carry_out(call, turn)
        refused = reply.refused or reply.status == 401
        if refused and await self._renewed(used, turn.deadline) and not reply.unknown:
            reply = await self._carry_out(call, turn)
        return reply

    async def _carry_out(self, call: Call, turn: Turn) -> Reply:
        """Carry out a call with the credentials that are known now."""
        return await self._guard.send(self._attempt, call, turn)

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        self._guard.leave(turn)

    async def _renewed(self, used: int, deadline: float) -> bool:
        """Whether there are newer secrets; the wait for them is no time of the system's."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                return self._renewal is not None and await self._renewal.renewed(used)
        return False

    async def _attempt(self, call: Call, progress: Progress) -> Reply:
        """Send one request, as `connector.systems.guard.Attempt`."""
        assert isinstance(call, HttpCall)  # noqa: S101 - the mapping's check refuses others
        try:
            proof = credentials(self._http.auth, self._scope)
            made = request(call, self._config.base_url, self._http, proof, self._scope)
        except ValueError:  # of a secret that was rotated
            return UNSENDABLE
        assert self._transport  # noqa: S101 - `__aenter__` made it
        found = await exchange(self._transport, made, progress)
        return found if isinstance(found, Reply) else self._judged(call, found)

    def _judged(self, call: HttpCall, response: httpx.Response) -> Reply:
        """The reply of a response, with its final outcome."""
        reply, is_json = read(response)
        status = response.status_code
        if status in SUCCESS and not is_json and self._http.reply == "json":
            reason = "API Core's reply is not JSON"
            return replace(reply, outcome=Outcome.FAILED, reason=reason, end=End.UNKNOWN)
        return judge(reply, call, self._replies, self._settings, accepted=status in call.accept)


async def exchange(
    transport: httpx.AsyncBaseTransport,
    made: Request,
    progress: Progress,
    cookies: httpx.Cookies | None = None,
) -> httpx.Response | Reply:
    """Send a request; returns the response, or the reply that stands for one that did not come.

    `cookies` are sent with it, and those of the response are added.
    """
    try:
        url, stream = _parsed(made.url), httpx.ByteStream(made.body)
        extensions = {"progress": progress}
        sent = httpx.Request(
            made.method, url, headers=made.headers, stream=stream, extensions=extensions
        )
        if cookies is None:
            return await transport.handle_async_request(sent)
        cookies.set_cookie_header(sent)
        response = await transport.handle_async_request(sent)
        response.request = sent
        cookies.extract_cookies(response)
    except Fault as fault:
        return _unusable(fault)
    except _ERRORS as error:
        outcome, end = of_exception(error)
        cause = f"{type(error).__name__}: {error}"
        refused = isinstance(error, CertificateRefused)
        return Reply(outcome, reason_of(str(error)), cause, end=end, refused=refused)
    except ValueError:  # raised by the transport; the text is not used, it quotes the header
        return UNSENDABLE
    return response


def read(response: httpx.Response) -> tuple[Reply, bool]:
    """The reply of a response by the protocol's own rule, and whether its body is JSON."""
    status, headers = response.status_code, dict(response.headers.items())
    text = decoded(whole(response.stream), headers.get("content-type", ""))
    document, is_json = _json(text)
    reply = Reply(
        Outcome.APPLIED if status in SUCCESS else of_status(status),
        reason=CREDENTIALS if status in (401, 403) else None,
        cause=f"HTTP {status}",
        status=status,
        seen={"status": status, "headers": headers, "json": document, "text": text},
        retry_after=_retry_after(response) if "retry-after" in headers else None,
        end=End.ANSWERED if status < 500 else End.UNKNOWN,
    )
    return reply, is_json


def _retry_after(response: httpx.Response) -> float | None:
    return retry_after(response.headers.get_list("retry-after"))


def _unusable(fault: Fault) -> Reply:
    """The reply that stands for one that came but cannot be used."""
    outcome, end = of_exception(fault)
    cause = f"{type(fault).__name__}: {fault}"
    broken = isinstance(fault, Cut)
    return Reply(outcome, str(fault), cause, status=fault.status, end=end, broken=broken)


def _json(text: str) -> tuple[Any, bool]:
    """The value of a JSON body and True; None and False if the body is not JSON.

    A body of blanks counts as JSON without a value, as an empty body does.
    """
    if not text or text.isspace():
        return None, True
    try:
        return read_json(text), True
    except ValueError:
        return None, False
