"""The HTTP door: it hands a request's event to the pipeline and answers with the result.

It checks method, token and size, in this order (contract 2 and 3); the pipeline checks the rest.
Each answer has the contract's shape, and each request leaves a line in the log, also if it is not
an event. Where the deployment has a push subscription, `/pubsub` takes its messages.
"""

import hmac
import traceback
from collections.abc import Awaitable, Callable, Sequence
from logging import ERROR, INFO, WARNING
from typing import TYPE_CHECKING

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from connector import log
from connector.doors.bad_request import FAULT, Fault
from connector.doors.pubsub import PubSubDoor
from connector.doors.request_ids import request_ids
from connector.doors.worker import Worker
from connector.event import numbers, parse, personal
from connector.masking import redact
from connector.names import names_in, names_of
from connector.outcome import Outcome, Refusal, Result, answer
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.doors.oidc import Signer

_JSON = "application/json"
_WRAPPER = 200_000  # bytes around a message's data: 100 attributes, and the wrapper's own


class HttpDoor:
    """Answers HTTP requests; one a process."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._settings = worker.startup.settings
        project = self._settings.GOOGLE_CLOUD_PROJECT
        self._traces = f"projects/{project}/traces/" if project else ""
        self._messages = PubSubDoor(worker)
        source = self._settings.SOURCE_HASH
        self._health = to_json({"source": source} if source else {})
        self._signer = _signer(self._settings)

    async def __call__(self, request: Request) -> Response:
        """Answer a request to `process_event`."""
        return await self._answer(request, self._event)

    async def take_message(self, request: Request) -> Response:
        """Answer a request to `process_message`: a CloudEvent with a Pub/Sub message.

        The function's callers are Google's: the platform checks them.
        """
        return await self._answer(request, self._deliver)

    async def _answer(
        self, request: Request, handle: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        log.begin(**request_ids(dict(request.headers.items()), self._traces))
        if request.method in ("GET", "HEAD") and request.scope["path"] == "/health":
            log.write(INFO, "health asked", connector=self._worker.startup.mapping.name)
            return Response(self._health, media_type=_JSON)
        with self._worker.in_flight:
            try:
                if request.method != "POST":  # before the token (contract 3, case 5)
                    raise Refusal(Outcome.NOT_ALLOWED)
                return await handle(request)
            except Refusal as refusal:
                return self._refused(refusal.result, request)
            except ClientDisconnect:
                cause = "the caller left before the body's end"
                return self._refused(Result(Outcome.INVALID, cause=cause), request)
            except Exception as error:  # the last net: the framework would answer in plain text
                frame = traceback.extract_tb(error.__traceback__)[-1]
                cause = f"{type(error).__name__} in {frame.name}, line {frame.lineno}"
                log.write(ERROR, "unexpected failure", cause=cause)
                return self._refused(Result(Outcome.FAILED, cause=cause), request)

    async def _event(self, request: Request) -> Response:
        if request.scope["path"] == "/pubsub" and self._signer:
            await self._signer.check(request.headers.get("authorization", ""))
            return await self._deliver(request)
        header = request.headers.get("authorization", "")
        if not authorized(header, self._worker.startup.tokens):
            await self._check_with_fresh_tokens(header)
        body = await self._body(request, self._settings.MAX_BODY_BYTES)
        if self._settings.INGRESS == "direct":
            return _response(await self._worker.pipeline.handle(body))
        return _response(await self._publish(body))

    async def _deliver(self, request: Request) -> Response:
        """Deliver a message; any 2xx acknowledges it. Base64 makes an event a third longer."""
        most = self._settings.MAX_BODY_BYTES * 4 // 3 + _WRAPPER
        body = await self._body(request, most)
        headers = dict(request.headers.items())
        acknowledged, result = await self._messages.deliver(headers, body)
        return _response(result, 202 if acknowledged else None)

    async def _body(self, request: Request, most: int) -> bytes:
        """Read the body; one of more than `most` bytes is refused before its rest is read."""
        length, body, more = request.headers.get("content-length", ""), bytearray(), True
        _check_size(int(length[:12]) if length.isdecimal() else 0, most)
        while more:  # `Request.stream` does more work for each chunk
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
            _check_size(len(body), most)
        return bytes(body)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer a request that the framework refuses; Starlette calls this."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        log.begin(**request_ids(dict(request.headers.items()), self._traces))
        outcome = Outcome.NOT_ALLOWED if status in (404, 405) else Outcome.FAILED
        return self._refused(Result(outcome), request)

    def _refused(self, result: Result, request: Request) -> Response:
        """Log and answer a refused request; if the server has answered it, log that answer."""
        fault: Fault | None = request.scope["state"].get(FAULT)
        if fault:
            result = Result(fault.outcome, cause=fault.text)
        line = {
            "connector": self._worker.startup.mapping.name,
            "outcome": result.outcome.value,
            "status": fault.status if fault else answer(result).status,
            "method": request.method,
            "details": [str(detail) for detail in result.details],
            "cause": result.cause,
        }
        line = {name: value for name, value in line.items() if value}
        log.write(WARNING, "request refused", **line)
        return _response(result)

    async def _check_with_fresh_tokens(self, header: str) -> None:
        """Read the secrets again, once: the token may have been rotated a moment ago."""
        startup = self._worker.startup
        renewed = await startup.secrets.renewed(startup.secrets.generation)
        if not renewed or not authorized(header, startup.tokens):
            raise Refusal(Outcome.UNAUTHORIZED)

    async def _publish(self, body: bytes) -> Result:
        """Put an event on the topic, if it is valid: NSPS learns of an invalid one at once."""
        try:
            event = parse(body)
        except Refusal:
            log.bind(**self._worker.pipeline.found_by(names_in(body)))
            raise
        log.protect(lambda text: redact(text, personal(event)), numbers(event))
        publisher, topic = self._worker.publisher, self._settings.PUBSUB_TOPIC
        if not publisher or not topic:
            raise Refusal(Outcome.UNAVAILABLE, cause="no publisher")
        attributes = {
            "event_id": event.event_id,
            "event_type": event.event_type,
            "request_id": log.bound()["request_id"],
        }
        await publisher.publish(topic, body, attributes)
        # No rule has matched yet, so the type may be any text, and hold personal data.
        logged = {
            **attributes,
            "event_type": redact(event.event_type, personal(event)),
            **self._worker.pipeline.found_by(names_of(event)),
        }
        log.write(
            INFO,
            "event queued",
            connector=self._worker.startup.mapping.name,
            outcome=Outcome.QUEUED.value,
            **logged,
        )
        return Result(Outcome.QUEUED)


def authorized(header: str, tokens: Sequence[str]) -> bool:
    """Whether an `Authorization` header holds a token, in constant time; never an empty one."""
    scheme, _, given = header.partition(" ")
    sent = given.strip().encode()
    found = [hmac.compare_digest(sent, token.encode()) for token in tokens]
    return scheme.lower() == "bearer" and sent != b"" and any(found)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise Refusal(Outcome.TOO_LARGE, f"The body is larger than {most} bytes")


def _signer(settings: Settings) -> "Signer | None":
    account, audience = settings.PUBSUB_SERVICE_ACCOUNT, settings.PUBSUB_AUDIENCE
    if not account or not audience:
        return None
    from connector.doors.oidc import Signer  # noqa: PLC0415 - 0.1 s; only where there is a push

    return Signer(account, audience, settings.OIDC_CERTS_URL)


def _response(result: Result, status: int | None = None) -> Response:
    given = answer(result)
    return Response(to_json(given.body), status or given.status, given.headers, _JSON)
