"""The rules of an embedded HLR/HSS that imitates WTL's provisioning API (contract 5); no I/O.

`hlr_http.py` serves it over HTTP.

**What is public of WTL's API.** NSPS's connector guide and its reference connector show one call,
`POST {base_url}/prov`, with a bearer token and a JSON body:

    imsi               exactly 15 digits
    action             insert, update, set, modify, unset or delete
    subscriber_status  serviceGranted or operatorDeterminedBarring
    msisdn             a list of at most one number
    cs_profile         a profile name: a letter, then letters, digits, "-", "_" and "."
    eps_profile        the same

and one answer, HTTP 200 with `{"result": bool, "error": str, "message": str}`, all optional.
A failure has `"result": false`, also with HTTP 200.

**What is not public.** The exact meaning of each action, and which failures have an HTTP status
of their own. This HLR defines them as follows; a real one may differ.

    insert  create the record; 409 if the IMSI has one
    update  set the given fields of the record, and keep the others. If the IMSI has no record:
            create one if it is of the HLR's own network, whose SIM cards are provisioned with
            their keys in advance; 404 for any other IMSI
    set     the same as update
    modify  the same as update, but 404 without a record
    unset   clear the given fields, whose values must be valid but do not matter;
            `subscriber_status` cannot be cleared; 404 without a record
    delete  remove the record, which frees its number; 404 without a record

A new record is barred and has no number and no profiles, except for the fields of the request.
A number belongs to one IMSI: while another IMSI holds it, it is refused as `msisdn in use`.
A refused request changes nothing. No refusal repeats a value of the request, because an IMSI and
an MSISDN are personal data. A value of a wrong type is a 400; a value that breaks a rule, and an
unknown field, is `result` false.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

GRANTED = "serviceGranted"
BARRED = "operatorDeterminedBarring"
STATUSES = (GRANTED, BARRED)
ACTIONS = ("insert", "update", "set", "modify", "unset", "delete")
PROFILE = re.compile(r"[a-zA-Z][-_.a-zA-Z0-9]*")
_NUMBER = re.compile(r"[0-9]+")  # not \d, which also matches the digits of other scripts
_IMSI = re.compile(r"[0-9]{15}")


@dataclass(frozen=True, slots=True)
class HlrReply:
    """An answer of the HLR: an HTTP status and a JSON object."""

    status: int
    body: dict[str, object]


class RequestRefused(Exception):  # noqa: N818 - not an error of ours: an answer to the caller
    """The HLR refuses a request. `reply` is its answer, which repeats no value of the request."""

    def __init__(self, error: str, message: str, status: int = 200) -> None:
        super().__init__(error)
        self.reply = HlrReply(status, {"result": False, "error": error, "message": message})


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request: the action, the subscriber, and the fields that were given."""

    action: str
    imsi: str = field(repr=False)
    given: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A record of the HLR. A new one is barred until a request grants service."""

    imsi: str = field(repr=False)
    subscriber_status: str = BARRED
    msisdn: tuple[str, ...] = field(default=(), repr=False)
    cs_profile: str | None = None
    eps_profile: str | None = None


class Hlr:
    """The subscribers of one network, and the rules by which they change.

    `network` is the IMSI prefix of the SIM cards that the HLR knows in advance (001 01 is the test
    network of ITU-T E.212); `profiles` are the profile names that exist.
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

    def provision(self, request: Mapping[str, object]) -> HlrReply:
        """Carry out one request (the parsed JSON body) in full, or refuse it and change nothing."""
        try:
            self._carry_out(read_order(request, self.profiles))
        except RequestRefused as refused:
            return refused.reply
        return HlrReply(200, {"result": True})

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
                self._store(replace(self._known(order.imsi), **order.given))
            case "unset":
                self._unset(order)
            case "delete":
                self._free_number(self._known(order.imsi))
                del self._subscribers[order.imsi]

    def _insert(self, order: Order) -> None:
        if order.imsi in self._subscribers:
            raise RequestRefused(
                "imsi exists", "a subscriber with this IMSI exists: update it", 409
            )
        self._store(Subscriber(order.imsi, **order.given))

    def _update(self, order: Order) -> None:
        new = order.imsi.startswith(self.network) and order.imsi not in self._subscribers
        record = Subscriber(order.imsi) if new else self._known(order.imsi)
        self._store(replace(record, **order.given))

    def _unset(self, order: Order) -> None:
        if "subscriber_status" in order.given:
            raise RequestRefused("invalid subscriber_status", "every subscriber has one: update it")
        nothing = {"msisdn": (), "cs_profile": None, "eps_profile": None}
        cleared: dict[str, Any] = {name: nothing[name] for name in order.given}
        self._store(replace(self._known(order.imsi), **cleared))

    def _known(self, imsi: str) -> Subscriber:
        if imsi not in self._subscribers:
            raise RequestRefused(
                "unknown imsi", "no subscriber has this IMSI: insert it first", 404
            )
        return self._subscribers[imsi]

    def _store(self, subscriber: Subscriber) -> None:
        for number in subscriber.msisdn:
            if self._holders.get(number, subscriber.imsi) != subscriber.imsi:
                raise RequestRefused(
                    "msisdn in use", "another IMSI holds this number: free it first"
                )
        if old := self._subscribers.get(subscriber.imsi):
            self._free_number(old)
        self._subscribers[subscriber.imsi] = subscriber
        self._holders.update(dict.fromkeys(subscriber.msisdn, subscriber.imsi))

    def _free_number(self, subscriber: Subscriber) -> None:
        for number in subscriber.msisdn:
            del self._holders[number]


def read_order(request: Mapping[str, object], profiles: frozenset[str]) -> Order:
    """The order that a request holds; all types are checked before any value.

    Raises:
        RequestRefused: A field is missing, unknown or wrong.
    """
    given = {name: _typed(name, request[name]) for name in _RULES if name in request}
    if not request.keys() <= _RULES.keys():
        raise RequestRefused("unknown field", f"the fields are {', '.join(_RULES)}")
    for name, value in ({"action": "", "imsi": ""} | given).items():
        holds, rule = _RULES[name]
        if not holds(value):
            raise RequestRefused(f"invalid {name}", f"{name} {rule}")
        if name.endswith("_profile") and value not in profiles:
            raise RequestRefused(
                f"unknown {name}", f"{name} is no profile of this HLR: add it there"
            )
    return Order(given.pop("action"), given.pop("imsi"), given)


def _typed(name: str, value: object) -> Any:
    if name != "msisdn":
        if not isinstance(value, str):
            raise RequestRefused("bad request", f"{name} must be a string", 400)
        return value
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RequestRefused("bad request", "msisdn must be a list of strings", 400)
    return tuple(value)


def _is_msisdn(numbers: tuple[str, ...]) -> bool:
    return len(numbers) <= 1 and all(map(_NUMBER.fullmatch, numbers))


# The fields of a request: a test of its value, and the rule in words.
_RULES: dict[str, tuple[Callable[[Any], object], str]] = {
    "action": (ACTIONS.__contains__, f"must be one of {', '.join(ACTIONS)}"),
    "imsi": (_IMSI.fullmatch, "must be exactly 15 digits"),
    "subscriber_status": (STATUSES.__contains__, f"must be one of {', '.join(STATUSES)}"),
    "msisdn": (_is_msisdn, "must hold at most one number, of digits only"),
    "cs_profile": (PROFILE.fullmatch, f"must match ^{PROFILE.pattern}$"),
    "eps_profile": (PROFILE.fullmatch, f"must match ^{PROFILE.pattern}$"),
}
