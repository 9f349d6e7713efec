"""Clients of HTTP systems whose credentials are known only when a request is made.

`connector.systems.http.protocol` imports this module only if the mapping file names such a kind of
`auth`. docs/decisions/0032-session-values.md says where the values are put, and why.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Self

import httpx

from connector.call import Call
from connector.mapping.expression import EvaluationError, Scope, formed
from connector.mapping.text import text_of
from connector.masking import redact
from connector.outcome import Outcome, Refusal
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply, Turn
from connector.systems.causes import CREDENTIALS
from connector.systems.guard import Progress
from connector.systems.http.call import HttpCall
from connector.systems.http.client import UNSENDABLE, HttpSystem, exchange, read
from connector.systems.http.credentials import HttpCredentials, bearer
from connector.systems.http.entry import ServerEntry
from connector.systems.http.request import Request, request
from connector.systems.http.session.entry import (
    Assertion,
    LoginKind,
    LoginOf,
    OAuth2,
    TokenKind,
    Wsse,
    endpoint,
)
from connector.systems.http.session.keeper import Keeper, Session
from connector.systems.http.session.logins import (
    AssertionLogIn,
    LogIn,
    NoLogin,
    OAuth2LogIn,
    RequestsLogIn,
    below,
)
from connector.systems.http.session.signer import signer
from connector.systems.http.session.wsse import username_token

_ROUNDS = 4  # times that one call is sent with another session
_LOGOUT = 5.0  # seconds at most for the logout at the stop


def session_system(
    entry: ServerEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
) -> HttpSystem:
    """The client for a system whose `auth` is a `SessionKind`.

    Raises:
        BadSettings: a value of the entry, computed with these settings, cannot be used.
    """
    if isinstance(entry.session, Wsse):
        return WsseSystem(entry, settings, renewal)
    return SessionSystem(entry, settings, renewal)


class LateSystem(HttpSystem):
    """The base: calls are computed with the values of `session` when they are sent."""

    async def _sent(
        self, call: Call, session: Session, proof: HttpCredentials, progress: Progress
    ) -> httpx.Response | Reply:
        """Send one request of a call; as `connector.systems.http.client.exchange`."""
        assert isinstance(call, HttpCall)  # noqa: S101 - the mapping's check refuses others
        assert self._transport  # noqa: S101 - `__aenter__` made it
        try:
            made = self._made(call, session, proof)
        except (ValueError, Refusal) as error:
            told = str(error) if isinstance(error, EvaluationError) else type(error).__name__
            reason = "The call cannot be made from what API Core's login gave"
            return Reply(Outcome.FAILED, reason, told, end=End.NOT_SENT)
        return await exchange(self._transport, made, progress, session.cookies)

    def _made(self, call: HttpCall, session: Session, proof: HttpCredentials) -> Request:
        late = call.late(session.values) if call.late else call
        scope = Scope(self._scope, session=session.values)
        if session.base_url is None:
            return request(late, self._config.base_url, self._http, proof, scope)
        return request(below(late), session.base_url, self._http, proof, scope)


class WsseSystem(LateSystem):
    """User name and password digest in each message."""

    async def _attempt(self, call: Call, progress: Progress) -> Reply:
        """See `HttpSystem`."""
        kind = self._entry.session
        assert isinstance(call, HttpCall)  # noqa: S101 - the mapping's check refuses others
        assert isinstance(kind, Wsse)  # noqa: S101 - `session_system` looked at it
        try:
            username, password = _user(kind, self._scope)
        except ValueError:  # of a secret that was rotated
            return UNSENDABLE
        session = Session(values=self._token(username, password, plain=kind.plain))
        found = await self._sent(call, session, HttpCredentials(), progress)
        return found if isinstance(found, Reply) else self._judged(call, found)

    def _token(self, username: str, password: str, *, plain: bool) -> dict[str, Any]:
        """The values of `session` for one request; tests of mapping files make them up."""
        return dict(username_token(username, password, plain=plain))


class _Use:
    """The use of a session by one call; `refused` is true if the system says that it has ended."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.refused = False


class SessionSystem(LateSystem):
    """A session that a login begins, for all events.

    `login_transport` takes the place of the network for logins, in tests of mapping files.
    """

    def __init__(
        self,
        entry: ServerEntry,
        settings: Mapping[str, Any],
        renewal: Renewal | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        login_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(entry, settings, renewal, transport)
        assert isinstance(entry.session, LoginKind)  # noqa: S101 - `session_system` looked at it
        self._kind = entry.session
        self._login_transport = login_transport
        self._log_in = self._login_of(self._kind)
        self._keeper = Keeper(self._log_in, renewal)

    async def __aenter__(self) -> Self:
        """See `HttpSystem`."""
        await super().__aenter__()
        if self._login_transport is None and isinstance(self._kind, TokenKind):
            self._login_transport = self._opened(httpx.URL(_url(self._kind, self._scope)))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Log out, if the mapping says how, and close the connections."""
        session = await self._keeper.close()
        if session and isinstance(self._log_in, RequestsLogIn):
            with suppress(NoLogin, ValueError, TimeoutError):
                async with asyncio.timeout(_LOGOUT):
                    await self._log_in.log_out(session)
        if self._login_transport:
            await self._login_transport.aclose()
        await super().__aexit__(*exc)

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `HttpSystem`; the texts of the reply have no secret of the session."""
        reply = await super().send(call, turn)
        turn.secrets = self._keeper.secrets
        return self._hidden(reply)

    async def _carry_out(self, call: Call, turn: Turn) -> Reply:
        """Carry out a call. If the system says that the session has ended, send it once more.

        A session that another call used with success may end again before this call is sent; then
        it is sent again. It is not if an earlier attempt may have been carried out.
        """
        for _ in range(_ROUNDS):
            session = await self._keeper.session(turn.deadline if turn.begun else turn.patience)
            if isinstance(session, Reply):
                return session
            use = _Use(session)
            turn.secrets = self._keeper.secrets
            reply = await self._guard.send(partial(self._attempt_with, use), call, turn)
            if not use.refused or not self._keeper.refused(session) or reply.unknown:
                break
        return reply

    def _hidden(self, reply: Reply) -> Reply:
        """The reply without the secrets of the session, which the system may have quoted."""
        if reply.outcome is Outcome.APPLIED:
            return reply
        reason, cause = (
            text and redact(text, (), self._keeper.secrets) for text in (reply.reason, reply.cause)
        )
        return replace(reply, reason=reason, cause=cause)

    async def _attempt_with(self, use: _Use, call: Call, progress: Progress) -> Reply:
        """Send one request, as `connector.systems.guard.Attempt`."""
        assert isinstance(call, HttpCall)  # noqa: S101 - the mapping's check refuses others
        token = isinstance(self._kind, TokenKind)
        proof = bearer(use.session.values["token"]) if token else HttpCredentials()
        found = await self._sent(call, use.session, proof, progress)
        if isinstance(found, Reply):
            use.refused = _unsendable(found) and not use.session.worked
            return found
        if "set-cookie" in found.headers:
            self._keeper.learn(use.session)
        use.refused = self._expired(found)
        if use.refused:
            status = found.status_code
            cause = f"HTTP {status}: the session has ended"
            return Reply(Outcome.FAILED, CREDENTIALS, cause, status=status)
        if found.status_code < 500:
            self._keeper.accepted(use.session)
        return self._judged(call, found)

    def _expired(self, response: httpx.Response) -> bool:
        """Whether a reply says that the session has ended."""
        if response.status_code == 401:
            return True
        if self._kind.expired_when is None:
            return False
        scope = Scope(self._scope, reply=read(response, self._entry)[0].seen)
        try:
            return bool(self._kind.expired_when.evaluate(scope))
        except EvaluationError:  # the reply has not the fields; the mapping's `replies` judge it
            return False

    def _login_of(self, kind: LoginKind) -> LogIn:
        match kind:
            case OAuth2():
                return OAuth2LogIn(kind, self._settings, self._ask)
            case Assertion():
                return AssertionLogIn(kind, self._settings, self._ask)
            case LoginOf():
                url = self._config.base_url
                return RequestsLogIn(kind, self._settings, self._ask, self._http, url)
        raise TypeError(kind)

    async def _ask(self, made: Request, cookies: httpx.Cookies, accept: frozenset[int]) -> Reply:
        """Send a request of a login, as `connector.systems.http.session.logins.Ask`."""
        transport = self._login_transport or self._transport
        assert transport  # noqa: S101 - `__aenter__` made it
        try:
            async with asyncio.timeout(self._config.timeout):
                found = await exchange(transport, made, Progress(), cookies)
                if isinstance(found, Reply):  # no reply came: the connection may have been old
                    found = await exchange(transport, made, Progress(), cookies)
        except TimeoutError:
            cause = f"no reply within {self._config.timeout:g} s"
            return Reply(Outcome.UNAVAILABLE, "API Core did not answer the login", cause)
        if isinstance(found, Reply):
            return found
        reply, _ = read(found, self._entry)
        seen = {**reply.seen, "cookies": {cookie.name: cookie.value for cookie in cookies.jar}}
        applied = found.status_code in accept
        return replace(reply, outcome=Outcome.APPLIED if applied else reply.outcome, seen=seen)


def _unsendable(reply: Reply) -> bool:
    """Whether no request could be made; in a new session this is a fault of what the login gave."""
    return reply.end is End.NOT_SENT and reply.outcome is Outcome.FAILED and not reply.refused


def check(entry: ServerEntry, settings: Mapping[str, Any]) -> None:
    """Check the values of a session kind; a start and a rotated secret need it.

    Raises:
        BadSettings: names each value that cannot be used, and never repeats it.
    """
    scope = Scope(settings=settings)
    problems = []
    for name, compute in _checked(entry.session, scope):
        try:
            compute()
        except ValueError as error:
            problems.append(f"system.http.auth: `{name}`: {error}")
    if problems:
        raise BadSettings(problems)


def _checked(kind: object, scope: Scope) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what must be computed without an error, with its name."""
    match kind:
        case Wsse():
            yield "wsse", partial(_user, kind, scope)
        case LoginOf():
            first = kind.requests[0]  # the others can read values of the session
            yield f"login.requests.{first.method}", partial(first.request, scope)
        case OAuth2() | Assertion():
            yield "url", partial(_url, kind, scope)
    match kind:
        case OAuth2():
            for name in ("client_id", "client_secret", "username", "password", "refresh_token"):
                if (value := getattr(kind, name)) is not None:
                    yield name, partial(formed, value, scope, text_of)
        case Assertion():
            yield "key", lambda: signer(formed(kind.key, scope, text_of))


def _url(kind: TokenKind, scope: Scope) -> str:
    return formed(kind.url, scope, endpoint)


def _user(kind: Wsse, scope: Scope) -> tuple[str, str]:
    return formed(kind.username, scope, text_of), formed(kind.password, scope, text_of)
