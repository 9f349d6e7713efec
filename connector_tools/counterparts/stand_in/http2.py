"""The base of stand-ins that speak only HTTP/2, by prior knowledge as in a 5G core.

The server is hypercorn. It is a tool of the development environment (`dev` in pyproject.toml) and
imported only when such a stand-in starts.
"""

import asyncio
import os
import socket
from functools import partial
from threading import Thread

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector_tools.counterparts.stand_in.http import METHODS, HttpStandIn, answer
from connector_tools.program import NotInstalled

_STOP_SECONDS = 10


class Http2StandIn(HttpStandIn):
    """A stand-in that refuses every request over HTTP/1.1, and notes it as wrong."""

    def start(self) -> None:
        """See `Counterpart`."""
        try:
            from hypercorn.asyncio import serve  # noqa: PLC0415 - only where it runs
            from hypercorn.config import Config  # noqa: PLC0415 - as above
        except ModuleNotFoundError:
            raise NotInstalled("hypercorn is not on this machine: pip install hypercorn") from None
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = Config()
        config.bind = [f"fd://{os.dup(self._socket.fileno())}"]  # hypercorn closes its own
        config.errorlog = None
        config.graceful_timeout = 0.5
        app = Starlette(routes=[Route("/{path:path}", self._over_http2, methods=METHODS)])
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        served = partial(serve, app, config, shutdown_trigger=self._stopped.wait)  # type: ignore[arg-type]
        self._runner = Thread(target=self._run, args=(served,), daemon=True)
        self._runner.start()

    def stop(self) -> None:
        """See `Counterpart`."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._runner.join(_STOP_SECONDS)
        if self._socket:
            self._socket.close()

    def _run(self, served: partial[object]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(served())  # type: ignore[arg-type]
        finally:
            self._loop.close()

    async def _over_http2(self, request: Request) -> Response:
        if request.scope["http_version"] != "2":
            self.wrong.append("a request over HTTP/1.1")
            return Response(status_code=505)
        return await answer(self, request)
