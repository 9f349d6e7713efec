"""The rules of the web UI of Open5GS, which partners use as its provisioning API; no I/O.

    GET  /api/auth/csrf       `csrfToken`, and the cookie `connect.sid`
    POST /api/auth/login      username, password, header X-CSRF-TOKEN; answers 302, and a new
                              cookie: the tokens of the first session end
    GET  /api/auth/session    `csrfToken` of the new session, `authToken` (does not expire)
    POST /api/auth/logout     ends the session

    GET    /api/db/Subscriber          all, or those that `query` (a query of MongoDB) finds
    POST   /api/db/Subscriber          201; 400 for an IMSI that exists
    DELETE /api/db/Subscriber          deletes **all** subscribers
    GET, PUT, PATCH, DELETE /api/db/Subscriber/{imsi}      404 for an unknown IMSI

- Every request below /api/db wants `Authorization: Bearer`, else 401. Writes want the cookie and
  `X-CSRF-TOKEN` of one session as well, else 403. The bearer token of a session that ended is
  still good.
- PUT and PATCH set the given fields, also inside objects; a list is replaced. A list of subscribers
  or an IMSI cannot be sent.
- The IMSI alone is unique: two subscribers can have one number.
- `query` knows equality (of a list: one item is equal), `$ne` and `$nin`; `select` names fields.
"""

import json
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from uuid import uuid4

from connector_tools.counterparts.rules.open5gs_documents import Document, Unfit, merged, new, read
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest
from connector_tools.counterparts.stand_in.records import Exists, Missing, Records
from connector_tools.counterparts.stand_in.sessions import NotAllowed, Sessions, TooMany

COLLECTION = "/api/db/Subscriber"


class WebUi:
    """The web UI with these sessions and these subscribers, by IMSI."""

    def __init__(self, sessions: Sessions, records: Records) -> None:
        self.sessions = sessions
        self.records = records
        self.visitors: set[str] = set()  # cookies before the login
        self.bearers: set[str] = set()
        self._csrf: dict[str, set[str]] = {}  # cookie -> its CSRF tokens

    @property
    def secrets(self) -> list[str]:
        """Texts that must never stand in a log of the connector."""
        tokens = [token for tokens in self._csrf.values() for token in tokens]
        return [*self.bearers, *self.visitors, *tokens]

    def handle(self, request: HttpRequest) -> HttpReply:
        """Carry out a request, or refuse it."""
        match request.method, request.path:
            case "GET", "/api/auth/csrf":
                return self._csrf_page(request)
            case "POST", "/api/auth/login":
                return self._login(request)
            case "GET", "/api/auth/session":
                return self._session_page(request)
            case "POST", "/api/auth/logout":
                return self._logout(request)
        if request.path == COLLECTION or request.path.startswith(f"{COLLECTION}/"):
            return self._subscriber(request, request.path[len(COLLECTION) + 1 :])
        return HttpReply(404, "Not Found")

    def end_sessions(self) -> None:
        """End all sessions; a visitor who has not logged in yet begins again, too."""
        self.sessions.end_all()
        self.visitors.clear()

    # Logging in

    def _csrf_page(self, request: HttpRequest) -> HttpReply:
        cookie = _cookie(request)
        if cookie not in self.visitors and not self.sessions.alive(cookie):
            cookie = uuid4().hex
            self.visitors.add(cookie)
        return HttpReply(200, {"csrfToken": self._token(cookie)}, _set(cookie))

    def _login(self, request: HttpRequest) -> HttpReply:
        if not self._csrf_holds(request):
            return _forbidden(request)
        given = _body(request)
        try:
            name = self.sessions.login(given.get("username"), given.get("password"))
        except NotAllowed:
            return HttpReply(401, "Unauthorized")
        except TooMany:
            return HttpReply(429, "Too Many Requests")
        return HttpReply(302, "Found. Redirecting to /", {"Location": "/", **_set(name)})

    def _session_page(self, request: HttpRequest) -> HttpReply:
        cookie = _cookie(request)
        if not self.sessions.check(cookie):
            page = {"clientMaxAge": 60000, "csrfToken": self._token(uuid4().hex)}
            return HttpReply(200, page)
        bearer = f"h.{uuid4().hex}.s"
        self.bearers.add(bearer)
        user = {"username": self.sessions.username, "roles": ["admin"]}
        page = {"clientMaxAge": 60000, "csrfToken": self._token(cookie)}
        return HttpReply(200, {**page, "user": user, "authToken": bearer}, _set(cookie))

    def _logout(self, request: HttpRequest) -> HttpReply:
        if not self._csrf_holds(request):
            return _forbidden(request)
        self.sessions.logout(_cookie(request))
        return HttpReply(302, "", {"Location": "/"})

    def _token(self, cookie: str) -> str:
        """One more CSRF token of a session; the earlier ones stay good."""
        token = uuid4().hex
        self._csrf.setdefault(cookie, set()).add(token)
        return token

    def _csrf_holds(self, request: HttpRequest) -> bool:
        cookie = _cookie(request)
        if cookie not in self.visitors and not self.sessions.check(cookie):
            return False
        return request.headers.get("x-csrf-token", "") in self._csrf.get(cookie, ())

    # Subscribers

    def _subscriber(self, request: HttpRequest, imsi: str) -> HttpReply:
        if request.method != "GET" and not self._csrf_holds(request):
            return _forbidden(request)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or bearer not in self.bearers:
            self.sessions.refused += 1
            return HttpReply(401, "Unauthorized")
        try:
            return self._carry_out(request, imsi)
        except Missing:
            return HttpReply(404, {"name": "Error", "message": "Not Found"})
        except Exists:
            return HttpReply(400, {"name": "MongoError", "code": 11000})
        except Unfit as unfit:
            return HttpReply(400, {"name": str(unfit)})

    def _carry_out(self, request: HttpRequest, imsi: str) -> HttpReply:
        match request.method:
            case "GET" if imsi:
                return HttpReply(200, self.records.get(imsi))
            case "GET":
                return HttpReply(200, self._found(request.query))
            case "POST" if not imsi:
                document = new(_body(request))
                self.records.create(document["imsi"], document)
                return HttpReply(201, document)
            case "PUT" | "PATCH" if imsi:
                old, given = self.records.get(imsi), read(_body(request))
                given.pop("imsi", None)
                changed = {name: merged(old.get(name), value) for name, value in given.items()}
                self.records.change(imsi, changed)
                return HttpReply(200, self.records.get(imsi))
            case "DELETE":
                self.records.remove(imsi) if imsi else self.records.remove_all()
                return HttpReply(204)
        return HttpReply(405)

    def _found(self, query: Mapping[str, str]) -> list[Document]:
        """The documents that a query finds.

        Raises:
            Unfit: it cannot be read.
        """
        try:
            wanted = json.loads(query.get("query", "{}"))
        except ValueError:
            wanted = None
        if not isinstance(wanted, dict):
            raise Unfit("invalid_json_query")
        select = query.get("select", "").split(",")
        found = [row for row in self.records.rows.values() if _fits(row, wanted)]
        if select == [""]:
            return found
        return [{name: row.get(name) for name in ("_id", *select)} for row in found]


def _fits(row: Document, wanted: Mapping[str, Any]) -> bool:
    return all(_holds(row.get(name), condition) for name, condition in wanted.items())


def _holds(value: Any, condition: Any) -> bool:
    """Whether a field fulfils the condition of a query."""
    values = value if isinstance(value, list) else [value]
    match condition:
        case {"$ne": other}:
            return other not in values
        case {"$nin": list(others)}:
            return not any(other in values for other in others)
        case dict():
            raise Unfit("BadValue")
    return condition in values


def _body(request: HttpRequest) -> Document:
    """The object in the body; an empty one if there is none."""
    try:
        found = request.json
    except ValueError:
        return {}
    if not isinstance(found, dict):
        raise Unfit("ValidationError")
    return found


def _cookie(request: HttpRequest) -> str:
    """The value of `connect.sid`, or nothing."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    found = cookies.get("connect.sid")
    return found.value if found else ""


def _set(cookie: str) -> dict[str, str]:
    return {"Set-Cookie": f"connect.sid={cookie}; Path=/; HttpOnly"}


def _forbidden(request: HttpRequest) -> HttpReply:
    given = "mismatch" if "x-csrf-token" in request.headers else "missing"
    return HttpReply(403, f"Error: CSRF token {given}", {"content-type": "text/html"})
