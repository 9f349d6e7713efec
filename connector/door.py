"""The HTTP door: NSPS's request to the pipeline, the pipeline's result to NSPS (contract 2, 3).

Method, then token, then size; everything after that is the pipeline's. Each answer, also to what
is no event at all, has the contract's shape and leaves a line in the log.
"""

import asyncio
import hmac
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import FrameType
from uuid import uuid4

import structlog
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from connector import log
from connector.outcome import Outcome, Refusal, Result, answer
from connector.startup import Ready

_HEALTH = "/health"
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_TRACE = re.compile(r"[0-9a-f]{32}")


class HttpDoor:
    """Answers requests with the pipeline; one a process."""

    def __init__(self, ready: Ready) -> None:
        self._settings = ready.settings
        self._pipeline = ready.pipeline
        self._in_flight = 0

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """From the worker's start to its end, which comes after the last request was answered."""
        log.adopt()
        logger = structlog.get_logger()
        pipeline = self._pipeline
        async with pipeline.system:
            self._announce_stop()
            logger.info("serving", connector=pipeline.mapping.name)
            yield
        await pipeline.ledger.close()
        logger.info("stopped: no event in flight, clients closed", connector=pipeline.mapping.name)

    async def __call__(self, request: Request) -> Response:
        """Answer one request, whatever it is."""
        structlog.contextvars.bind_contextvars(**self._ids(request))
        if request.method in ("GET", "HEAD") and request.url.path == _HEALTH:
            return JSONResponse({})
        self._in_flight += 1
        try:
            body = await self._admit(request)
        except Refusal as refusal:
            self._log(refusal.result, request)
            return _response(refusal.result)
        except ClientDisconnect:
            left = Result(Outcome.INVALID, cause="the caller left before the end of the body")
            self._log(left, request)
            return _response(left)
        else:
            return _response(await self._pipeline.handle(body))
        finally:
            self._in_flight -= 1

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer what the framework refuses by itself, in our shape."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        result = Result(Outcome.NOT_ALLOWED if status in (404, 405) else Outcome.FAILED)
        structlog.contextvars.bind_contextvars(**self._ids(request))
        self._log(result, request)
        return _response(result)

    async def _admit(self, request: Request) -> bytes:
        """The event's bytes.

        Raises:
            Refusal: not allowed (before the token, contract 3 case 5), unauthorized, too large.
        """
        if request.method != "POST":
            raise Refusal(Outcome.NOT_ALLOWED)
        if not authorized(request.headers.get("authorization", ""), self._settings.API_TOKEN):
            raise Refusal(Outcome.UNAUTHORIZED)
        most = self._settings.MAX_BODY_BYTES
        too_large = Refusal(Outcome.TOO_LARGE, f"The body is larger than {most} bytes")
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length[:12]) > most:
            raise too_large
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise too_large
        return bytes(body)

    def _ids(self, request: Request) -> dict[str, str]:
        """What every line of this request carries (contract 2, "Headers from NSPS")."""
        headers = request.headers
        ids = {
            "request_id": _id(headers.get("x-b3-traceid")),
            "unique_id": _id(headers.get("x-request-id")),
        }
        trace = _trace(headers)
        project = self._settings.GOOGLE_CLOUD_PROJECT
        if trace:
            where = f"projects/{project}/traces/{trace}" if project else trace
            ids["logging.googleapis.com/trace"] = where
        return ids

    def _log(self, result: Result, request: Request) -> None:
        structlog.get_logger().warning(
            "request refused",
            connector=self._pipeline.mapping.name,
            outcome=result.outcome.value,
            status=answer(result).status,
            method=request.method,
            **({"cause": result.cause} if result.cause else {}),
        )

    def _announce_stop(self) -> None:
        """Log the stop when it begins; the server's own handler, called next, carries it out."""
        loop, server = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def stopping(signum: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._log_stop)
            if callable(server):
                server(signum, frame)

        signal.signal(signal.SIGTERM, stopping)

    def _log_stop(self) -> None:
        structlog.get_logger().info(
            f"stopping: {self._in_flight} events in flight will finish, new ones are refused",
            connector=self._pipeline.mapping.name,
        )


def authorized(header: str, tokens: Sequence[SecretStr]) -> bool:
    """Whether an `Authorization` header holds one of the tokens; takes the same time for each."""
    scheme, _, given = header.partition(" ")
    sent = given.strip().encode()
    found = [hmac.compare_digest(sent, token.get_secret_value().encode()) for token in tokens]
    return scheme.lower() == "bearer" and any(found)


def _id(given: str | None) -> str:
    return given if given and _ID.fullmatch(given) else str(uuid4())


def _trace(headers: Headers) -> str | None:
    """The request's trace id: W3C's header, Google's or B3's."""
    w3c = headers.get("traceparent", "").partition("-")[2]
    google = headers.get("x-cloud-trace-context", "")
    for given in (w3c, google, headers.get("x-b3-traceid", "")):
        found = _TRACE.match(given)
        if found:
            return found[0]
    return None


def _response(result: Result) -> Response:
    given = answer(result)
    return JSONResponse(given.body, given.status, given.headers)
