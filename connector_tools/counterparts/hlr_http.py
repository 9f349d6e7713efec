"""Serves the embedded HLR/HSS over HTTP: WTL's provisioning API, and endpoints for tests.

    WTL_API_TOKEN=secret python -m connector_tools.counterparts.hlr_http --port 8081

`POST /wtl/hlr/v1/prov` works as `hlr.py` says. Not part of WTL's API, but with the same token:

    GET    /subscribers         all records, by IMSI
    GET    /subscribers/{imsi}  one record
    DELETE /subscribers         remove all records, set mode "up"
    PUT    /mode                {"mode": "up" | "outage" | "slow" | "hang" | "drop", "delay": 2.5}

A mode applies to all later requests under /wtl:

    up      work
    outage  answer 503
    slow    carry out the request, wait `delay` seconds, answer; a caller that gives up meanwhile
            does not know that its request was carried out
    hang    carry out nothing, and do not answer
    drop    carry out nothing, and close the connection without an answer
"""

import argparse
import asyncio
import hmac
import json
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector_tools.counterparts.rules.hlr import PROFILE, Hlr, HlrReply, RequestRefused

BASE_PATH = "/wtl/hlr/v1"
MODES = ("up", "outage", "slow", "hang", "drop")
LONGEST = 3600  # seconds, the longest `delay`
_ABORT = (
    "connector_tools.abort"  # an ASGI extension: closes the connection; see `AbortableConnection`
)
_UNAUTHORIZED = HlrReply(401, {"result": False, "error": "unauthorized"})
_NO_SUCH_PATH = HlrReply(404, {"result": False, "error": "not found"})
_NO_METHOD = HlrReply(405, {"result": False, "error": "method not allowed"})
_OUTAGE = HlrReply(503, {"result": False, "error": "service unavailable"})
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "POST"}}

_Endpoint = Callable[[Request], Awaitable[Response]]


class FrontEnd:
    """The HLR's web application."""

    def __init__(self, hlr: Hlr, token: str) -> None:
        self._hlr = hlr
        self._credentials = f"Bearer {token}".encode()
        self._mode = "up"
        self._delay = 0.0

    def application(self) -> Starlette:
        """The ASGI application; `hang` and `drop` need uvicorn with `AbortableConnection`."""
        return Starlette(
            routes=[
                Mount("/wtl", self._api),
                Route("/subscribers", self._guarded(self._subscribers), methods=["GET"]),
                Route("/subscribers", self._guarded(self._reset), methods=["DELETE"]),
                Route("/subscribers/{imsi}", self._guarded(self._subscriber), methods=["GET"]),
                Route("/mode", self._guarded(self._put_mode), methods=["PUT"]),
            ]
        )

    async def _api(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer any request under /wtl; in an outage, neither path nor method is looked at."""
        request = Request(scope, receive)
        body = _json_object(await request.body())
        try:
            response = await self._respond(request, body)
        except asyncio.CancelledError:  # the process stops; uvicorn would answer 500
            response = NoAnswer()
        await response(scope, receive, send)

    async def _respond(self, request: Request, body: dict[str, Any] | None) -> Response:
        mode, delay = self._mode, self._delay
        if mode == "hang":
            await _caller_gone(request.receive)
        if mode in ("hang", "drop"):
            return NoAnswer()
        reply = _OUTAGE if mode == "outage" else self._answer(request, body)
        if mode == "slow":
            await asyncio.sleep(delay)
        return _response(reply)

    def _answer(self, request: Request, body: dict[str, Any] | None) -> HlrReply:
        if not self._authorized(request):
            return _UNAUTHORIZED
        if request.scope["path"] != f"{BASE_PATH}/prov":
            return _NO_SUCH_PATH
        if request.method != "POST":
            return _NO_METHOD
        if body is None:
            return RequestRefused("bad request", "the body must be a JSON object", 400).reply
        return self._hlr.provision(body)

    def _authorized(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, self._credentials)

    def _guarded(self, endpoint: _Endpoint) -> _Endpoint:
        async def guarded(request: Request) -> Response:
            return (
                await endpoint(request) if self._authorized(request) else _response(_UNAUTHORIZED)
            )

        return guarded

    async def _subscribers(self, _: Request) -> Response:
        return JSONResponse({imsi: asdict(one) for imsi, one in self._hlr.subscribers.items()})

    async def _subscriber(self, request: Request) -> Response:
        record = self._hlr.subscribers.get(request.path_params["imsi"])
        return JSONResponse(asdict(record)) if record else JSONResponse({}, 404)

    async def _reset(self, _: Request) -> Response:
        self._hlr.reset()
        self._mode, self._delay = "up", 0.0
        return JSONResponse({})

    async def _put_mode(self, request: Request) -> Response:
        body = _json_object(await request.body()) or {}
        mode, delay = body.get("mode"), body.get("delay", 0)
        if mode not in MODES:
            return JSONResponse({"error": f"mode must be one of {', '.join(MODES)}"}, 400)
        if type(delay) not in (int, float) or not 0 <= delay <= LONGEST:  # not a bool, no NaN
            return JSONResponse({"error": f"delay must be a number from 0 to {LONGEST}"}, 400)
        self._mode, self._delay = mode, float(delay)
        return JSONResponse({"mode": mode, "delay": self._delay})


class NoAnswer(Response):
    """Closes the connection without an answer; without it, uvicorn would answer 500."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection, which must be an `AbortableConnection`."""
        scope["extensions"][_ABORT]()
        await _caller_gone(receive)


async def _caller_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets
        return None
    return content if isinstance(content, dict) else None


def _response(reply: HlrReply) -> Response:
    return JSONResponse(reply.body, reply.status, _HEADERS.get(reply.status))


class AbortableConnection(H11Protocol):
    """uvicorn's connection, which the application can close without an answer: see `NoAnswer`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the application a function that closes this connection, as an ASGI extension."""
        super().connection_made(transport)
        app = self.app

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), _ABORT: transport.abort}
            await app(scope, receive, send)

        self.app = with_abort


class Server(uvicorn.Server):
    """uvicorn, which prints where it listens once it does, and nothing else."""

    async def startup(self, sockets: object = None) -> None:
        """Accept connections from now on, and print the URL."""
        await super().startup()
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"HLR/HSS listening on http://127.0.0.1:{port}{BASE_PATH}", flush=True)


def serve(hlr: Hlr, token: str, port: int) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM; port 0 chooses a free one."""
    config = uvicorn.Config(
        FrontEnd(hlr, token).application(),
        host="127.0.0.1",
        port=port,
        http=AbortableConnection,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,  # seconds; a hanging request must not keep the process alive
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after it has stopped
        Server(config).run()


def _token(text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise argparse.ArgumentTypeError(
            "a token has visible ASCII characters only, without spaces"
        )
    return text


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _profiles(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not all(PROFILE.fullmatch(name) for name in names):
        raise argparse.ArgumentTypeError(f"a profile name must match ^{PROFILE.pattern}$")
    return names


def main() -> None:
    """Run the HLR/HSS from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m connector_tools.counterparts.hlr_http",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, token = parser.add_argument, os.environ.get("WTL_API_TOKEN")
    add(
        "--token",
        type=_token,
        default=token,
        help="bearer token of callers; default: WTL_API_TOKEN",
    )
    add("--port", type=_port, default=8081, help="0 chooses a free one (default: %(default)s)")
    add(
        "--profiles",
        type=_profiles,
        default="default",
        help="names of the profiles that exist, comma-separated",
    )
    options = parser.parse_args()
    if not options.token:
        parser.error("a token is needed: --token or WTL_API_TOKEN")
    serve(Hlr(profiles=options.profiles), options.token, options.port)


if __name__ == "__main__":
    main()
