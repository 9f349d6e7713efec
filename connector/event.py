"""The enriched event that NSPS posts (contract 2).

`parse` is the only way to make one: it turns the body of a request into an `Event`, or raises a
`Refusal` whose details name each wrong field and its rule, and never a value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field, ValidationError
from pydantic_core import from_json

from connector.masking import redact
from connector.outcome import Detail, Outcome, Refusal
from connector.portabilling import (
    AccessPolicyInfo,
    AccountInfo,
    Part,
    PortaBillingData,
    ProductInfo,
    SimInfo,
    Text,
    VDCounterInfo,
    blank_is_null,
    personal_data,
)


class ESPFEvent(Part):
    """The event as PortaBilling sent it to NSPS."""

    event_type: Annotated[str, Field(min_length=1, max_length=200)]
    variables: Annotated[dict[str, Any], BeforeValidator(lambda v: {} if v is None else v)] = {}


Instant = Annotated[AwareDatetime | None, BeforeValidator(blank_is_null)]


class Envelope(Part):
    """The body of a request from NSPS."""

    event_id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    data: ESPFEvent
    pb_data: PortaBillingData | None = None
    handler_id: Text = None
    created_at: Instant = None
    updated_at: Instant = None
    status: Text = None


class Snapshot(NamedTuple):
    """The age of the state in an event: of two events of a subject the newer wins (contract 4.2).

    All are seconds since 1970. `taken` is when NSPS read the state, `created` when NSPS got the
    event, `happened` when PortaBilling made it; they are compared in this order. An unknown
    `taken` is replaced by `created` or `happened`, and an unknown one of these by `taken`.
    """

    taken: float
    created: float
    happened: float


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the other modules see it.

    `parts` names the parts of `pb_data` that NSPS sent, null ones included: a part is absent if
    the handler does not ask for it, and null if PortaBilling has none. `i_account` is the account
    that the event is about. `identities` are the event's names: the id that NSPS gave it, and
    PortaBilling's own if the event has a number (contract 4.4).
    """

    event_id: str
    event_type: str
    handler_id: str | None
    status: str | None
    created_at: datetime | None
    updated_at: datetime | None
    parts: tuple[str, ...]
    i_account: int | None
    variables: dict[str, Any]
    account: AccountInfo | None
    sim: SimInfo | None
    prev_sim: SimInfo | None
    policy: AccessPolicyInfo | None
    product: ProductInfo | None
    counters: list[VDCounterInfo]
    snapshot: Snapshot | None
    identities: tuple[str, ...]


# The fields of `event` that a mapping can read, and for each other name of a mapping its place in
# the body and its type.
EVENT_FIELDS = (
    "event_id",
    "event_type",
    "handler_id",
    "status",
    "created_at",
    "updated_at",
    "parts",
    "i_account",
)
PARTS: dict[str, tuple[str, type[Part]]] = {
    "account": ("pb_data.account_info", AccountInfo),
    "sim": ("pb_data.sim_info", SimInfo),
    "prev_sim": ("pb_data.prev_sim_info", SimInfo),
    "policy": ("pb_data.access_policy_info", AccessPolicyInfo),
    "product": ("pb_data.product_info", ProductInfo),
}

_CHARGING_ID = re.compile("(?ai)([^@]+)@msisdn")
_NUMBER = re.compile("[0-9]+")
_NO_SIM = SimInfo()
_ID = re.compile("[0-9]{1,18}")
_PB_DATA = tuple(PortaBillingData.model_fields)

_RULES = {
    "missing": "is required",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must not be blank",
    "timezone_aware": "must be a date-time with an offset",
}


def parse(body: bytes) -> Event:
    """Read an event from the body of a request or of a Pub/Sub message.

    Raises:
        Refusal: invalid; `details` name each wrong field and its rule (contract 3, case 6).
    """
    try:
        envelope = Envelope.model_validate(from_json(body, allow_inf_nan=False))
    except ValueError as error:
        raise _invalid(*_details(error)) from None
    if envelope.pb_data is None and "variables" not in envelope.data.model_fields_set:
        raise _invalid(Detail("pb_data", "required: an event has data.variables or pb_data"))
    return _event(envelope)


def _event(envelope: Envelope) -> Event:
    pb = envelope.pb_data or PortaBillingData()
    if pb.account_info:  # frozen, but nobody else has it yet
        object.__setattr__(pb.account_info, "msisdn", _msisdn(pb.account_info, pb))
    return Event(
        event_id=envelope.event_id,
        event_type=envelope.data.event_type,
        handler_id=envelope.handler_id,
        status=envelope.status,
        created_at=envelope.created_at,
        updated_at=envelope.updated_at,
        parts=tuple(name for name in _PB_DATA if name in pb.model_fields_set),
        i_account=_owner(envelope.data, pb),
        variables=envelope.data.variables,
        account=pb.account_info,
        sim=pb.sim_info,
        prev_sim=pb.prev_sim_info,
        policy=pb.access_policy_info,
        product=pb.product_info,
        counters=pb.full_vd_counter_info or [],
        snapshot=_snapshot(envelope),
        identities=_identities(envelope),
    )


def _msisdn(account: AccountInfo, pb: PortaBillingData) -> str | None:
    """The account's number, from its charging id or its SIM (contract 2.2)."""
    charging_id = (account.id or "").strip()
    if found := _CHARGING_ID.fullmatch(charging_id):
        return found[1]
    sim, old = pb.sim_info or _NO_SIM, pb.prev_sim_info or _NO_SIM
    cards = (sim.imsi, sim.iccid, old.imsi, old.iccid)
    if _NUMBER.fullmatch(charging_id) and charging_id not in cards:
        return charging_id
    return sim.msisdn


def _owner(data: ESPFEvent, pb: PortaBillingData) -> int | None:
    account, sim = pb.account_info, pb.sim_info
    named = (account and account.i_account, data.variables.get("i_account"), sim and sim.i_account)
    for value in named:
        if found := _id(value):
            return int(found)
    return None


def _snapshot(envelope: Envelope) -> Snapshot | None:
    created, happened = envelope.created_at, _event_time(envelope.data.variables)
    taken = envelope.updated_at or created or happened
    if taken is None:
        return None
    return Snapshot(*map(datetime.timestamp, (taken, created or taken, happened or taken)))


def _event_time(variables: dict[str, Any]) -> datetime | None:
    """`event_time`, usually in UTC (contract 2.1); None if unreadable."""
    try:
        moment = datetime.fromisoformat(variables["event_time"])
    except (LookupError, TypeError, ValueError):
        return None
    if not 1970 < moment.year < 9999:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _identities(envelope: Envelope) -> tuple[str, ...]:
    """The names of an event (contract 4.4)."""
    own, data = f"event:{envelope.event_id}", envelope.data
    env, number = _id(data.variables.get("i_env")), _id(data.variables.get("i_event"))
    kind, handler = data.event_type.lower(), envelope.handler_id or ""
    return (own, f"espf:{env}:{number}:{kind}:{handler}") if number else (own,)


def _id(value: object) -> str:
    """An id of PortaBilling as text, empty if it is not one (contract 2.1)."""
    found = str(value) if type(value) in (int, str) else ""
    return found if _ID.fullmatch(found) else ""


def _invalid(*details: Detail) -> Refusal:
    return Refusal(Outcome.INVALID, details=details)


def _details(error: ValueError) -> Iterator[Detail]:
    """Field and rule of each error, at most 20; never the input, which may be personal."""
    if not isinstance(error, ValidationError):  # of `from_json`, which names the position
        yield Detail("", f"body must be JSON: {error}")
        return
    for item in error.errors(include_input=False, include_url=False, include_context=False)[:20]:
        yield Detail(".".join(map(str, item["loc"])), _RULES.get(item["type"], item["msg"]))


def numbers(event: Event) -> list[str]:
    """The numbers of the subscriber: those that senders build into ids of events and requests."""
    found = [event.account.msisdn] if event.account else []
    for card in (event.sim, event.prev_sim):
        if card:
            found += card.imsi, card.iccid, card.msisdn
    return [number for number in found if number]


def clear_id(event: Event, text: str) -> str:
    """An id as the log may show it: masked if it has a number of the event's subscriber in it."""
    found = [number for number in numbers(event) if number in text]
    return redact(text, found) if found else text


def readable(event: Event) -> list[str]:
    """Names in an event that are not personal although they can look like a number."""
    attributes = event.policy.attributes if event.policy else None
    return [event.event_id, *(item.value for item in attributes or () if item.value)]


def personal(event: Event) -> Iterator[str]:
    """Yield the event's personal data, to mask texts that may quote the event (contract 4.8)."""
    for name in PARTS:
        yield from personal_data(getattr(event, name))
    yield from personal_data(event.counters)
