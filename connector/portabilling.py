"""`pb_data`: what NSPS reads from PortaBilling and sends with an event (contract 2.2).

Every field is optional and nullable. Unknown fields are kept and ignored, because PortaBilling
adds fields with each release. Spellings differ between releases and between pages of the guide;
they are unified here and nowhere else. But `connector.unreadable` converts text and numbers into
each other, and puts a marker in place of a value that cannot be read.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, LiteralString, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

from connector.instant import instant
from connector.unreadable import Unreadable, is_decimal, texts

_BILL_STATUS = {
    "open": "open",
    "active": "open",
    "o": "open",
    "suspended": "suspended",
    "s": "suspended",
    "inactive": "inactive",
    "i": "inactive",
    "terminated": "terminated",
    "closed": "terminated",
    "c": "terminated",
}
_IMSI = re.compile("[0-9]{6,15}")
_LONG = re.compile("[0-9]{16,}")
_BLOCKED = {
    **{"y": True, "true": True, "1": True, "1.0": True},
    **{"n": False, "false": False, "0": False, "0.0": False},
}


def bill_statuses() -> frozenset[str]:
    """The values that `bill_status` can have once it is read."""
    return frozenset(_BILL_STATUS.values())


def blank_is_null(value: object) -> object:
    """Text that is empty or blank means null."""
    return None if isinstance(value, str) and not value.strip() else value


def _one_of(known: Mapping[str, object], rule: LiteralString) -> Callable[[object], object]:
    """Make a validator that looks values up without case; others break `rule`."""

    def look_up(value: object) -> object:
        found = known.get(str(value).strip().lower())
        if found is None:
            raise PydanticCustomError("one_of", rule)
        return found

    return look_up


def _imsi(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _IMSI.fullmatch(value) and value.strip():
        raise PydanticCustomError("imsi", "must be 6 to 15 digits")
    return value if value.strip() else None


def _msisdn(value: object) -> object:
    """Read a phone number: without the `+`, and with 15 digits at most (contract 6.6)."""
    if not isinstance(value, str):
        return value
    number = without_plus(value)
    if _LONG.fullmatch(number):
        raise PydanticCustomError("msisdn", "must have 15 digits at most")
    return number if number.strip() else None


def without_plus(number: str) -> str:
    """A phone number without its leading `+`; text that is not digits after it stays as it is."""
    digits = number[1:]
    return digits if number[:1] == "+" and digits.isdecimal() and digits.isascii() else number


def _time(value: object) -> object:
    """Check that text is a date-time of contract 6.2, and keep it as it was sent."""
    if value is None or (isinstance(value, str) and (instant(value) or not value.strip())):
        return value
    raise PydanticCustomError("time", "must be a date-time")


def _one_policy(value: object) -> object:
    """A list of one policy is that policy (contract 2.2)."""
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise PydanticCustomError("access_policy", "must be one access policy, not several")
    return value[0] if value else None


def _remaining(value: object) -> object:
    """Read a quota's remaining amount: `"5"` becomes 5.0, other text such as `N/A` stays."""
    if isinstance(value, str):
        return float(value) if is_decimal(value) else value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18:
        return float(value)
    if value is None:
        return None
    raise PydanticCustomError("remaining", "must be a number or text")


Text = str | None
Time = Annotated[str | None, BeforeValidator(_time)]
Id = Annotated[int, Strict()] | None
Amount = Annotated[float, Strict()] | None
# An unknown status is refused: a guess could bar or serve somebody wrongly (contract 2.2).
_bill_status = _one_of(
    _BILL_STATUS, "must be open, suspended, inactive or terminated (or O, S, I, C)"
)
BillStatus = Annotated[
    Annotated[str, AfterValidator(_bill_status)] | None, BeforeValidator(blank_is_null)
]
# Y means blocked; null is unknown, not unblocked (contract 2.2).
_blocked = _one_of(_BLOCKED, "must be true, false, Y or N")
Blocked = Annotated[
    Annotated[bool, BeforeValidator(_blocked)] | None, BeforeValidator(blank_is_null)
]
Lowered = Annotated[str, AfterValidator(lambda value: value.strip().lower())]
Status = Annotated[Lowered | None, BeforeValidator(blank_is_null)]
PERSONAL = Field(repr=False)
"""Declares a field personal data (contract 4.8): `repr` hides it, and `personal_data` yields it."""
Personal = Annotated[str | None, PERSONAL]
Imsi = Annotated[str | None, BeforeValidator(_imsi), PERSONAL]
Msisdn = Annotated[str | None, BeforeValidator(_msisdn), PERSONAL]


class Part(BaseModel):
    """Base of all parts: unknown fields are kept, and no error quotes a value."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )


class AddOn(Part):
    """A product in addition to the account's main one."""

    addon_effective_from: Time = None
    addon_effective_to: Time = None
    addon_priority: Id = None
    description: Text = None
    name: Text = None
    i_product: Id = None
    i_product_group: Id = None
    i_vd_plan: Id = None


class FeatureAttribute(Part):
    """One attribute of a service feature; several values are comma-separated."""

    name: Text = None
    effective_value: Text = None


class ServiceFeature(Part):
    """A service feature of the account, e.g. `netaccess_policy`."""

    name: Text = None
    effective_flag_value: Text = None
    attributes: list[FeatureAttribute] | None = None


class AccountInfo(Part):
    """The account: its state, its owner, its products."""

    bill_status: BillStatus = None
    billing_model: Text = None
    blocked: Blocked = None
    email: Personal = None
    firstname: Personal = None
    lastname: Personal = None
    phone1: Personal = None
    zip: Personal = None
    i_account: Id = None
    i_customer: Id = None
    i_master_account: Id = None
    i_product: Id = None
    i_vd_plan: Id = None
    id: Personal = None
    product_name: Text = None
    status: Status = None
    time_zone_name: Text = None
    assigned_addons: list[AddOn] | None = None
    service_features: list[ServiceFeature] | None = None
    # PortaBilling does not send it; `connector.event` derives it from `id` and the SIM.
    msisdn: Personal = None


class SimInfo(Part):
    """A SIM card of the inventory."""

    i_account: Id = None
    i_sim_card: Id = None
    iccid: Personal = None
    imsi: Imsi = None
    msisdn: Msisdn = None
    status: Status = None


class PolicyAttribute(Part):
    """One attribute of an access policy, e.g. group `lte.wtl`, name `cs_profile`."""

    group_name: Text = None
    name: Text = None
    value: Text = None


class AccessPolicyInfo(Part):
    """The access policy that applies to the account."""

    i_access_policy: Id = None
    name: Text = None
    attributes: list[PolicyAttribute] | None = None


class ProductInfo(Part):
    """The account's main product."""

    i_product: Id = None
    i_vd_plan: Id = None
    addon_priority: Id = None
    name: Text = None
    description: Text = None


class VDCounterInfo(Part):
    """A bundle's quota."""

    service_name: Text = None
    vdp_name: Text = None
    dg_name: Text = None
    discount_info: Text = None
    unit: Text = None
    i_vd_plan: Id = None
    i_dest_group: Id = None
    i_vd_dg: Id = None
    i_service: Id = None
    addon_priority: Id = None
    allocated_amount: Amount = None
    remaining: Annotated[Any, AfterValidator(_remaining)] = None


class PortaBillingData(Part):
    """All parts; NSPS sends a part only if the handler asks for it."""

    account_info: AccountInfo | None = None
    sim_info: SimInfo | None = None
    prev_sim_info: SimInfo | None = None
    access_policy_info: Annotated[AccessPolicyInfo | None, BeforeValidator(_one_policy)] = None
    product_info: ProductInfo | None = None
    full_vd_counter_info: list[VDCounterInfo] | None = None


def personal_data(value: object) -> Iterator[str]:
    """Yield the text of each personal field in a part, or in a list of parts, at any depth.

    Of a value that cannot be read, all texts and numbers in it count as personal.
    """
    if isinstance(value, Unreadable):
        yield from texts(value.raw)
    elif isinstance(value, list):
        for item in value:
            yield from personal_data(item)
    elif isinstance(value, Part):
        for name, personal in _fields_to_search(type(value)):
            found = getattr(value, name)
            if not personal or isinstance(found, Unreadable):
                yield from personal_data(found)
            elif found:
                yield str(found)


@cache
def _fields_to_search(model: type[Part]) -> tuple[tuple[str, bool], ...]:
    """The fields that are personal (True), and those whose parts have such fields (False)."""
    return tuple(
        (name, not field.repr)
        for name, field in model.model_fields.items()
        if not field.repr or any(map(_fields_to_search, parts_in(field.annotation)))
    )


def parts_in(annotation: Any) -> Iterator[type[Part]]:
    """Yield the parts that a type names: `AddOn` for `list[AddOn] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from parts_in(inner)
