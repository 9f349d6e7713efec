"""An embedded HLR/HSS that speaks the provisioning API of WTL's HLR/HSS over HTTP.

It keeps its subscribers in memory and forgets them when it stops. Use it to see the connector
work, and to test what the connector does when the HLR refuses, fails, hangs or is away.

    python -m connector_tools.hlr --port 8081 --token secret

**What WTL's API says.** NSPS's public connector guide and its reference connector show one call,
`POST {base_url}/prov`, with a bearer token and a JSON body:

    imsi               exactly 15 digits
    action             insert, update, set, modify, unset or delete
    subscriber_status  serviceGranted or operatorDeterminedBarring
    msisdn             a list of at most one number
    cs_profile         a profile name: a letter, then letters, digits, "-", "_" and "."
    eps_profile        the same

and one answer, HTTP 200 with `{"result": bool, "error": str, "message": str}`, all optional.
A failure is `"result": false`, with HTTP 200 too.

**What it does not say.** What each action means exactly, and which failures have an HTTP status
of their own, is not public. This HLR defines them as follows; a real one may differ.

    insert  create the record; 409 if there is one
    update  make the record hold the given fields, the others keep their value; without a record,
            create it if the IMSI is of the HLR's own network, whose SIM cards are provisioned
            with their keys in advance; 404 for any other IMSI
    set     the same as update
    modify  the same as update, but 404 without a record
    unset   clear the given fields, whatever their (valid) value; `subscriber_status` cannot be
            cleared; 404 without a record
    delete  remove the record, which frees its number; 404 without a record

A new record is barred, has no number and no profiles, but for the fields that the request gives.
A number belongs to one IMSI: while another IMSI holds it, it is refused as `msisdn in use`.
A request that is refused changes nothing, and no refusal repeats what the request said: an IMSI
and an MSISDN are personal data. A body that is no JSON object, or has a value of a wrong type,
is a 400; a value that breaks a rule, and a field that the API does not have, is `result` false.

**For people and tests**, with the same token, and no part of WTL's API:

    GET    /subscribers         all records, by IMSI
    DELETE /subscribers         start afresh: no records, no log, mode "up"
    GET    /subscribers/{imsi}  one record
    GET    /requests            the latest requests under /wtl, oldest first: action, imsi, HTTP
                                status and result (null: not answered), start and end (null: not
                                over yet), in UTC
    PUT    /mode                {"mode": "up" | "outage" | "slow" | "hang" | "drop", "delay": 2.5}

A mode holds for every request that arrives under /wtl from then on:

    up      work
    outage  answer 503
    slow    carry the request out, wait `delay` seconds, answer: a caller that gave up meanwhile
            does not know that its request was carried out
    hang    carry out nothing, answer nothing, for an hour or until the caller gives up
    drop    carry out nothing, close the connection without an answer
"""

import argparse
import asyncio
import hmac
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeGuard

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

BASE_PATH = "/wtl/hlr/v1"
GRANTED = "serviceGranted"
BARRED = "operatorDeterminedBarring"
STATUSES = (GRANTED, BARRED)
ACTIONS = ("insert", "update", "set", "modify", "unset", "delete")
FIELDS = ("action", "imsi", "subscriber_status", "msisdn", "cs_profile", "eps_profile")

# [0-9], not \d, which also matches the digits of other scripts.
IMSI = re.compile(r"[0-9]{15}")
NUMBER = re.compile(r"[0-9]+")
PROFILE = re.compile(r"[a-zA-Z][-_.a-zA-Z0-9]*")


# --- The state machine: no I/O ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """What the HLR answers: an HTTP status and a JSON object."""

    status: int
    body: dict[str, object]


class Refused(Exception):  # noqa: N818 - not an error of ours: an answer to the caller
    """The HLR does not carry out a request. Its texts hold nothing that the request said."""

    def __init__(self, error: str, message: str, status: int = 200) -> None:
        super().__init__(error)
        self.reply = Reply(status, {"result": False, "error": error, "message": message})


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request: what to do with which subscriber. None is a field that was not given."""

    action: str
    imsi: str = field(repr=False)
    subscriber_status: str | None = None
    msisdn: tuple[str, ...] | None = field(default=None, repr=False)
    cs_profile: str | None = None
    eps_profile: str | None = None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One record of the HLR. It starts without service: service is granted, never assumed."""

    imsi: str = field(repr=False)
    subscriber_status: str = BARRED
    msisdn: tuple[str, ...] = field(default=(), repr=False)
    cs_profile: str | None = None
    eps_profile: str | None = None

    def having(self, order: Order) -> "Subscriber":
        """This record with the fields that the order gives."""
        return replace(
            self,
            subscriber_status=order.subscriber_status or self.subscriber_status,
            msisdn=self.msisdn if order.msisdn is None else order.msisdn,
            cs_profile=order.cs_profile or self.cs_profile,
            eps_profile=order.eps_profile or self.eps_profile,
        )

    def lacking(self, order: Order) -> "Subscriber":
        """This record without the fields that the order gives."""
        return replace(
            self,
            msisdn=self.msisdn if order.msisdn is None else (),
            cs_profile=self.cs_profile if order.cs_profile is None else None,
            eps_profile=self.eps_profile if order.eps_profile is None else None,
        )


class Hlr:
    """The subscribers of one network, and the rules by which they change.

    `network` is the prefix of the IMSIs whose SIM cards the HLR knows in advance (001 01 is the
    test network of ITU-T E.212); `profiles` are the names that a subscriber's profiles may have.
    """

    def __init__(self, network: str = "00101", profiles: Iterable[str] = ("default",)) -> None:
        self.network = network
        self.profiles = frozenset(profiles)
        self._subscribers: dict[str, Subscriber] = {}
        self._holders: dict[str, str] = {}  # MSISDN -> the IMSI that holds it

    @property
    def subscribers(self) -> dict[str, Subscriber]:
        """A copy of all records, by IMSI."""
        return dict(self._subscribers)

    def provision(self, request: Mapping[str, object]) -> Reply:
        """Carry out one request in full, or refuse it and change nothing."""
        try:
            self._carry_out(read_order(request, self.profiles))
        except Refused as refused:
            return refused.reply
        return Reply(200, {"result": True})

    def reset(self) -> None:
        """Forget all subscribers."""
        self._subscribers.clear()
        self._holders.clear()

    def _carry_out(self, order: Order) -> None:
        match order.action:
            case "insert":
                self._insert(order)
            case "update" | "set":
                self._update(order)
            case "modify":
                self._store(self._known(order.imsi).having(order))
            case "unset":
                self._unset(order)
            case "delete":
                self._remove(self._known(order.imsi))

    def _insert(self, order: Order) -> None:
        if order.imsi in self._subscribers:
            raise Refused("imsi exists", "a subscriber with this IMSI exists: update it", 409)
        self._store(Subscriber(order.imsi).having(order))

    def _update(self, order: Order) -> None:
        if order.imsi in self._subscribers or not order.imsi.startswith(self.network):
            self._store(self._known(order.imsi).having(order))
        else:
            self._store(Subscriber(order.imsi).having(order))

    def _unset(self, order: Order) -> None:
        if order.subscriber_status is not None:
            raise Refused("invalid subscriber_status", "every subscriber has one: update it")
        self._store(self._known(order.imsi).lacking(order))

    def _known(self, imsi: str) -> Subscriber:
        if imsi not in self._subscribers:
            raise Refused("unknown imsi", "no subscriber has this IMSI: insert it first", 404)
        return self._subscribers[imsi]

    def _store(self, subscriber: Subscriber) -> None:
        for number in subscriber.msisdn:
            if self._holders.get(number, subscriber.imsi) != subscriber.imsi:
                raise Refused("msisdn in use", "another IMSI holds this number: free it first")
        if old := self._subscribers.get(subscriber.imsi):
            self._free_numbers(old)
        self._subscribers[subscriber.imsi] = subscriber
        self._holders.update(dict.fromkeys(subscriber.msisdn, subscriber.imsi))

    def _remove(self, subscriber: Subscriber) -> None:
        self._free_numbers(subscriber)
        del self._subscribers[subscriber.imsi]

    def _free_numbers(self, subscriber: Subscriber) -> None:
        for number in subscriber.msisdn:
            del self._holders[number]


def read_order(request: Mapping[str, object], profiles: frozenset[str]) -> Order:
    """The order that a request holds. All types are looked at before any value is."""
    texts = {name: _text(request, name) for name in FIELDS if name != "msisdn"}
    msisdn = _texts(request, "msisdn")
    if not request.keys() <= set(FIELDS):
        raise Refused("unknown field", f"the fields are {', '.join(FIELDS)}")
    return Order(
        action=_action(texts["action"]),
        imsi=_imsi(texts["imsi"]),
        subscriber_status=_status(texts["subscriber_status"]),
        msisdn=_msisdn(msisdn),
        cs_profile=_profile("cs_profile", texts["cs_profile"], profiles),
        eps_profile=_profile("eps_profile", texts["eps_profile"], profiles),
    )


def _text(request: Mapping[str, object], name: str) -> str | None:
    if name not in request:
        return None
    value = request[name]
    if not isinstance(value, str):
        raise Refused("bad request", f"{name} must be a string", 400)
    return value


def _texts(request: Mapping[str, object], name: str) -> tuple[str, ...] | None:
    if name not in request:
        return None
    value = request[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Refused("bad request", f"{name} must be a list of strings", 400)
    return tuple(value)


def _action(value: str | None) -> str:
    if value not in ACTIONS:
        raise Refused("invalid action", f"action must be one of {', '.join(ACTIONS)}")
    return value


def _imsi(value: str | None) -> str:
    if value is None or not IMSI.fullmatch(value):
        raise Refused("invalid imsi", "imsi must be exactly 15 digits")
    return value


def _status(value: str | None) -> str | None:
    if value is not None and value not in STATUSES:
        raise Refused(
            "invalid subscriber_status",
            f"subscriber_status must be one of {', '.join(STATUSES)}",
        )
    return value


def _msisdn(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if value is not None and len(value) > 1:
        raise Refused("invalid msisdn", "msisdn must hold at most one number")
    if value and not NUMBER.fullmatch(value[0]):
        raise Refused("invalid msisdn", "msisdn must hold a number of digits only")
    return value


def _profile(name: str, value: str | None, profiles: frozenset[str]) -> str | None:
    if value is None:
        return None
    if not PROFILE.fullmatch(value):
        raise Refused(f"invalid {name}", f"{name} must match ^{PROFILE.pattern}$")
    if value not in profiles:
        raise Refused(f"unknown {name}", f"{name} is no profile of this HLR: add it there first")
    return value


# --- The web application ------------------------------------------------------------------------


class Mode(StrEnum):
    """How requests under /wtl fare; the module's docstring says what each one does."""

    UP = "up"
    OUTAGE = "outage"
    SLOW = "slow"
    HANG = "hang"
    DROP = "drop"


LONGEST = 3600.0
"""Seconds: how long `hang` lasts, and the longest `delay`."""

LOG_LENGTH = 100_000
"""Requests kept for `GET /requests`: enough for a load test, and memory stays bounded."""

ABORT = "connector_tools.abort"
"""The ASGI extension by which a connection can be closed; `Connection` provides it."""

UNAUTHORIZED = Reply(401, {"result": False, "error": "unauthorized"})
NO_SUCH_PATH = Reply(404, {"result": False, "error": "not found"})
NO_SUCH_METHOD = Reply(405, {"result": False, "error": "method not allowed"})
OUTAGE = Reply(503, {"result": False, "error": "service unavailable"})
HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "POST"}}

Endpoint = Callable[[Request], Awaitable[Response]]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(slots=True)
class LoggedRequest:
    """One request under /wtl, as it is known so far."""

    action: str | None
    imsi: str | None = field(repr=False)
    status: int | None = None
    result: bool | None = None
    start: str = field(default_factory=_now)
    end: str | None = None

    def answered(self, reply: Reply) -> None:
        """Note the answer."""
        self.status, self.result = reply.status, reply.body["result"] is True


class NoAnswer(Response):
    """Closes the connection without a word.

    An application that returns or raises without an answer does not close it: uvicorn answers 500.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection, and wait until the server has noticed."""
        scope["extensions"][ABORT]()
        while (await receive())["type"] != "http.disconnect":
            pass


class FrontEnd:
    """The HLR on the web: WTL's API, and the endpoints for people and tests."""

    def __init__(self, hlr: Hlr, token: str) -> None:
        self._hlr = hlr
        self._credentials = f"Bearer {token}".encode()
        self._log: deque[LoggedRequest] = deque(maxlen=LOG_LENGTH)
        self._mode = Mode.UP
        self._delay = 0.0

    def routes(self) -> list[BaseRoute]:
        """Every path that is served."""
        return [
            Mount("/wtl", self.api),
            Route("/subscribers", self._guarded(self.get_subscribers), methods=["GET"]),
            Route("/subscribers", self._guarded(self.reset), methods=["DELETE"]),
            Route("/subscribers/{imsi}", self._guarded(self.get_subscriber), methods=["GET"]),
            Route("/requests", self._guarded(self.get_requests), methods=["GET"]),
            Route("/mode", self._guarded(self.put_mode), methods=["PUT"]),
        ]

    async def api(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Anything under /wtl, of any method: an outage asks for neither path nor method."""
        response = await self._logged(Request(scope, receive))
        await response(scope, receive, send)

    async def _logged(self, request: Request) -> Response:
        body = _json_object(await request.body())
        logged = LoggedRequest(_string(body, "action"), _string(body, "imsi"))
        self._log.append(logged)
        try:
            return await self._fare(request, body, logged)
        except asyncio.CancelledError:
            return NoAnswer()  # The process stops and waits no longer: uvicorn would answer 500.
        finally:
            logged.end = _now()

    async def _fare(
        self, request: Request, body: dict[str, object] | None, logged: LoggedRequest
    ) -> Response:
        mode, delay = self._mode, self._delay
        if mode is Mode.HANG:
            with suppress(TimeoutError):
                await asyncio.wait_for(_caller_gone(request), LONGEST)
        if mode in (Mode.HANG, Mode.DROP):
            return NoAnswer()
        reply = OUTAGE if mode is Mode.OUTAGE else self._answer(request, body)
        if mode is Mode.SLOW:
            await asyncio.sleep(delay)
        logged.answered(reply)
        return _json(reply.body, reply.status)

    def _answer(self, request: Request, body: dict[str, object] | None) -> Reply:
        if not self._authorized(request):
            return UNAUTHORIZED
        if request.scope["path"] != f"{BASE_PATH}/prov":
            return NO_SUCH_PATH
        if request.method != "POST":
            return NO_SUCH_METHOD
        if body is None:
            return Refused("bad request", "the body must be a JSON object", 400).reply
        return self._hlr.provision(body)

    def _authorized(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, self._credentials)

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            if not self._authorized(request):
                return _json(UNAUTHORIZED.body, UNAUTHORIZED.status)
            return await endpoint(request)

        return guarded

    async def get_subscribers(self, _: Request) -> Response:
        """All records, by IMSI."""
        return _json({imsi: asdict(record) for imsi, record in self._hlr.subscribers.items()})

    async def get_subscriber(self, request: Request) -> Response:
        """One record."""
        record = self._hlr.subscribers.get(request.path_params["imsi"])
        if record is None:
            return _json({"error": "unknown imsi"}, 404)
        return _json(asdict(record))

    async def get_requests(self, _: Request) -> Response:
        """The log, oldest first."""
        return _json([asdict(logged) for logged in self._log])

    async def reset(self, _: Request) -> Response:
        """Back to how the HLR started."""
        self._hlr.reset()
        self._log.clear()
        self._mode, self._delay = Mode.UP, 0.0
        return _json({})

    async def put_mode(self, request: Request) -> Response:
        """How requests that arrive from now on fare."""
        body = _json_object(await request.body()) or {}
        mode, delay = _string(body, "mode"), body.get("delay", 0)
        if mode not in list(Mode):
            return _json({"error": f"mode must be one of {', '.join(Mode)}"}, 400)
        if not _is_delay(delay):
            return _json({"error": f"delay must be a number from 0 to {LONGEST:.0f}"}, 400)
        self._mode, self._delay = Mode(mode), float(delay)
        return _json({"mode": self._mode, "delay": self._delay})


def web_app(hlr: Hlr, token: str) -> Starlette:
    """The ASGI application. Mode `drop` and `hang` need `Connection` as uvicorn's protocol."""
    return Starlette(
        routes=FrontEnd(hlr, token).routes(), exception_handlers={ClientDisconnect: _left_unsaid}
    )


async def _left_unsaid(_: Request, __: Exception) -> Response:
    return NoAnswer()  # The caller left before its request was complete.


async def _caller_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json_object(body: bytes) -> dict[str, object] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: a JSON bomb, brackets in brackets
        return None
    return content if isinstance(content, dict) else None


def _json(content: object, status: int = 200) -> Response:
    # In ASCII: starlette's JSONResponse fails on the lone surrogates that a bad request can hold.
    text = json.dumps(content)
    return Response(text, status, HEADERS.get(status), "application/json")


def _is_delay(value: object) -> TypeGuard[int | float]:
    # bool is an int to Python; NaN, which json reads, fails the comparison.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST


def _string(body: dict[str, object] | None, name: str) -> str | None:
    value = (body or {}).get(name)
    return value if isinstance(value, str) else None


# --- The process --------------------------------------------------------------------------------


class Connection(H11Protocol):
    """uvicorn's connection, which also lets the application close it: see `NoAnswer`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Offer the closing of this connection to the application, as an ASGI extension."""
        super().connection_made(transport)
        app = self.app

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), ABORT: transport.abort}
            await app(scope, receive, send)

        self.app = with_abort


class Server(uvicorn.Server):
    """uvicorn, which tells where it listens once it does, and nothing else."""

    async def startup(self, sockets: object = None) -> None:
        """Start to accept connections, and say so."""
        await super().startup()
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"HLR/HSS listening on http://127.0.0.1:{port}{BASE_PATH}", flush=True)


def serve(hlr: Hlr, token: str, port: int) -> None:
    """Serve on loopback until SIGINT or SIGTERM; port 0 chooses a free one."""
    config = uvicorn.Config(
        web_app(hlr, token),
        host="127.0.0.1",
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,  # A request that hangs does not keep the process alive.
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after it has stopped.
        Server(config).run()


EPILOG = """\
example: a subscriber gets service, then a number too; look at the record; make the HLR fail
  H='Authorization: Bearer secret'  U=http://127.0.0.1:8081
  curl -H "$H" $U/wtl/hlr/v1/prov -d '{"action": "update", "imsi": "001010000000001",
    "subscriber_status": "serviceGranted", "cs_profile": "default", "eps_profile": "default"}'
  curl -H "$H" $U/wtl/hlr/v1/prov -d '{"action": "modify", "imsi": "001010000000001",
    "msisdn": ["9990000001"]}'
  curl -H "$H" $U/subscribers/001010000000001
  curl -H "$H" -X PUT $U/mode -d '{"mode": "outage"}'
modes: up, outage (503), slow (with "delay": seconds), hang (no answer), drop (connection closed)
also: GET /subscribers, DELETE /subscribers (start afresh), GET /requests (what was received)
It listens on loopback only, keeps everything in memory, and stops on Ctrl-C.
"""


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _network(text: str) -> str:
    if not re.fullmatch(r"[0-9]{3,15}", text):
        raise argparse.ArgumentTypeError("a network is an IMSI prefix of 3 to 15 digits")
    return text


def _profiles(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(","))
    if not all(PROFILE.fullmatch(name) for name in names):
        raise argparse.ArgumentTypeError(f"a profile name must match ^{PROFILE.pattern}$")
    return names


def _token(text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise argparse.ArgumentTypeError("a token is of visible ASCII characters, without spaces")
    return text


def command_line() -> argparse.ArgumentParser:
    """What `python -m connector_tools.hlr` understands."""
    parser = argparse.ArgumentParser(
        prog="python -m connector_tools.hlr",
        description="An embedded HLR/HSS that speaks WTL's provisioning API, for demos and tests.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--token", type=_token, required=True, help="the bearer token that callers must send")
    add("--port", type=_port, default=8081, help="0 chooses a free one (default: %(default)s)")
    add(
        "--network",
        type=_network,
        default="00101",
        metavar="PREFIX",
        help="IMSI prefix of the SIM cards that are known in advance, so that an update of one "
        "creates its record (default: %(default)s, the test network)",
    )
    add(
        "--profiles",
        type=_profiles,
        default="default",
        metavar="NAME,NAME",
        help="the cs and eps profiles that exist (default: %(default)s)",
    )
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Run the HLR/HSS from the command line."""
    options = command_line().parse_args(arguments)
    serve(Hlr(options.network, options.profiles), options.token, options.port)


if __name__ == "__main__":
    main()
