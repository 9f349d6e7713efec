"""The doors behind uvicorn in a thread of the tests' process: real sockets, no process to start."""

import asyncio
import itertools
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from io import StringIO
from threading import Thread
from typing import Any, Self

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from uvicorn import Config, Server

from connector import log
from connector.doors.bad_request import FAULTS
from connector.doors.connection import Connection
from connector.doors.deadlines import Deadlines, Limits
from connector.doors.http import HttpDoor
from connector.doors.publisher import Publisher
from connector.doors.worker import start_worker
from tests.support.events import event, subscriber
from tests.support.function import TOKEN

HEAD = f"POST / HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: c\r\n\r\n"
MARK = b"m4rk3d"
_NUMBERS = itertools.count(1)


class ServerThread:
    """An application on a free port of 127.0.0.1; without `limits`, behind uvicorn's h11."""

    def __init__(self, app: Any, limits: Limits | None = None) -> None:
        self.name = f"connector-{next(_NUMBERS)}"
        http: Any = partial(Connection, Deadlines(self.name, limits)) if limits else "h11"
        self._config = Config(
            app,
            http=http,
            ws="none",
            log_config=None,
            access_log=False,
            timeout_keep_alive=0 if limits else 5,  # `Connection` has deadlines in its place
        )
        self._server = Server(self._config)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._config.get_loop_factory()) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def __enter__(self) -> Self:
        self._thread.start()
        self.exchange(b"GET /health HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n")
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def exchange(self, *pieces: bytes) -> bytes:
        """Send bytes on a new connection; all that comes back until the server closes it."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return drained(connection)


def drained(connection: socket.socket) -> bytes:
    """All bytes until the server closes the connection."""
    answer = b""
    try:
        while received := connection.recv(65536):
            answer += received
    except ConnectionError:
        pass
    return answer


class Answer:
    """The first final answer in the bytes that a server sent."""

    def __init__(self, sent: bytes) -> None:
        while sent.startswith(b"HTTP/1.1 100 "):
            sent = sent.partition(b"\r\n\r\n")[2]
        head, _, rest = sent.partition(b"\r\n\r\n")
        line, *headers = head.decode("latin-1").split("\r\n")
        self.status = int(line.split()[1]) if line else None
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (each.partition(":") for each in headers)
        }
        length = int(self.headers.get("content-length", len(rest)))  # else it is the last
        self.body, self.rest = rest[:length], rest[length:]

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def door_app(env: Mapping[str, str], function: str = "process_event") -> Starlette:
    """The application of one of the two functions, as main.py makes it."""
    worker = start_worker(env)
    door = HttpDoor(worker)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            worker.pipeline = await stack.enter_async_context(worker.startup.serve())
            if emulator := worker.startup.settings.PUBSUB_EMULATOR_HOST:
                worker.publisher = await stack.enter_async_context(Publisher(emulator))
            yield

    answer = {"process_event": door.__call__, "process_message": door.take_message}[function]
    refuse: Any = {HTTPException: door.refuse}
    app = Starlette(lifespan=lifespan, exception_handlers=refuse)
    app.add_route("/{path:path}", answer, ["GET", "POST", "OPTIONS", "CONNECT"])
    return app


@contextmanager
def captured_log() -> Iterator[StringIO]:
    """What is logged meanwhile; call `log.configure` with it after a start."""
    root, written = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    log.configure("INFO", written)
    yield written
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    log.OURS.setLevel(logging.NOTSET)


def lines(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def good(number: int, *headers: bytes, padding: int = 0) -> bytes:
    """A request with an event of that subscriber; blanks make it longer."""
    body = json.dumps(event(imsi=subscriber(number))).encode() + b" " * padding
    length = b"Content-Length: %d" % len(body)
    return HEAD + b"\r\n".join([*headers, length, b"", body])


def status_of_ours(answer: bytes) -> int | None:
    """The status of an answer of our own: in our shape, and the last one."""
    found = Answer(answer)
    assert set(found.json) == {"message", "error", "type"}
    assert (found.headers["connection"], found.rest) == ("close", b"")
    assert MARK not in answer
    return found.status


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def warnings(written: StringIO, number: int) -> list[dict[str, Any]]:
    """The lines about refused requests, at least so many: the answer comes before its line."""
    wait_for(lambda: len(logged(written)) >= number)
    found = [line for line in lines(written) if line["severity"] != "INFO"]
    assert MARK.decode() not in written.getvalue()
    assert all(line["message"] == "request refused" and line["outcome"] for line in found)
    assert {line["cause"] for line in found} <= {fault.text for fault in FAULTS}
    return found


def logged(written: StringIO) -> list[int]:
    """The statuses in the lines about events and requests that were not accepted."""
    return [line["status"] for line in lines(written) if line["severity"] != "INFO"]
