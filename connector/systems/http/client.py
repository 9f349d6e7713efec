"""The client of an external system that speaks HTTP.

Requests, replies and errors are objects of httpx. The client class of httpx is not used: its
redirects, cookies and hooks are not needed here and slow down each call
(docs/decisions/0011-no-httpx-client.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple, Self

import httpx

from connector.call import Call
from connector.json_text import read_json
from connector.mapping.expression import Scope
from connector.mapping.system_entry import accepted, seconds
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply, Turn
from connector.systems.causes import CREDENTIALS, reason_of
from connector.systems.connect import CONNECT_SHARE
from connector.systems.guard import Guard, Progress
from connector.systems.http.call import HttpCall
from connector.systems.http.charset import decoded
from connector.systems.http.credentials import credentials
from connector.systems.http.entry import HttpServer, ServerEntry, base_url
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
from connector.systems.judge import judge
from connector.systems.renewal import send_renewed
from connector.systems.trust import Trust, trust_problems

_MOST_BYTES = 1_000_000  # of a reply's body; that of an HLR has some hundred
_ERRORS = tuple(EXCEPTIONS)

UNSENDABLE = Reply(Outcome.FAILED, cause="a header that cannot be sent", end=End.NOT_SENT)

MakeTransport = Callable[[httpx.URL, float, int, Trust], httpx.AsyncBaseTransport]
"""Makes a transport, as `connector.systems.http.transport.http_transport`."""

_parsed = lru_cache(256)(httpx.URL)  # most mappings have a few URLs; parsing takes 20 us


class HttpConfig(NamedTuple):
    """The values of `system.http` in this deployment; times are in seconds."""

    base_url: str
    timeout: float
    connect_timeout: float


def configure(http: HttpServer, settings: Mapping[str, Any]) -> HttpConfig:
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
        entry: ServerEntry,
        settings: Mapping[str, Any],
        renewal: Renewal | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._entry = entry
        self._http = entry.server
        self._replies = entry.replies
        self._settings = settings
        self._scope = Scope(settings=settings)
        self._config = configure(entry.server, settings)
        self._guard = Guard(entry.server, settings, self._config.timeout)
        self._renewal = renewal
        self._transport = transport
        protocols = ("h2",) if entry.server.http2 else ()
        self._trust = Trust(entry.server.tls, settings, protocols=protocols)

    async def __aenter__(self) -> Self:
        """Make the transport; needs a running event loop.

        Raises:
            BadSettings: the environment names a proxy, or certificates, that cannot be used; or the
                client certificate does not belong to its key; or the mapping file wants HTTP/2 and
                its package is not installed.
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
        make = _http2_transport() if self._http.http2 else http_transport
        try:
            return make(url, self._config.connect_timeout, _MOST_BYTES, self._trust)
        except (ValueError, ImportError) as error:
            raise BadSettings([f"the proxy of the environment: {error}"]) from None

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        if self._transport:
            await self._transport.aclose()

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System` and `send_renewed`."""
        return await send_renewed(partial(self._asked, call, turn), self._renewal, turn.deadline)

    async def _asked(self, call: Call, turn: Turn) -> Reply:
        reply = await self._carry_out(call, turn)
        return replace(reply, refused=True) if reply.status == 401 else reply

    async def _carry_out(self, call: Call, turn: Turn) -> Reply:
        """Carry out a call with the credentials that are known now."""
        return await self._guard.send(self._attempt, call, turn)

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        self._guard.leave(turn)

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
        reply, foreign = read(response, self._entry)
        if foreign:
            return replace(reply, outcome=Outcome.FAILED, reason=foreign, end=End.UNKNOWN)
        accepted = response.status_code in call.accept
        return judge(reply, call, self._replies, self._settings, accepted=accepted)


def _http2_transport() -> MakeTransport:
    """What makes transports for HTTP/2.

    Raises:
        BadSettings: the package h2 is not installed.
    """
    try:
        from connector.systems.http.http2.transport import (  # noqa: PLC0415 - rarely needed
            http2_transport,
        )
    except ModuleNotFoundError as error:
        package = (error.name or "h2").partition(".")[0]
        needed = f"system.http.http2: needs the package {package}: install nsps-connector[http2]"
        raise BadSettings([needed]) from None
    return http2_transport


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


def read(response: httpx.Response, entry: ServerEntry) -> tuple[Reply, str | None]:
    """The reply of a response by the protocol's own rule.

    The text is None, or says why the reply cannot be one of this system.
    """
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
    return entry.understood(reply, is_json=is_json)


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
