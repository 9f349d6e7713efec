"""The enriched event as NSPS posts it (contract section 2).

`parse` is the only way in: bytes from the wire to an `Event`, or a `Refusal` (invalid) whose
details name each wrong field and the rule, never its value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field, ValidationError
from pydantic_core import from_json

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
    """The event as PortaBilling sent it."""

    event_type: Annotated[str, Field(min_length=1, max_length=200)]
    variables: Annotated[dict[str, Any], BeforeValidator(lambda v: {} if v is None else v)] = {}


Instant = Annotated[AwareDatetime | None, BeforeValidator(blank_is_null)]


class Envelope(Part):
    """The body of NSPS's request."""

    event_id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    data: ESPFEvent
    pb_data: PortaBillingData | None = None
    handler_id: Text = None
    created_at: Instant = None
    updated_at: Instant = None
    status: Text = None


class Snapshot(NamedTuple):
    """When the state in an event was read; of two of one subject the newer wins (contract 4).

    Seconds since 1970: of the enrichment if known, else of the event's arrival at NSPS, else of
    the event in PortaBilling; the latter two also break ties.
    """

    taken: float
    created: float
    happened: float


@dataclass(frozen=True, slots=True)
class Event:
    """The event that the rest of the product sees.

    `parts` names the parts of `pb_data` that NSPS sent, also those that were null: an absent
    part was not asked for, a null one was and is not there. `i_account` is whose event it is.
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


# What a mapping may read of `event`, and under which part of the wire format each name stands.
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

_NUMBER = re.compile("[0-9]+")
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
    """Read an event off the wire.

    Raises:
        Refusal: invalid; `details` name each field and its rule (contract section 3, case 6).
    """
    try:
        envelope = Envelope.model_validate(from_json(body, allow_inf_nan=False))
    except ValidationError as error:
        raise Refusal(Outcome.INVALID, details=_details(error)) from None
    except ValueError as error:  # from_json: not JSON, NaN, nested too deeply; names the position
        raise Refusal(
            Outcome.INVALID, details=(Detail("", f"body must be JSON: {error}"),)
        ) from None
    if envelope.pb_data is None and "variables" not in envelope.data.model_fields_set:
        rule = "required: an event has data.variables or pb_data"  # the guide's malformed event
        raise Refusal(Outcome.INVALID, details=(Detail("pb_data", rule),))
    return _event(envelope)


def _details(error: ValidationError) -> tuple[Detail, ...]:
    """Field and rule of each error, never the input (style 9)."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return tuple(
        Detail(".".join(map(str, item["loc"])), _RULES.get(item["type"], item["msg"]))
        for item in found[:20]
    )


def _event(envelope: Envelope) -> Event:
    pb = envelope.pb_data or PortaBillingData()
    variables = envelope.data.variables
    account, sent = pb.account_info, pb.model_fields_set
    if account is not None:
        msisdn = _msisdn(account, pb.sim_info, pb.prev_sim_info)
        object.__setattr__(account, "msisdn", msisdn)  # frozen from here on: nobody else has it yet
    return Event(
        event_id=envelope.event_id,
        event_type=envelope.data.event_type,
        handler_id=envelope.handler_id,
        status=envelope.status,
        created_at=envelope.created_at,
        updated_at=envelope.updated_at,
        parts=tuple(name for name in _PB_DATA if name in sent),
        i_account=_owner(account, variables, pb.sim_info),
        variables=variables,
        account=account,
        sim=pb.sim_info,
        prev_sim=pb.prev_sim_info,
        policy=pb.access_policy_info,
        product=pb.product_info,
        counters=pb.full_vd_counter_info or [],
        snapshot=_snapshot(envelope),
        identities=_identities(envelope),
    )


def _msisdn(account: AccountInfo, *sims: SimInfo | None) -> str | None:
    """The account's number (contract 2.2, AccountInfo.id); never an error."""
    name, at, suffix = (account.id or "").strip().partition("@")
    if at and suffix.lower() == "msisdn" and name:
        return name
    cards = {number for sim in sims if sim for number in (sim.imsi, sim.iccid)}
    if not at and _NUMBER.fullmatch(name) and name not in cards:
        return name
    return sims[0].msisdn if sims[0] else None


def _owner(
    account: AccountInfo | None, variables: dict[str, Any], sim: SimInfo | None
) -> int | None:
    candidates = (
        account.i_account if account else None,
        variables.get("i_account"),
        sim.i_account if sim else None,
    )
    for value in candidates:
        if _is_id(value):
            return int(str(value))
    return None


def _snapshot(envelope: Envelope) -> Snapshot | None:
    """Contract section 4, "Out of order": the newer `updated_at` wins, compared as instants."""
    happened = _event_time(envelope.data.variables.get("event_time"))
    instants = (envelope.updated_at, envelope.created_at, happened)
    taken = next((instant for instant in instants if instant is not None), None)
    if taken is None:
        return None
    return Snapshot(*((instant or taken).timestamp() for instant in (taken, *instants[1:])))


def _event_time(value: object) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS` in UTC (contract 2.1); anything else is as good as none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None or not 1970 < moment.year < 9999:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _identities(envelope: Envelope) -> tuple[str, ...]:
    """The names of an event (contract section 4): its id, and PortaBilling's own if complete."""
    data = envelope.data
    env, number = data.variables.get("i_env"), data.variables.get("i_event")
    own = f"event:{envelope.event_id}"
    if not _is_id(number):
        return (own,)
    kind, handler = data.event_type.lower(), envelope.handler_id or ""
    return (own, f"espf:{env if _is_id(env) else ''}:{number}:{kind}:{handler}")


def _is_id(value: object) -> bool:
    """Whether it can be an id of PortaBilling's: a number, or one in a string (contract 2.1)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 <= value < 10**18
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def personal(event: Event) -> Iterator[str]:
    """Yield the event's personal data, to mask it in texts that quote the event (contract 4.8)."""
    for name in PARTS:
        yield from personal_data(getattr(event, name))
    yield from personal_data(event.counters)
