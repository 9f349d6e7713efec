"""The web UI of Open5GS: a login of three requests, whose result is used in three places.

    GET  /api/auth/csrf      `csrfToken`, and the cookie `connect.sid`
    POST /api/auth/login     username, password, header X-CSRF-TOKEN; answers 302, and a new
                             cookie: the tokens of the first session end
    GET  /api/auth/session   `csrfToken` of the new session, `authToken` (does not expire)

`/api/db/Subscriber[/imsi]` wants `Authorization: Bearer`, else 401. Writes want the cookie and
`X-CSRF-TOKEN` of one session as well, else 403. The bearer token of a session that ended is still
good. As in express-restify-mongoose: POST 201, PUT and PATCH set the given fields, DELETE 204, 404
for an unknown IMSI, 400 for an IMSI that exists, and DELETE of the collection removes everything.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Any
from uuid import uuid4

from tests.support.session_systems.records import Exists, Missing, Records
from tests.support.session_systems.sessions import NotAllowed, Sessions, TooMany
from tests.support.session_systems.web import Answer, Asked, SessionSystem, document

COLLECTION = "/api/db/Subscriber"


class Open5gs(SessionSystem):
    """The stand-in; records have the IMSI as key."""

    def __init__(self, sessions: Sessions | None = None) -> None:
        super().__init__(sessions, Records())
        self._visitors: set[str] = set()  # cookies before the login
        self._csrf: dict[str, set[str]] = {}  # cookie -> its CSRF tokens
        self._bearers: set[str] = set()

    @property
    def secrets(self) -> list[str]:
        """See `SessionSystem`."""
        tokens = [token for tokens in self._csrf.values() for token in tokens]
        return [*super().secrets, *self._bearers, *self._visitors, *tokens]

    def end_sessions(self) -> None:
        """See `SessionSystem`; a visitor who has not logged in yet begins again, too."""
        super().end_sessions()
        self._visitors.clear()

    async def answer(self, asked: Asked) -> Answer:
        match asked.method, asked.path:
            case "GET", "/api/auth/csrf":
                return self._csrf_page(asked)
            case "POST", "/api/auth/login":
                return self._login(asked)
            case "GET", "/api/auth/session":
                return self._session_page(asked)
            case "POST", "/api/auth/logout":
                return self._logout(asked)
        if asked.path == COLLECTION or asked.path.startswith(f"{COLLECTION}/"):
            return self._subscriber(asked)
        return Answer(404)

    def _csrf_page(self, asked: Asked) -> Answer:
        cookie = _cookie(asked)
        if cookie not in self._visitors and not self.sessions.alive(cookie):
            cookie = uuid4().hex
            self._visitors.add(cookie)
        return document(200, {"csrfToken": self._token(cookie)}, _set(cookie))

    def _login(self, asked: Asked) -> Answer:
        if not self._csrf_holds(asked):
            return _forbidden(asked)
        given = asked.json
        try:
            name = self.sessions.login(given.get("username"), given.get("password"))
        except NotAllowed:
            return Answer(401, b"Unauthorized")
        except TooMany:
            return Answer(429, b"Too Many Requests")
        return Answer(302, b"Found. Redirecting to /", headers=[("Location", "/"), *_set(name)])

    def _session_page(self, asked: Asked) -> Answer:
        cookie = _cookie(asked)
        if not self.sessions.check(cookie):
            return document(200, {"clientMaxAge": 60000, "csrfToken": self._token(uuid4().hex)})
        bearer = f"h.{uuid4().hex}.s"
        self._bearers.add(bearer)
        user = {"username": self.sessions.username, "roles": ["admin"]}
        page = {"clientMaxAge": 60000, "csrfToken": self._token(cookie)}
        return document(200, page | {"user": user, "authToken": bearer}, _set(cookie))

    def _logout(self, asked: Asked) -> Answer:
        if not self._csrf_holds(asked):
            return _forbidden(asked)
        self.sessions.logout(_cookie(asked))
        return Answer(302, headers=[("Location", "/")])

    def _subscriber(self, asked: Asked) -> Answer:
        if asked.method != "GET" and not self._csrf_holds(asked):
            return _forbidden(asked)
        scheme, _, bearer = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or bearer not in self._bearers:
            self.sessions.refused += 1
            return Answer(401, b"Unauthorized")
        try:
            return self._carry_out(asked, asked.path[len(COLLECTION) + 1 :])
        except Missing:
            return document(404, {"name": "Error", "message": "Not Found"})
        except Exists:
            return document(400, {"name": "MongoError", "code": 11000})

    def _carry_out(self, asked: Asked, imsi: str) -> Answer:
        match asked.method:
            case "GET":
                rows = self.records.rows
                return document(200, self.records.get(imsi) if imsi else list(rows.values()))
            case "POST" if not imsi:
                fields = asked.json
                if not isinstance(fields.get("imsi"), str):
                    return document(400, {"name": "ValidationError"})
                self.records.create(fields["imsi"], fields)
                return document(201, fields)
            case "PUT" | "PATCH" if imsi:
                self.records.change(imsi, _changes(asked.json))
                return document(200, self.records.get(imsi))
            case "DELETE":
                self.records.remove(imsi) if imsi else self.records.remove_all()
                return Answer(204)
        return Answer(405)

    def _token(self, cookie: str) -> str:
        """One more CSRF token of a session; the earlier ones stay good."""
        token = uuid4().hex
        self._csrf.setdefault(cookie, set()).add(token)
        return token

    def _csrf_holds(self, asked: Asked) -> bool:
        cookie = _cookie(asked)
        if cookie not in self._visitors and not self.sessions.check(cookie):
            return False
        return asked.headers.get("x-csrf-token", "") in self._csrf.get(cookie, ())


def _changes(fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("imsi", "_id")}


def _cookie(asked: Asked) -> str:
    """The value of `connect.sid`, or nothing."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(asked.headers.get("cookie", ""))
    except CookieError:
        return ""
    found = cookies.get("connect.sid")
    return found.value if found else ""


def _set(cookie: str) -> list[tuple[str, str]]:
    return [("Set-Cookie", f"connect.sid={cookie}; Path=/; HttpOnly")]


def _forbidden(asked: Asked) -> Answer:
    given = "mismatch" if "x-csrf-token" in asked.headers else "missing"
    return Answer(403, f"Error: CSRF token {given}".encode(), "text/html")
