"""The session of a scripted system: tests of mapping files log in with the `example` replies.

Only the calls of events reach the test's script. A token endpoint gives `test-token`. The
values of WS-Security are `test-security` and so on.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from connector.mapping.expression import formed
from connector.system import Reply
from connector.systems.http.client import HttpSystem, read
from connector.systems.http.entry import ServerEntry
from connector.systems.http.script import ScriptedTransport
from connector.systems.http.session.client import SessionSystem, WsseSystem
from connector.systems.http.session.entry import LoginKind, LoginOf, TokenKind, Wsse, endpoint
from connector.systems.http.session.keeper import Session
from connector.systems.http.session.logins import Ask, LogIn, TokenLogIn
from connector.systems.http.session.wsse import username_token

TOKEN = "test-token"  # noqa: S105 - made up


def scripted(
    entry: ServerEntry, settings: Mapping[str, Any], transport: ScriptedTransport
) -> HttpSystem:
    """The client for tests of a mapping file with a session; `transport` answers the calls."""
    match entry.session:
        case Wsse():
            return _MadeUpToken(entry, settings, transport=transport)
        case LoginOf() as login:
            examples = _Examples(login, transport)
            return SessionSystem(entry, settings, None, transport, examples)
    return _WithToken(entry, settings, None, transport, transport)


class _Examples(httpx.MockTransport):
    """Answers the requests of a login with their examples, in their order."""

    def __init__(self, login: LoginOf[Any, Any], transport: ScriptedTransport) -> None:
        super().__init__(self._answer)
        self._transport = transport
        self._replies = [request.example or transport.reply() for request in login.requests]
        self._asked = 0

    def _answer(self, _: httpx.Request) -> httpx.Response:
        reply = self._replies[self._asked % len(self._replies)]
        self._asked += 1
        return self._transport.response(reply)


class _MadeUpToken(WsseSystem):
    """A system whose requests have the same values in every test, so that they can be compared."""

    def _token(self, username: str, password: str, *, plain: bool) -> dict[str, Any]:
        made = username_token(username, password, plain=plain)
        return {name: f"test-{name}" for name in made}


class _WithToken(SessionSystem):
    """A system that needs no token endpoint: no assertion is signed with a made-up key."""

    def _login_of(self, kind: LoginKind) -> LogIn:
        assert isinstance(kind, TokenKind)  # noqa: S101 - `scripted` looked at it
        reply, transport = None, self._transport
        if kind.example and isinstance(transport, ScriptedTransport):
            reply, _ = read(transport.response(kind.example), self._entry)
        return _MadeUp(kind, self._settings, self._ask, reply)


class _MadeUp(TokenLogIn):
    """A token without a request; the `example` of the reply can say where the system is."""

    def __init__(
        self, kind: TokenKind, settings: Mapping[str, Any], ask: Ask, example: Reply | None
    ) -> None:
        super().__init__(kind, settings, ask)
        self._example = example

    async def _session(self, before: Session | None) -> Session:
        session = Session(values={"token": TOKEN})
        if self._example:
            asked = formed(self._kind.url, self._scope({}), endpoint)
            session.base_url = self._base_url(self._example, asked)
        return session

    def _grant(self) -> dict[str, str]:
        return {}
