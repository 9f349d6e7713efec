"""The enriched event that NSPS posts (contract 2).

`parse` is the only way to make one: it turns the body of a request into an `Event`, or raises a
`Refusal` whose details name each wrong field and its rule, and never a value.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from connector.instant import instant
from connector.json_text import read_json
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
    personal_data,
    without_plus,
)
from connector.unreadable import Unreadable, texts, tolerant


def _instant(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        if found := instant(value):
            return found
        if not value.strip():
            return None
    raise PydanticCustomError("instant", "must be a date-time")


class ESPFEvent(Part):
    """The event as PortaBilling sent it to NSPS."""

    event_type: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    variables: Annotated[dict[str, Any], BeforeValidator(lambda v: {} if v is None else v)] = {}


Instant = Annotated[datetime | None, BeforeValidator(_instant)]


class Envelope(Part):
    """The body of a request from NSPS."""

    event_id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    data: ESPFEvent
    pb_data: PortaBillingData | None = None
    handler_id: Annotated[str, Field(pattern="")] | None = None  # a pattern refuses half characters
    created_at: Instant = None
    updated_at: Instant = None
    status: Text = None


class Snapshot(NamedTuple):
    """The age of the state in an event: of two events of a subject the newer wins (contract 4.2).

    All are seconds since 1970. `taken` is when NSPS read the state, `created` when NSPS got the
    event, `happened` when PortaBilling made it. An unknown `taken` is replaced by `created` or
    `happened`, and an unknown one of these by `taken`.

    Only `taken` makes a snapshot newer or older: two that were taken at once hold the same data
    (contract 6.9). `sent` is the `taken` that NSPS sent, if it lay in the future (contract 6.3).
    """

    taken: float
    created: float
    happened: float
    sent: float | None = None

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        return bool(self.taken < other[0])

    def __gt__(self, other: tuple[Any, ...]) -> bool:
        return bool(self.taken > other[0])

    def __le__(self, other: tuple[Any, ...]) -> bool:
        return bool(self.taken <= other[0])

    def __ge__(self, other: tuple[Any, ...]) -> bool:
        return bool(self.taken >= other[0])

    @property
    def as_sent(self) -> float:
        """When NSPS says that it read the state; two deliveries of one snapshot have the same."""
        return self.taken if self.sent is None else self.sent

    @property
    def numbers(self) -> list[float]:
        """The fields for a store; `Snapshot(*numbers)` reads them. Without `sent` there are three.

        An older connector reads three only.
        """
        return [number for number in self if number is not None]


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the other modules see it.

    `parts` names the parts of `pb_data` that NSPS sent, null ones included: a part is absent if
    the handler does not ask for it, and null if PortaBilling has none. `i_account` is the account
    that the event is about. `identities` are the event's names: the id that NSPS gave it, and
    PortaBilling's own if the event has a number (contract 4.4).

    A field that cannot be read holds an `Unreadable` in place of its type, here and in the parts.
    `unreadable` are all of them. `ahead` is how many seconds the snapshot lay in the future, if it
    was more than the allowed difference of clocks (contract 6.3).
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
    identities: tuple[str, ...] = field(repr=False)
    unreadable: tuple[Unreadable, ...] = field(default=(), repr=False)
    ahead: float | None = None

    @property
    def snapshot_at(self) -> datetime | None:
        """When NSPS says that it read the state; None if the event has no time at all."""
        return self.snapshot and datetime.fromtimestamp(self.snapshot.as_sent, UTC)


# The fields of `event` that a mapping can read, and for each other name of a mapping its place in
# the body and its type.
EVENT_FIELDS = (
    "event_id",
    "event_type",
    "handler_id",
    "status",
    "created_at",
    "updated_at",
    "snapshot_at",
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

# The parts, and the name by which a mapping reads each.
SECTIONS: dict[str, str] = {
    **{name: place.removeprefix("pb_data.") for name, (place, _) in PARTS.items()},
    "counters": "full_vd_counter_info",
}

_CHARGING_ID = re.compile("(?ai)([^@]+)@msisdn")
_DIGITS = re.compile("[0-9]+")
_LONG = re.compile("[0-9]{6}")
_LONGEST_NUMBER = 15  # digits of a phone number (E.164)
_NO_SIM = SimInfo()
_ID = re.compile("[0-9]{1,18}")
_PB_DATA = tuple(PortaBillingData.model_fields)
_NEEDED = (("event_id",), ("data",), ("data", "event_type"), ("updated_at",))
_EVENT_TIME = Detail("data.variables.event_time", "must be a date-time")
_SKEW = 300.0  # seconds that the clocks of NSPS and of the connector may differ (contract 6.3)


def parse(body: bytes, arrival: float | None = None) -> Event:
    """Read an event from the body of a request or of a Pub/Sub message.

    `arrival` is when it arrived, in seconds since 1970; by default now.

    Raises:
        Refusal: invalid; `details` name each wrong field and its rule (contract 3, case 6).
    """
    try:
        document = read_json(body)
    except ValueError as error:  # its text names the position
        raise _invalid(Detail("", f"body must be JSON: {error}")) from None
    envelope, unreadable = tolerant(Envelope, document, _NEEDED)
    if envelope.pb_data is None and "variables" not in envelope.data.model_fields_set:
        raise _invalid(Detail("pb_data", "required: an event has data.variables or pb_data"))
    return _event(envelope, unreadable, time.time() if arrival is None else arrival)


def absent(name: str) -> Refusal:
    """The refusal of an event that lacks a part, given by its name in a mapping (contract 6.5)."""
    part = SECTIONS[name]
    rule = f"{part} is missing: add it to the required data of the NSPS handler"
    return _invalid(Detail(f"pb_data.{part}", rule))


def _event(envelope: Envelope, unreadable: tuple[Unreadable, ...], arrival: float) -> Event:
    pb, data = _pb_data(envelope), envelope.data
    variables: Any = data.variables
    known = {} if isinstance(variables, Unreadable) else variables
    parts: Any = tuple(name for name in _PB_DATA if name in pb.model_fields_set)
    if isinstance(envelope.pb_data, Unreadable):
        parts = envelope.pb_data
    account, counters = pb.account_info, pb.full_vd_counter_info
    if account is not None and not isinstance(account, Unreadable):
        # frozen, but nobody else has it yet
        account.__dict__["msisdn"] = _derived(_msisdn, account, pb)
    owner = _derived(_owner, variables, pb)
    happened = _event_time(known.get("event_time"))
    if isinstance(happened, Unreadable):
        unreadable, happened = (*unreadable, happened), None
    snapshot, ahead = _snapshot(envelope, happened, arrival)
    return Event(
        event_id=envelope.event_id,
        event_type=data.event_type,
        handler_id=envelope.handler_id,
        status=envelope.status,
        created_at=envelope.created_at,
        updated_at=envelope.updated_at,
        parts=parts,
        i_account=owner,
        variables=variables,
        account=account,
        sim=pb.sim_info,
        prev_sim=pb.prev_sim_info,
        policy=pb.access_policy_info,
        product=pb.product_info,
        counters=[] if counters is None else counters,
        snapshot=snapshot,
        identities=_identities(envelope, known, pb, owner),
        unreadable=unreadable,
        ahead=ahead,
    )


def _pb_data(envelope: Envelope) -> PortaBillingData:
    pb = envelope.pb_data
    if isinstance(pb, Unreadable):  # then each part is
        return PortaBillingData.model_construct(**dict.fromkeys(_PB_DATA, pb))
    return PortaBillingData() if pb is None else pb


def _derived(compute: Callable[..., Any], *fields: Any) -> Any:
    """What `compute` makes of other fields; unreadable if one that it reads is unreadable."""
    try:
        return compute(*fields)
    except Refusal as refusal:
        return Unreadable(refusal.result.details[0], None)


def _msisdn(account: AccountInfo, pb: PortaBillingData) -> str | None:
    """The account's number, from its charging id or its SIM (contract 2.2)."""
    charging_id = (account.id or "").strip()
    if found := _CHARGING_ID.fullmatch(charging_id):
        number = without_plus(found[1])
        if not _DIGITS.fullmatch(number) or len(number) <= _LONGEST_NUMBER:
            return number
    sim, old = pb.sim_info or _NO_SIM, pb.prev_sim_info or _NO_SIM
    cards = [_as_sent(name) for name in (sim.imsi, sim.iccid, old.imsi, old.iccid)]
    number = without_plus(charging_id)
    is_number = _DIGITS.fullmatch(number) and len(number) <= _LONGEST_NUMBER
    return number if is_number and number not in cards else sim.msisdn


def _as_sent(value: object) -> object:
    return value.raw if isinstance(value, Unreadable) else value


def _owner(variables: dict[str, Any], pb: PortaBillingData) -> int | None:
    account, sim = pb.account_info, pb.sim_info
    if account and account.i_account is not None:
        return account.i_account
    if variables and (found := _id(variables.get("i_account"))):
        return int(found)
    return sim.i_account if sim else None


def _snapshot(
    envelope: Envelope, happened: datetime | None, arrival: float
) -> tuple[Snapshot | None, float | None]:
    """The snapshot, and how many seconds it lay in the future, if that is too much.

    Times in the future are replaced by the arrival (contract 6.3). `created` counts, too: it
    decides who has the old SIM of a swap.
    """
    created, updated = envelope.created_at, envelope.updated_at
    if isinstance(created, Unreadable) and updated:
        created = None
    known = updated or created or happened
    if known is None:
        return None, None
    taken = known.timestamp()
    got = created.timestamp() if created else taken
    was = happened.timestamp() if happened else taken
    latest = arrival + _SKEW
    if taken <= latest and got <= latest:
        return Snapshot(taken, got, was), None
    moments = (arrival if moment > latest else moment for moment in (taken, got, was))
    return Snapshot(*moments)._replace(sent=taken), max(taken, got) - arrival


def _event_time(value: object) -> Any:
    """The time of `event_time`; None if there is none."""
    try:
        return _instant(value)
    except PydanticCustomError:
        return Unreadable(_EVENT_TIME, value)


def _identities(
    envelope: Envelope, variables: dict[str, Any], pb: PortaBillingData, owner: int | None
) -> tuple[str, ...]:
    """The names of an event (contract 4.4).

    If a field of the second name is unreadable, the event has only the first.
    """
    own, number = f"event:{envelope.event_id}", _id(variables.get("i_event"))
    if not number.strip("0"):
        return (own,)
    env, kind = _id(variables.get("i_env")), envelope.data.event_type.lower()
    try:
        handler, whom = envelope.handler_id or "", _whom(pb.sim_info, owner)
    except Refusal:
        return (own,)
    # The length says where the type ends, since a type and a handler's id may have any characters.
    return (own, f"porta:{env}:{number}:{whom}:{len(kind)}:{kind}:{handler}")


def _whom(sim: SimInfo | None, owner: int | None) -> str:
    """Whom an event is about, for its name (contract 6.4)."""
    if sim and sim.i_sim_card is not None:
        return f"sim={sim.i_sim_card}"
    if sim and sim.imsi:
        return f"imsi={sim.imsi}"
    return "" if owner is None else f"account={owner}"


def _id(value: object) -> str:
    """An id of PortaBilling as text, empty if it is not one (contract 2.1)."""
    found = str(value) if type(value) in (int, str) else ""
    return found if _ID.fullmatch(found) else ""


def _invalid(*details: Detail) -> Refusal:
    return Refusal(Outcome.INVALID, details=details)


def numbers(event: Event) -> list[str]:
    """The numbers of the subscriber: those that senders build into ids of events and requests."""
    read: tuple[tuple[object, tuple[str, ...]], ...] = (
        (event.account, ("msisdn",)),
        (event.sim, ("imsi", "iccid", "msisdn")),
        (event.prev_sim, ("imsi", "iccid", "msisdn")),
    )
    found: list[str] = []
    for part, names in read:
        if isinstance(part, Unreadable):
            found += _long_numbers(part)
        elif part is not None:
            for name in names:
                value: object = getattr(part, name)
                found += (
                    _long_numbers(value) if isinstance(value, Unreadable) else [str(value or "")]
                )
    return [number for number in found if number]


def _long_numbers(found: Unreadable) -> list[str]:
    """The texts with a number in a value that cannot be read."""
    return [text for text in texts(found.raw) if _LONG.search(text)]


def readable(event: Event) -> list[str]:
    """Names in an event that are not personal although they can look like a number."""
    policy: object = event.policy
    attributes: object = policy.attributes if isinstance(policy, AccessPolicyInfo) else None
    if not isinstance(attributes, list):
        return [event.event_id]
    values: list[object] = [item.value for item in attributes]
    return [event.event_id, *(value for value in values if isinstance(value, str) and value)]


def personal(event: Event) -> Iterator[str]:
    """Yield the event's personal data, to mask texts that may quote the event (contract 4.8)."""
    for name in PARTS:
        yield from personal_data(getattr(event, name))
    yield from personal_data(event.counters)
    for found in event.unreadable:
        yield from texts(found.raw)
