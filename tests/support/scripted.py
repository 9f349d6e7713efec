"""An external system on a real socket that does what a test tells it to do."""

import json
import socket
import ssl
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Scripted:
    """A reply: after `delay` seconds a status with a JSON document or a raw `body`.

    `drop` closes the connection without a reply (with a reset), `raw` sends these bytes and
    closes, `drip` sends the body byte by byte with that many seconds between.
    """

    status: int = 200
    json: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0
    drop: bool = False
    raw: bytes | None = None
    drip: float = 0


@dataclass
class Received:
    """A request as it arrived; `ended` is None while it is being answered (`time.monotonic`)."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    started: float
    ended: float | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # that is a caller who left
            super().handle_error(request, client_address)


class ScriptedServer:
    """Replies with what `script` queued, in order, then with `default` for ever.

    `default` may be a function of the request. Requests are kept in `requests`. With `tls` it
    speaks HTTPS.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.default: Scripted | Callable[[Received], Scripted] = Scripted()
        self.connections = 0
        self._queue: deque[Scripted] = deque()
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def script(self, *replies: Scripted) -> None:
        self._queue.extend(replies)

    def reset(self) -> None:
        self.requests.clear()
        self._queue.clear()
        self.default = Scripted()

    def wait_for(self, requests: int, seconds: float = 15) -> None:
        """Until that many requests have arrived; which must happen."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < requests:
            assert time.monotonic() < deadline, f"{len(self.requests)} requests of {requests}"
            time.sleep(0.01)

    def reply_to(self, request: Received) -> Scripted:
        if self._queue:
            return self._queue.popleft()
        return self.default(request) if callable(self.default) else self.default

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a reply's body waits 40 ms for an acknowledgement
    server_owner: ScriptedServer

    def setup(self) -> None:
        super().setup()
        self.server_owner.connections += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Be quiet."""

    def _answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(
            self.command, self.path, headers, self.rfile.read(length), time.monotonic()
        )
        self.server_owner.requests.append(received)
        reply = self.server_owner.reply_to(received)
        time.sleep(reply.delay)
        received.ended = time.monotonic()
        try:
            self._send(reply)
        except OSError:
            self.close_connection = True  # the caller has gone, which may be what is tested

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - inherited names

    def _send(self, reply: Scripted) -> None:
        if reply.drop:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        body = reply.body if reply.body is not None else json.dumps(reply.json).encode()
        self.send_response(reply.status)
        headers = {"Content-Type": "application/json", **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not reply.drip:
            self.wfile.write(body)
            return
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(reply.drip)
