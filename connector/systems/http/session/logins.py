"""The requests of a login: to a token endpoint, or those that the mapping file lists."""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any
from urllib.parse import quote_plus, urljoin, urlsplit

import httpx

from connector.mapping.expression import EvaluationError, Scope, Value, expressions, formed
from connector.mapping.session import SESSION
from connector.mapping.system_entry import seconds
from connector.mapping.text import in_header, text_of
from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.causes import CREDENTIALS
from connector.systems.http.call import HttpCall, form_pairs
from connector.systems.http.credentials import HttpCredentials, basic
from connector.systems.http.entry import HttpServer, base_url
from connector.systems.http.request import Request, request
from connector.systems.http.session.entry import (
    Assertion,
    LoginKind,
    LoginOf,
    OAuth2,
    TakingRequest,
    TokenKind,
    endpoint,
)
from connector.systems.http.session.keeper import Session
from connector.systems.http.session.signer import signed

Ask = Callable[[Request, httpx.Cookies, frozenset[int]], Awaitable[Reply]]
"""Sends a request of a login and returns its reply, `applied` for 2xx and the statuses given."""

_REFUSED = "API Core refused the login"
_KNOWN_ERRORS = (
    "invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type "
    "invalid_scope invalid_target"
).split()
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIVES = 180  # seconds; Salesforce takes at most that
_FORM = "application/x-www-form-urlencoded"


class NoLogin(Exception):  # noqa: N818 - an answer of the system, not a bug
    """The login did not succeed; `reply` says why and quotes no value."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.cause)
        self.reply = reply


class LogIn(ABC):
    """Logs in by one kind of `auth`; `ask` sends the requests, `settings` are read each time."""

    def __init__(self, kind: LoginKind, settings: Mapping[str, Any], ask: Ask) -> None:
        self._lifetime = kind.lifetime
        self._settings = settings
        self._ask = ask

    async def __call__(self, before: Session | None) -> Session | Reply:
        """Log in, as `connector.systems.http.session.keeper.LogIn`."""
        try:
            return await self._session(before)
        except NoLogin as failure:
            return failure.reply
        except ValueError as error:  # an expression of the login fails, or its value has no text
            told = str(error) if isinstance(error, EvaluationError) else type(error).__name__
            return _failed("The login cannot be made from what API Core replied", told)

    @abstractmethod
    async def _session(self, before: Session | None) -> Session:
        """Log in.

        Raises:
            NoLogin: the system refused the login, or did not answer.
            ValueError: an expression of the mapping file cannot be computed.
        """

    async def _asked(
        self, made: Request, cookies: httpx.Cookies, accept: frozenset[int] = frozenset()
    ) -> Reply:
        reply = await self._ask(made, cookies, accept)
        if reply.outcome is not Outcome.APPLIED:
            raise NoLogin(_why(reply))
        return reply

    def _lives(self, reply: Reply, values: Mapping[str, Any], otherwise: object = None) -> float:
        """The lifetime of a session in seconds; `otherwise` counts if the mapping says nothing."""
        found = otherwise
        if self._lifetime is not None:
            found = self._lifetime.evaluate(self._scope(values, reply))
        if isinstance(found, str) and found.strip().isdigit():
            found = int(found)
        try:
            return seconds(found)
        except ValueError:
            return inf  # unknown: the session is renewed when the system refuses it

    def _scope(self, values: Mapping[str, Any], reply: Reply | None = None) -> Scope:
        names: dict[str, Any] = {"settings": self._settings, SESSION: values}
        return Scope(names, reply=reply.seen) if reply else Scope(names)


class TokenLogIn(LogIn):
    """A token from a token endpoint."""

    def __init__(self, kind: TokenKind, settings: Mapping[str, Any], ask: Ask) -> None:
        super().__init__(kind, settings, ask)
        self._kind = kind

    async def _session(self, before: Session | None) -> Session:
        """See `LogIn`. A refresh token is used first; if it is refused, the grant itself."""
        if before and before.refresh:
            try:
                form = {"grant_type": "refresh_token", "refresh_token": before.refresh}
                return await self._token(form, before.refresh)
            except NoLogin as failure:
                if failure.reply.outcome is not Outcome.FAILED:
                    raise
        return await self._token(self._grant())

    @abstractmethod
    def _grant(self) -> dict[str, str]:
        """The fields of the request that prove who asks."""

    def _client(self) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
        """Fields and headers that name the client."""
        return {}, ()

    async def _token(self, grant: dict[str, str], refresh: str | None = None) -> Session:
        scope, kind = self._scope({}), self._kind
        fields, headers = self._client()
        optional = {"scope": kind.scope, "audience": kind.audience}
        asked = {name: formed(value, scope, text_of) for name, value in optional.items() if value}
        pairs = (*{**grant, **asked, **fields}.items(), *form_pairs(kind.form, scope))
        body = str(httpx.QueryParams(pairs)).encode()
        headers += (("Content-Type", _FORM), ("Accept", "application/json"))
        made = Request("POST", formed(kind.url, scope, endpoint), headers, body)
        reply = await self._asked(made, httpx.Cookies())
        document = reply.seen["json"]
        found = document if isinstance(document, dict) else {}
        token = found.get("access_token")
        if not isinstance(token, str) or not token:
            raise NoLogin(_failed("API Core's reply to the login has no `access_token`"))
        return Session(
            values={"token": in_header(token)},
            base_url=self._base_url(reply, made.url),
            refresh=str(found.get("refresh_token") or refresh or "") or None,
            lifetime=self._lives(reply, {}, found.get("expires_in")),
        )

    def _base_url(self, reply: Reply, asked: str) -> str | None:
        """The base URL in the reply with the token; None if the mapping does not read it."""
        if self._kind.base_url is None:
            return None
        found = formed(self._kind.base_url, self._scope({}, reply), text_of)
        return new_base_url(found, asked)


class OAuth2LogIn(TokenLogIn):
    """A token by one of the grants of OAuth2 (RFC 6749)."""

    def __init__(self, kind: OAuth2, settings: Mapping[str, Any], ask: Ask) -> None:
        super().__init__(kind, settings, ask)
        self._oauth2 = kind

    def _grant(self) -> dict[str, str]:
        kind = self._oauth2
        fields: dict[str, Value | None] = {}
        if kind.grant == "password":
            fields = {"username": kind.username, "password": kind.password}
        elif kind.grant == "refresh_token":
            fields = {"refresh_token": kind.refresh_token}
        return {"grant_type": kind.grant, **self._texts(fields)}

    def _client(self) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
        kind = self._oauth2
        given = self._texts({"client_id": kind.client_id, "client_secret": kind.client_secret})
        if kind.client == "body" or "client_secret" not in given:
            return given, ()
        name, secret = (quote_plus(given[key]) for key in ("client_id", "client_secret"))
        return {}, (("Authorization", f"Basic {basic(name, secret)}"),)  # RFC 6749, 2.3.1

    def _texts(self, values: Mapping[str, Value | None]) -> dict[str, str]:
        scope = self._scope({})
        return {name: formed(value, scope, text_of) for name, value in values.items() if value}


class AssertionLogIn(TokenLogIn):
    """A token for a signed assertion (RFC 7523)."""

    def __init__(self, kind: Assertion, settings: Mapping[str, Any], ask: Ask) -> None:
        super().__init__(kind, settings, ask)
        self._assertion = kind

    def _grant(self) -> dict[str, str]:
        kind, scope = self._assertion, self._scope({})
        now = int(time.time())
        claims = {name: value.evaluate(scope) for name, value in kind.claims.items()}
        claims |= {"iat": now, "exp": now + _ASSERTION_LIVES}
        key_id = formed(kind.key_id, scope, text_of) if kind.key_id else None
        token = signed(formed(kind.key, scope, text_of), key_id, claims)
        return {"grant_type": _GRANT, "assertion": token}


class RequestsLogIn(LogIn):
    """The requests that the mapping file lists, one after the other."""

    def __init__(
        self,
        kind: LoginOf[Any, Any],
        settings: Mapping[str, Any],
        ask: Ask,
        http: HttpServer,
        url: str,
    ) -> None:
        """`http` has the headers of all requests, `url` is the base URL of the login."""
        super().__init__(kind, settings, ask)
        self._kind = kind
        self._http = http
        self._url = url

    async def _session(self, before: Session | None) -> Session:
        """See `LogIn`."""
        session = Session()
        for entry in self._kind.requests:
            call = entry.request(self._scope(session.values))
            made = self.made(call, session)
            reply = await self._asked(made, session.cookies, call.accept)
            session.values |= self._taken(entry, session, reply)
        if self._kind.base_url:
            scope = self._scope(session.values)
            found = formed(self._kind.base_url, scope, text_of)
            session.base_url = new_base_url(found, f"{self._url}/")
        session.lifetime = self._lives(reply, session.values)
        return session

    async def log_out(self, session: Session) -> None:
        """End a session at the system, if the mapping file says how.

        Raises:
            NoLogin: the system refused it, or did not answer.
            ValueError: an expression of the mapping file cannot be computed.
        """
        if self._kind.logout:
            call = self._kind.logout.request(self._scope(session.values))
            made = self.made(call, session, session.base_url)
            await self._asked(made, session.cookies, call.accept)

    def made(self, call: HttpCall, session: Session, url: str | None = None) -> Request:
        """The request of a login; it has those headers whose values are known by now."""
        known = {(SESSION, name) for name in session.values}
        headers = {
            name: value
            for name, value in self._http.headers.items()
            if all(path in known for path in _of_session(value))
        }
        http = self._http.model_copy(update={"headers": headers})
        scope = self._scope(session.values)
        call = call if url is None else below(call)
        return request(call, url or self._url, http, HttpCredentials(), scope)

    def _taken(self, entry: TakingRequest, session: Session, reply: Reply) -> dict[str, Any]:
        """The values that a request takes from its reply.

        Raises:
            NoLogin: the reply does not have one of them.
        """
        scope = self._scope(session.values, reply)
        found = {name: value.evaluate(scope) for name, value in entry.take.items()}
        for name, value in found.items():
            if value in (None, ""):
                cause = f"login: HTTP {reply.status} without `{name}`"
                raise NoLogin(_failed(f"API Core's reply to the login has no `{name}`", cause))
        return found


def new_base_url(found: str, asked: str) -> str:
    """The base URL that a login gave; it can be relative to the URL that was asked.

    Raises:
        NoLogin: it cannot be used, or would send the credentials without TLS.
    """
    url = urljoin(asked, found)
    try:
        url = base_url(url if found.strip() else "")
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise NoLogin(_failed("The base URL in API Core's reply cannot be used")) from None
    if urlsplit(asked).scheme == "https" and urlsplit(url).scheme != "https":
        raise NoLogin(_failed("The base URL in API Core's reply is not https"))
    return url


def below(call: HttpCall) -> HttpCall:
    """The call for a base URL that a login gave: the path `/` is that URL itself."""
    return replace(call, path="") if call.path == "/" else call


def _of_session(value: Value) -> set[tuple[str, ...]]:
    """The values of the session that an expression or a text reads."""
    found = (path for part in expressions(value) for path in part.paths)
    return {path[:2] for path in found if path[0] == SESSION}


def _why(reply: Reply) -> Reply:
    """The reply for calls, from that of a login request which did not succeed."""
    if reply.status is None or reply.outcome in (Outcome.UNAVAILABLE, Outcome.THROTTLED):
        cause = f"login: {reply.cause}"
        return Reply(reply.outcome, reply.reason, cause, reply.retry_after, end=End.NOT_SENT)
    error = reply.seen["json"].get("error") if isinstance(reply.seen.get("json"), dict) else None
    told = f" {error}" if error in _KNOWN_ERRORS else ""
    reason = CREDENTIALS if reply.status in (400, 401, 403) else _REFUSED
    return _failed(reason, f"login: HTTP {reply.status}{told}")


def _failed(reason: str, cause: str = "login") -> Reply:
    return Reply(Outcome.FAILED, reason, cause, end=End.NOT_SENT)
