"""The function: `functions-framework --target process_event --source main.py`.

`connector/__init__.py` describes the path of an event from here.
"""

from connector.doors import server

server.before_imports()

import os

from cloudevents.http.event import CloudEvent
from functions_framework import aio
from starlette.requests import Request
from starlette.responses import Response

from connector.doors.http import HttpDoor
from connector.doors.pubsub import PubSubDoor
from connector.doors.worker import start_worker

_worker = start_worker(os.environ)
_http, _pubsub = HttpDoor(_worker), PubSubDoor(_worker)
server.adapt(_worker.lifespan, _http.refuse, _worker.startup.settings.EVENT_BUDGET)


@aio.http
async def process_event(request: Request) -> Response:
    """Answer an HTTP request of NSPS, or of the deployment's own push subscription."""
    return await _http(request)


@aio.cloud_event
async def process_message(event: CloudEvent) -> None:
    """Take the CloudEvent of a Pub/Sub trigger; an exception makes Pub/Sub deliver it again."""
    await _pubsub.take(event.data)
