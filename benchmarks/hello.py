"""The smallest function, beside which a cold start is measured."""

from functions_framework import aio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


@aio.http
async def hello(_: Request) -> Response:
    """Say hello."""
    return PlainTextResponse("hello", 202)
