"""The HTTP door: NSPS's request to the pipeline, the pipeline's result to NSPS (contract 2, 3).

Method, then token, then size; everything after that is the pipeline's. Each answer, also to what
is no event at all, has the contract's shape and leaves a line in the log. `/pubsub` takes the
push requests of our own subscription instead, where there is one.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from logging import INFO, WARNING
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic_core import to_json
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from connector import log
from connector.doors.pubsub import PubSubDoor
from connector.doors.pubsub_message import unwrap
from connector.doors.worker import Worker
from connector.event import parse, personal
from connector.outcome import Outcome, Refusal, Result, answer
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.doors.oidc import Signer

_HEALTH = "/health"
_PUSH = "/pubsub"
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_TRACE = re.compile(r"[0-9a-f]{32}")


class HttpDoor:
    """Answers requests with the pipeline; one a process."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._settings = worker.startup.settings
        self._messages = PubSubDoor(worker)
        self._signer = _signer(self._settings)

    async def __call__(self, request: Request) -> Response:
        """Answer one request, whatever it is."""
        log.bind(**self._ids(request.headers))
        path = request.scope["path"]
        if request.method in ("GET", "HEAD") and path == _HEALTH:
            log.write(INFO, "health asked", connector=self._worker.startup.mapping.name)
            return _json({}, 200)
        with self._worker.in_flight:
            try:
                if path == _PUSH and self._signer:
                    return await self._push(request)
                return _response(await self._post(request))
            except Refusal as refusal:
                result = refusal.result
            except ClientDisconnect:
                result = Result(Outcome.INVALID, cause="the caller left before the body's end")
            self._log(result, request)
            return _response(result)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer what the framework refuses by itself, in our shape."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        result = Result(Outcome.NOT_ALLOWED if status in (404, 405) else Outcome.FAILED)
        log.bind(**self._ids(request.headers))
        self._log(result, request)
        return _response(result)

    async def _post(self, request: Request) -> Result:
        """An event from NSPS: applied, or put on the topic."""
        self._check_method(request)
        await self._check_token(request)
        body = await self._body(request)
        if self._settings.INGRESS == "direct":
            return await self._worker.pipeline.handle(body)
        return await self._publish(body)

    async def _publish(self, body: bytes) -> Result:
        """Only what is an event is queued: NSPS learns at once of one that is not."""
        event = parse(body)
        publisher, topic = self._worker.publisher, self._settings.PUBSUB_TOPIC
        if not publisher or not topic:
            raise Refusal(Outcome.UNAVAILABLE, cause="no publisher")
        ids = log.bound()
        attributes = {
            "event_id": event.event_id,
            "event_type": event.event_type,
            "request_id": ids["request_id"],
        }
        await publisher.publish(topic, body, attributes)
        # Any text may stand where the type does: no rule has known it yet.
        logged = attributes | {"event_type": log.redact(event.event_type, personal(event))}
        log.write(
            INFO,
            "event queued",
            connector=self._worker.startup.mapping.name,
            outcome=Outcome.QUEUED.value,
            **logged,
        )
        return Result(Outcome.QUEUED)

    async def _push(self, request: Request) -> Response:
        """A message of our own push subscription; any 2xx acknowledges it."""
        self._check_method(request)
        if self._signer:
            await self._signer.check(request.headers.get("authorization", ""))
        message = unwrap(await self._body(request))
        ids = {"unique_id": message.message_id or str(uuid4())}
        if "request_id" in message.attributes:
            ids["request_id"] = _id(message.attributes["request_id"])
        log.bind(**ids)
        acknowledged, result = await self._messages.deliver(message)
        given = answer(result)
        return _json(given.body, 202 if acknowledged else given.status, given.headers)

    def _check_method(self, request: Request) -> None:
        if request.method != "POST":  # before the token (contract 3, case 5)
            raise Refusal(Outcome.NOT_ALLOWED)

    async def _check_token(self, request: Request) -> None:
        """Compare with the tokens; with fresh ones if it is none, for it may be a new one."""
        startup, header = self._worker.startup, request.headers.get("authorization", "")
        seen = startup.secrets.generation
        if authorized(header, startup.tokens):
            return
        if await startup.secrets.renewed(seen) and authorized(header, startup.tokens):
            return
        raise Refusal(Outcome.UNAUTHORIZED)

    async def _body(self, request: Request) -> bytes:
        """The body whole, refused as soon as it is known to be too large."""
        length = request.headers.get("content-length", "0")
        self._check_size(int(length[:12]) if length.isdigit() else 0)
        body, more = bytearray(), True
        while more:  # Starlette's `stream` makes more of it
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            self._check_size(len(body))
            more = message.get("more_body", False)
        return bytes(body)

    def _check_size(self, size: int) -> None:
        most = self._settings.MAX_BODY_BYTES
        if size > most:
            raise Refusal(Outcome.TOO_LARGE, f"The body is larger than {most} bytes")

    def _ids(self, given: Headers) -> dict[str, str]:
        """What every line of this request carries (contract 2, "Headers from NSPS")."""
        headers = dict(given.items())  # looked up in at once; Starlette's are searched
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
        line = {
            "connector": self._worker.startup.mapping.name,
            "outcome": result.outcome.value,
            "status": answer(result).status,
            "method": request.method,
            "details": [f"{detail.field}: {detail.rule}" for detail in result.details],
            "cause": result.cause,
        }
        line = {name: value for name, value in line.items() if value}
        log.write(WARNING, "request refused", **line)


def authorized(header: str, tokens: Sequence[str]) -> bool:
    """Whether an `Authorization` header holds one of the tokens; takes the same time for each.

    An empty token opens nothing, not even if a secret was rotated to one.
    """
    scheme, _, given = header.partition(" ")
    sent = given.strip().encode()
    found = [hmac.compare_digest(sent, token.encode()) for token in tokens]
    return scheme.lower() == "bearer" and sent != b"" and any(found)


def _signer(settings: Settings) -> "Signer | None":
    account, audience = settings.PUBSUB_SERVICE_ACCOUNT, settings.PUBSUB_AUDIENCE
    if not account or not audience:
        return None
    from connector.doors.oidc import Signer  # noqa: PLC0415 - 0.1 s; only where there is a push

    return Signer(account, audience, settings.OIDC_CERTS_URL)


def _id(given: str | None) -> str:
    return given if given and _ID.fullmatch(given) else str(uuid4())


def _trace(headers: Mapping[str, str]) -> str | None:
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
    return _json(given.body, given.status, given.headers)


def _json(
    body: Mapping[str, object], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Starlette's `JSONResponse` makes an encoder for each answer."""
    return Response(to_json(body), status, headers, "application/json")
