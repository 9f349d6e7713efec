"""The session of a scripted system: tests of mapping files log in with the `example` replies.

Only the calls of events reach the test's script. A token endpoint answers with `test-token`. The
values of WS-Security are `test-security` and so on.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector.systems.http.script import ScriptedHttpReply, response
from connector.systems.http.session.client import SessionSystem, WsseSystem
from connector.systems.http.session.entry import Login, LoginKind, Wsse
from connector.systems.http.session.keeper import Session
from connector.systems.http.session.logins import LogIn
from connector.systems.http.session.wsse import username_token

TOKEN = "test-token"  # noqa: S105 - made up


def scripted(
    entry: HttpSystemEntry, settings: Mapping[str, Any], transport: httpx.AsyncBaseTransport
) -> HttpSystem:
    """The client for tests of a mapping file with a session; `transport` answers the calls."""
    match entry.session:
        case Wsse():
            return _MadeUpToken(entry, settings, transport=transport)
        case Login() as login:
            examples = _Examples(login)
            return SessionSystem(entry, settings, None, transport, examples)
    return _WithToken(entry, settings, None, transport, transport)


class _Examples(httpx.MockTransport):
    """Answers the requests of a login with their examples, in their order."""

    def __init__(self, login: Login) -> None:
        super().__init__(self._answer)
        self._replies = [request.example or ScriptedHttpReply() for request in login.requests]
        self._asked = 0

    def _answer(self, _: httpx.Request) -> httpx.Response:
        reply = self._replies[self._asked % len(self._replies)]
        self._asked += 1
        return response(reply)


class _MadeUpToken(WsseSystem):
    """A system whose requests have the same values in every test, so that they can be compared."""

    def _token(self, username: str, password: str, *, plain: bool) -> dict[str, Any]:
        made = username_token(username, password, plain=plain)
        return {name: f"test-{name}" for name in made}


class _WithToken(SessionSystem):
    """A system that needs no token endpoint: no assertion is signed with a made-up key."""

    def _login_of(self, kind: LoginKind) -> LogIn:
        return _MadeUp(kind, self._settings, self._ask)


class _MadeUp(LogIn):
    async def _session(self, before: Session | None) -> Session:
        return Session(values={"token": TOKEN})
