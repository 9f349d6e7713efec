"""Every change that the function makes to the interpreter, the framework and the server.

Functions Framework starts gunicorn, uvicorn and Starlette itself and passes no options on to
them, so the function changes them from inside. Each function below makes one change, and its
docstring answers four questions: what changes, why, which upstream issue would make the change
unnecessary, and when to remove it. `connector.log.adopt` makes one more, in the same form.
tests/doors/test_server.py checks that the answers are complete and that no other module changes
what it does not own.

main.py calls `before_imports`, then `adapt`; the worker calls `resume_collector` and
`announce_stop` when it is about to serve.
"""

import gc
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from math import ceil
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

    Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]
    Refuse = Callable[[Request, Exception], Awaitable[Response]]

_NEW_OBJECTS = 200_000  # about eight events of 1 MB
_LISTENERS = 16

CANNOT_START = 1
"""The exit status of a function that cannot start."""
_FAILED_START = (
    ("Worker (pid:%s) exited with code %s.", CANNOT_START),
    ("Shutting down: %s", "Master"),
    ("Reason: %s", "Worker failed to boot."),
)


def before_imports() -> None:
    """Make the changes that have no effect after the imports; main.py calls this first."""
    rest_collector()
    skip_plugins()


def adapt(lifespan: "Lifespan", refuse: "Refuse", budget: float, connector: str) -> None:
    """Make the changes to the framework and the server; main.py calls this before they start.

    `lifespan` surrounds the time in which the application serves. `refuse` answers the requests
    that the framework refuses. `budget` is the most seconds that an event may take. `connector` is
    the mapping's name.
    """
    build_application(lifespan, refuse)
    wait_for_events(budget)
    limit_connections(connector)
    accept_many_connections()
    end_failed_start()


def rest_collector() -> None:
    """Stop the garbage collector while modules are imported.

    What: disables Python's garbage collector, until `resume_collector`.
    Why: modules live as long as the process; searching them for garbage took 40 ms of a start.
    Upstream: none; the switch is the interpreter's documented one.
    Remove when: a measured cold start is no slower without it.
    """
    gc.disable()


def resume_collector() -> None:
    """Let the garbage collector look at the objects of events, and not at loaded modules.

    What: freezes what is loaded, and starts a collection every 200,000 new objects.
    Why: Python's default, every 700 objects, is two collections an event. Even one every 20,000
        visits all large events in flight, which took a fifth of their CPU.
    Upstream: none; the threshold is the interpreter's documented one.
    Remove when: `make drain` shows the same CPU for large events without it.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()


def skip_plugins() -> None:
    """Keep pydantic from searching for plugins.

    What: sets the environment variable PYDANTIC_DISABLE_PLUGINS, which pydantic reads on import.
    Why: the function has no plugins, and the search takes 2 ms of a start.
    Upstream: none; the variable is pydantic's documented switch, and it has no other.
    Remove when: pydantic searches for nothing by default.
    """
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"


def build_application(lifespan: "Lifespan", refuse: "Refuse") -> None:
    """Give the framework's application a lifespan, an error handler and our log.

    What: replaces the class `Starlette` in `functions_framework.aio` by a function that builds
        the same application with both. Just before it the framework may have set up its own log.
    Why: clients open and close on the event loop that serves, and the stop is logged. The
        framework answers some requests itself, in plain text; NSPS expects JSON.
    Upstream: GoogleCloudPlatform/functions-framework-python issue 401 and pull request 442 (error
        handlers for async functions), pull request 382 (serve an ASGI application as it is).
    Remove when: one of them lets a function pass a lifespan and an error handler
        (docs/decisions/0003-lifespan.md).
    """
    from functions_framework import aio
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException

    from connector import log

    def build(**options: Any) -> Starlette:
        log.adopt()
        return Starlette(**options, lifespan=lifespan, exception_handlers={HTTPException: refuse})

    aio.Starlette = build  # type: ignore[assignment, attr-defined]


def wait_for_events(budget: float) -> None:
    """Let a stopping worker finish its events.

    What: changes the default of gunicorn's `graceful_timeout` to `budget` + 5 seconds.
    Why: gunicorn kills a worker that needs more than its default of 30 s.
    Upstream: GoogleCloudPlatform/functions-framework-python issues 174 and 302 (options for
        gunicorn); pull request 175, which added them, was declined.
    Remove when: the framework passes options on to gunicorn.
    """
    from gunicorn.config import GracefulTimeout  # type: ignore[import-untyped]

    GracefulTimeout.default = ceil(budget) + 5


def limit_connections(connector: str) -> None:
    """Give uvicorn limits, deadlines and our JSON error body.

    What: replaces the HTTP protocol class in the options of uvicorn's worker, and lets no request
        change to WebSocket. `connector` is the name in the log lines.
    Why: 30 MB of headers without end took 720 MB of memory, a half-sent request stayed open for
        ever, `Upgrade: h2c` lost the body, and bad requests were answered in plain text without a
        line in the log (docs/decisions/0029-bytes-before-an-event.md).
    Upstream: Kludex/uvicorn has no issue for a limit of httptools' heads; for h11 it has
        `h11_max_incomplete_event_size`. Pull request 1352 made the plain text. To choose the
        worker class instead: functions-framework-python issues 174 and 302.
    Remove when: uvicorn has limits and deadlines for a request and lets an application give the
        body of its errors.
    """
    from functools import partial

    from uvicorn_worker import UvicornWorker

    from connector.doors.connection import Connection
    from connector.doors.deadlines import Deadlines, Limits

    protocol = partial(Connection, Deadlines(connector, Limits()))
    UvicornWorker.CONFIG_KWARGS = {"loop": "auto", "http": protocol, "ws": "none"}


def accept_many_connections() -> None:
    """Accept up to 16 new connections in one turn of the event loop.

    What: changes the default of gunicorn's hook `post_worker_init`, to give the server 15 more
        descriptors of the socket that it listens on.
    Why: uvloop accepts one connection a turn from each descriptor. Of 100 senders that connect at
        once the last waited 0.7 s (docs/decisions/0015-listening.md).
    Upstream: libuv/libuv pull request 3696 made it so, on purpose; nodejs/performance issue 95
        measures the same effect.
    Remove when: libuv, as uvloop has it, accepts all waiting connections in one turn.
    """
    from gunicorn.config import PostWorkerInit

    def listen(worker: "UvicornWorker") -> None:
        more = [each.sock.dup() for each in worker.sockets for _ in range(_LISTENERS - 1)]
        worker.sockets = [*worker.sockets, *more]

    PostWorkerInit.default = staticmethod(listen)


def end_failed_start() -> None:
    """Let a start that fails in the worker end with status 1 and one record, as any other does.

    What: changes the status by which gunicorn knows that a worker cannot start from 3 to 1, drops
        the three lines that gunicorn then logs, and lets it stop all workers that cannot start.
    Why: a platform and its operator see one kind of failed start, wherever the fault is found:
        Google's clients, for example, can only be made after the fork. With two workers that
        cannot start, gunicorn ended with a traceback.
    Upstream: none; the status is a constant of gunicorn's class `Arbiter`, not an option.
    Remove when: gunicorn has an option for the status, and logs nothing more about a worker that
        ended by itself.
    """
    import logging
    from contextlib import suppress

    from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
    from gunicorn.errors import HaltServer  # type: ignore[import-untyped]

    def is_news(record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        return record.levelno < logging.ERROR or (record.msg, *arguments[-1:]) not in _FAILED_START

    stop: Callable[..., None] = Arbiter.halt

    def halt(arbiter: Arbiter, *reason: object, **status: object) -> None:
        while True:  # until `stop` exits; one turn for each further worker that cannot start
            with suppress(HaltServer):
                return stop(arbiter, *reason, **status)

    Arbiter.WORKER_BOOT_ERROR, Arbiter.halt = CANNOT_START, halt
    logging.getLogger("gunicorn.error").filters.insert(0, is_news)  # before that of `log.adopt`


def announce_stop(stopping: Callable[[], None]) -> None:
    """Call `stopping` on the running event loop when the server gets SIGTERM.

    What: installs a handler for SIGTERM, which then calls the handler that was there, uvicorn's.
    Why: the log says how many events are in flight when a stop begins. A lifespan ends only
        after the last of them.
    Upstream: django/asgiref issue 588 (`lifespan.shutdown.notice`); Kludex/uvicorn pull request
        800, which added it, was closed to wait for ASGI.
    Remove when: ASGI has such a message.
    """
    import asyncio

    loop, server = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def handle(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopping)
        if callable(server):
            server(signum, frame)

    signal.signal(signal.SIGTERM, handle)
