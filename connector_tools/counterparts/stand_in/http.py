"""What stand-ins with an HTTP interface share: a server in a thread of its own, and faults."""

import asyncio
import json
import socket
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.program import DidNotStart

_STARTUP_SECONDS = 20
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_GARBAGE = "<html>Sign in</html>"
Fault = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request: `path` is decoded and begins with a slash; `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The document in the body.

        Raises:
            ValueError: there is none.
        """
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form in the body."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply; a body that is no text and no bytes is sent as JSON."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def no_fault() -> str | None:
    """No fault; the default of `HttpStandIn.fault`."""
    return None


class HttpStandIn(Counterpart):
    """A stand-in with an HTTP interface.

    `fault` is asked before each request: `error` (503, not carried out), `error-after` (500,
    carried out), `throttle` (429), `garbage` (200 with a page of another program, not carried out),
    `refusal` (see `refusal`), or None.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fault: Fault = no_fault
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    @abstractmethod
    def handle(self, request: HttpRequest) -> HttpReply:
        """Reply to one request; requests are handled one after the other."""

    def refusal(self) -> HttpReply:
        """A reply that says, in the words of this system, that it cannot work now."""
        return HttpReply(503)

    @property
    def place(self) -> tuple[str, int]:
        """See `Counterpart`."""
        assert self._socket is not None, "it does not run"  # noqa: S101
        return "127.0.0.1", self._socket.getsockname()[1]

    def start(self) -> None:
        """See `Counterpart`."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            Starlette(routes=[Route("/{path:path}", self._answer, methods=METHODS)]),
            lifespan="off",
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        for _ in range(_STARTUP_SECONDS * 100):
            if self._server.started:
                return
            self._thread.join(0.01)
        raise DidNotStart(f"{self.what} did not start")

    def stop(self) -> None:
        """See `Counterpart`."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(_STARTUP_SECONDS)
        if self._socket:
            self._socket.close()

    async def _answer(self, request: Request) -> Response:
        return await answer(self, request)


async def answer(stand_in: HttpStandIn, request: Request) -> Response:
    """The answer of a stand-in to a request of any ASGI server, after the fault that it meets.

    A request whose sender has gone is not carried out. On a busy machine it would be carried out
    later than the connector expects (docs/reliability.md#the-assumptions).
    """
    asked = HttpRequest(
        request.method,
        unquote(request.url.path),
        dict(request.query_params),
        dict(request.headers),
        await request.body(),
    )
    await asyncio.sleep(0)  # so that the event loop reads what has come
    if await request.is_disconnected():
        return Response()
    reply = _with_fault(stand_in, asked)
    body = reply.body if isinstance(reply.body, str | bytes) else json.dumps(reply.body)
    kind = {} if isinstance(reply.body, str | bytes) else {"content-type": "application/json"}
    return Response(body, reply.status, {**kind, **reply.headers})


def _with_fault(stand_in: HttpStandIn, asked: HttpRequest) -> HttpReply:
    match stand_in.fault():
        case "error":
            return HttpReply(503)
        case "throttle":
            return HttpReply(429, headers={"Retry-After": "1"})
        case "garbage":
            return HttpReply(200, _GARBAGE, {"content-type": "text/html"})
        case "refusal":
            return stand_in.refusal()
        case "error-after":
            stand_in.handle(asked)
            return HttpReply(500)
    return stand_in.handle(asked)


class _Server(uvicorn.Server):
    """uvicorn in a thread, where no signals can be handled."""

    def capture_signals(self) -> Any:
        """Capture no signals."""
        return nullcontext()
