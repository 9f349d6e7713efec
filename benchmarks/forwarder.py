"""The bare forwarder, the yardstick: what the platform costs without a connector.

    SYSTEM_URL=http://... functions-framework --target forward --source benchmarks/forwarder.py

Functions Framework's asynchronous side and httpx over pyreqwest's transport, which is fast; the
body is posted on as it came. No authentication, no mapping, no ledger, no log.
"""

import os

import httpx
from functions_framework import aio
from pyreqwest.compatibility.httpx import HttpxTransport  # type: ignore[import-not-found]
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_URL = os.environ["SYSTEM_URL"]
_client: httpx.AsyncClient | None = None


@aio.http
async def forward(request: Request) -> Response:
    """Post the body to the external system."""
    global _client  # noqa: PLW0603 - it needs the running event loop
    if _client is None:
        _client = httpx.AsyncClient(transport=HttpxTransport(), timeout=None)  # noqa: S113
    reply = await _client.post(_URL, content=await request.body())
    return JSONResponse({"message": "forwarded"}, 202 if reply.is_success else 500)
