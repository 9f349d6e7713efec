"""The function: `functions-framework --target process_event --source main.py`."""

import os
import sys
from functools import partial

from functions_framework import aio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from connector import log
from connector.door import HttpDoor
from connector.settings import BadSettings
from connector.startup import start

try:
    _ready = start(os.environ)
except BadSettings as bad:
    sys.exit("The connector cannot start:\n" + "\n".join(f"  {line}" for line in bad.problems))
log.configure(_ready.settings.LOG_LEVEL)
_door = HttpDoor(_ready)

# The framework has no way to run something when its worker starts and stops, and answers what it
# refuses by itself in plain text; the application that it builds can do both
# (docs/decisions/0003-lifespan.md).
aio.Starlette = partial(  # type: ignore[assignment, attr-defined]
    Starlette, lifespan=_door.lifespan, exception_handlers={HTTPException: _door.refuse}
)


@aio.http
async def process_event(request: Request) -> Response:
    """Answer a request of NSPS."""
    return await _door(request)
