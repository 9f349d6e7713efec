"""The web application of the inspector: its page, its API, and the door for events."""

import html
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from connector_tools.inspector.curl import NoCurl, curl
from connector_tools.inspector.desk import Conflict, Desk, Unprocessable
from connector_tools.inspector.documents import summary
from connector_tools.inspector.history import History, NoHistory, hash_keys
from connector_tools.inspector.loopback import Loopback
from connector_tools.inspector.observed import Observed
from connector_tools.inspector.pins import CannotPin
from connector_tools.inspector.stream import News
from connector_tools.inspector.veil import hidden_in_json

PAGE = Path(__file__).parent / "page"
_MOST = 12_000_000  # bytes of a request of the page; an event has at most 10 MB
_NO_PAGE = "<!doctype html><title>Inspector</title><p>The page is not installed.</p>"
_KEY = "%INSPECTOR_KEY%"

Handler = Callable[[Request], Awaitable[Response]]


class BadRequest(Exception):  # noqa: N818 - an answer to the page
    """The body of a request of the page cannot be read; the text says why."""


class NotHere(Exception):  # noqa: N818 - an answer to the page
    """There is no such event, pin or call; the text says what is missing."""


_STATUS: dict[type[Exception], int] = {
    BadRequest: 400,
    NotHere: 404,
    NoCurl: 404,
    Conflict: 409,
    CannotPin: 422,
    Unprocessable: 422,
}


def application(desk: Desk | None, key: str, history: History | None = None) -> ASGIApp:
    """The ASGI application; `key` is what the page proves itself with.

    `desk` is open. Without it, only the `history` is shown.
    """
    api = Api(desk, history)
    routes: list[BaseRoute] = [
        Route("/", _page(key), methods=["GET"]),
        Mount("/api", routes=api.routes()),
    ]
    if desk:
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        routes.append(Route("/process-event", desk.take, methods=methods))
        routes.append(Route("/health", desk.take, methods=["GET"]))
    if PAGE.is_dir():
        routes.append(Mount("/static", StaticFiles(directory=PAGE)))
    return Starlette(routes=routes, middleware=[Middleware(Loopback, key=key)])


def _page(key: str) -> Handler:
    async def page(_: Request) -> Response:
        file = PAGE / "index.html"
        text = file.read_text(encoding="utf-8") if file.is_file() else _NO_PAGE
        return HTMLResponse(text.replace(_KEY, html.escape(key)))

    return page


class Api:
    """The API of the page, as docs/inspector.md describes it.

    A history that is open is shown in place of the events of the desk.
    """

    def __init__(self, desk: Desk | None, history: History | None) -> None:
        self._live = desk
        self._history = history
        self._silent = News()

    @property
    def _desk(self) -> Desk:
        """The desk, for what needs more than a log.

        Raises:
            Conflict: a history is open.
        """
        if self._history or self._live is None:
            raise Conflict("an exported history is open: it is read-only")
        return self._live

    def routes(self) -> list[Route]:
        """A route for each path and method."""
        found: list[tuple[str, str, Handler]] = [
            ("GET", "/state", self._state),
            ("GET", "/events", self._events),
            ("GET", "/events/{n:int}", self._event),
            ("GET", "/events/{n:int}/curl/{k:int}", self._curl),
            ("GET", "/counterpart", self._counterpart),
            ("GET", "/stream", self._stream),
            ("POST", "/plan", self._plan),
            ("POST", "/send", self._send),
            ("PUT", "/mapping", self._write),
            ("POST", "/pins", self._pin),
            ("DELETE", "/pins/{pin:int}", self._unpin),
            ("POST", "/life/{button}", self._press),
            ("POST", "/tests", self._test),
            ("POST", "/history", self._open_history),
            ("DELETE", "/history", self._close_history),
        ]
        return [Route(path, self._answered(one), methods=[method]) for method, path, one in found]

    def _answered(self, handler: Handler) -> Handler:
        """The handler, whose errors become answers."""

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except tuple(_STATUS) as error:
                more = getattr(error, "document", None) or {}
                return self._json({"error": str(error), **more}, _STATUS[type(error)])

        return answered

    def _json(self, document: Any, status: int = 200) -> Response:
        secrets = self._live.secrets() if self._live else ()
        text = hidden_in_json(document, secrets)
        return Response(text, status, media_type="application/json")

    async def _state(self, _: Request) -> Response:
        return self._json((self._history or self._desk).state())

    async def _events(self, request: Request) -> Response:
        found = (self._history or self._desk).events(request.query_params.get("find", ""))
        return self._json(found)

    async def _event(self, request: Request) -> Response:
        if self._history:
            detail = self._history.detail(request.path_params["n"])
            if detail is None:
                raise NotHere("there is no such event in the history")
            return self._json(detail)
        event = self._known(request)
        reveal = request.query_params.get("reveal") == "1"
        return self._json(await self._desk.detail(event, reveal=reveal))

    async def _curl(self, request: Request) -> Response:
        event, number = self._known(request), request.path_params["k"]
        if number >= len(event.calls) or event.mapping is None:
            raise NotHere(f"the event has {len(event.calls)} calls")
        line = curl(event.calls[number].call, event.mapping, event.shown)
        veil = self._desk.veil(event, reveal=request.query_params.get("reveal") == "1")
        return PlainTextResponse(veil.text(line))

    async def _counterpart(self, request: Request) -> Response:
        reveal = request.query_params.get("reveal") == "1"
        return self._json(None if self._history else self._desk.counterpart(reveal=reveal))

    async def _stream(self, _: Request) -> Response:
        news = self._live.news if self._live else self._silent
        return StreamingResponse(news.messages(), media_type="text/event-stream")

    async def _plan(self, request: Request) -> Response:
        given = await _body(request)
        text = given.get("mapping")
        if text is not None and not isinstance(text, str):
            raise BadRequest("`mapping` must be text or null")
        body, reveal = _text(given, "event").encode(), given.get("reveal") is not False
        return self._json(self._desk.plan(body, text, reveal=reveal))

    async def _send(self, request: Request) -> Response:
        given = await _body(request)
        event = await self._desk.send(_text(given, "event").encode())
        return self._json(summary(event))

    async def _write(self, request: Request) -> Response:
        given = await _body(request)
        return self._json(await self._desk.write(_text(given, "text"), _text(given, "digest")))

    async def _pin(self, request: Request) -> Response:
        pin = self._desk.pins.add(await _body(request), self._desk.mapping)
        self._desk.tell("pins", self._desk.pins.documents)
        return self._json(pin.document)

    async def _unpin(self, request: Request) -> Response:
        if not self._desk.pins.remove(request.path_params["pin"]):
            raise NotHere("there is no such pin: it may be used up")
        self._desk.tell("pins", self._desk.pins.documents)
        return self._json({})

    async def _press(self, request: Request) -> Response:
        return self._json(await self._desk.press(request.path_params["button"]))

    async def _test(self, request: Request) -> Response:
        given = await _body(request)
        event = self._numbered(given.get("n"))
        return self._json(await self._desk.write_test(event, _text(given, "name")))

    async def _open_history(self, request: Request) -> Response:
        """Show the log in the body of the request, as `connector inspect --history` does."""
        records = io.BytesIO(await _bytes(request))
        if self._live is None:
            raise Conflict("a history is open already: start the inspector without --history")
        try:
            self._history = History(self._live.file, records, await hash_keys())
        except NoHistory as error:
            raise Unprocessable(str(error)) from None
        return self._shows(self._live, self._history.state())

    async def _close_history(self, _: Request) -> Response:
        if self._live is None:
            raise Conflict("there is nothing else to show: start the inspector without --history")
        self._history = None
        return self._shows(self._live, self._live.state())

    def _shows(self, desk: Desk, state: dict[str, Any]) -> Response:
        """The new state, of which other pages that are open are told."""
        desk.tell("source", {"source": state["source"]})
        return self._json(state)

    def _known(self, request: Request) -> Observed:
        return self._numbered(request.path_params["n"])

    def _numbered(self, number: object) -> Observed:
        desk = self._desk
        event = desk.journal.get(number) if isinstance(number, int) else None
        if event is None:
            raise NotHere("there is no such event: only the last 1,000 are kept")
        return event


async def _bytes(request: Request) -> bytes:
    """The body of a request.

    Raises:
        BadRequest: it is too large.
    """
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > _MOST:
            raise BadRequest(f"the body is larger than {_MOST} bytes: open the file with --history")
    return bytes(found)


async def _body(request: Request) -> dict[str, Any]:
    """The object in the body of a request.

    Raises:
        BadRequest: there is none, or it is too large.
    """
    try:
        given = json.loads(await _bytes(request) or b"{}")
    except (ValueError, RecursionError):
        raise BadRequest("the body must be JSON") from None
    if not isinstance(given, dict):
        raise BadRequest("the body must be a JSON object")
    return given


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise BadRequest(f"`{name}` must be text")
    return value
