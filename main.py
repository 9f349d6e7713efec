"""The function: `functions-framework --target process_event --source main.py`.

`connector/__init__.py` describes the path of an event from here.
"""

from connector.doors import server

server.before_imports()

import os

from functions_framework import aio
from starlette.requests import Request
from starlette.responses import Response

from connector.doors.http import HttpDoor
from connector.doors.worker import start_worker

_worker = start_worker(os.environ)
_http = HttpDoor(_worker)
_budget, _name = _worker.startup.settings.EVENT_BUDGET, _worker.startup.mapping.name
server.adapt(_worker.lifespan, _http.refuse, _budget, _name)


@aio.http
async def process_event(request: Request) -> Response:
    """Answer an HTTP request of NSPS, or of the deployment's own push subscription."""
    return await _http(request)


@aio.http  # not `cloud_event`: the framework answers 400 itself to what it cannot read
async def process_message(request: Request) -> Response:
    """Take the CloudEvent of a Pub/Sub trigger; any answer but 2xx makes it come again."""
    return await _http.take_message(request)
