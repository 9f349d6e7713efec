"""The function's doors: `functions-framework --target process_event --source main.py`.

`process_event` answers HTTP requests, `process_message` takes the CloudEvents of a Pub/Sub
trigger. What they do is in connector/door.py and connector/message_door.py.
"""

import gc

gc.disable()  # until the worker serves: what is loaded now stays, and looking at it takes 40 ms

import os

os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # there are none, and the search takes 2 ms

import sys
from math import ceil
from typing import Any

from cloudevents.http.event import CloudEvent
from functions_framework import aio
from gunicorn.config import GracefulTimeout, PostWorkerInit  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from connector import log
from connector.doors.bad_request import Protocol
from connector.doors.http import HttpDoor
from connector.doors.pubsub import PubSubDoor
from connector.doors.worker import Worker
from connector.settings import BadSettings
from connector.startup import start

try:
    _startup = start(os.environ)
except BadSettings as bad:
    sys.exit("The connector cannot start:\n" + "\n".join(f"  {line}" for line in bad.problems))
log.configure(_startup.settings.LOG_LEVEL)
_worker = Worker(_startup)
_door = HttpDoor(_worker)


def _application(**options: Any) -> Starlette:
    log.adopt()  # the framework has just set up a log of its own, if LOG_EXECUTION_ID is set
    refuse = {HTTPException: _door.refuse}
    return Starlette(**options, lifespan=_worker.lifespan, exception_handlers=refuse)


# The framework has no way to run something when its worker starts and stops, and answers what it
# refuses by itself in plain text; the application that it builds can do both
# (docs/decisions/0003-lifespan.md).
aio.Starlette = _application  # type: ignore[assignment, attr-defined]
# The server kills a worker that has not finished its events after so many seconds (else 30).
GracefulTimeout.default = ceil(_startup.settings.EVENT_BUDGET) + 5
# Its HTTP parser answers what it does not take for a request in plain text, too.
UvicornWorker.CONFIG_KWARGS = {"loop": "auto", "http": Protocol}


def _listen_more(worker: UvicornWorker) -> None:
    """Take up to 16 new connections a turn of the event loop (docs/decisions/0015-listening.md)."""
    dups = [listener.sock.dup() for listener in worker.sockets for _ in range(15)]
    worker.sockets = [*worker.sockets, *dups]


PostWorkerInit.default = staticmethod(_listen_more)


@aio.http
async def process_event(request: Request) -> Response:
    """Answer a request of NSPS, or of our own push subscription."""
    return await _door(request)


@aio.cloud_event
async def process_message(event: CloudEvent) -> None:
    """Take a message of a Pub/Sub trigger; an exception makes it come again."""
    await PubSubDoor(_worker).take(event.data)
