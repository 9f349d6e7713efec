"""The documents of subscribers as the web UI of Open5GS keeps them.

- A document has the fields of `SUBSCRIBER` only: the web UI drops every other one in silence.
- A value that cannot be read as the type of its field is refused. A number becomes text where text
  is wanted, and the other way round.
- The items of `slice`, `session` and `pcc_rule` get an `_id`.
- A new document gets defaults. By these it is in service.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from uuid import uuid4

Document = dict[str, Any]
_SPEEDS = {"downlink": {"value": int, "unit": int}, "uplink": {"value": int, "unit": int}}
_PRIORITY = {
    "priority_level": int,
    "pre_emption_capability": int,
    "pre_emption_vulnerability": int,
}
_QOS = {"index": int, "arp": _PRIORITY}
_ADDRESSES = {"ipv4": str, "ipv6": str}
_RULE = {
    "flow": [{"direction": int, "description": str}],
    "qos": {**_QOS, "mbr": _SPEEDS, "gbr": _SPEEDS},
}
_SESSION = {
    "name": str,
    "type": int,
    "qos": _QOS,
    "ambr": _SPEEDS,
    "ue": _ADDRESSES,
    "smf": _ADDRESSES,
    "pcc_rule": [_RULE],
    "lbo_roaming_allowed": bool,
}
SUBSCRIBER: Mapping[str, Any] = {
    "schema_version": int,
    "imsi": str,
    "msisdn": [str],
    "imeisv": [str],
    "mme_host": [str],
    "mme_realm": [str],
    "purge_flag": [bool],
    "security": {"k": str, "op": str, "opc": str, "amf": str, "rand": str, "sqn": int},
    "ambr": _SPEEDS,
    "slice": [{"sst": int, "sd": str, "default_indicator": bool, "session": [_SESSION]}],
    "access_restriction_data": int,
    "subscriber_status": int,
    "operator_determined_barring": int,
    "network_access_mode": int,
    "subscribed_rau_tau_timer": int,
}
_DEFAULTS: Document = {
    "schema_version": 1,
    "msisdn": [],
    "access_restriction_data": 32,
    "subscriber_status": 0,
    "operator_determined_barring": 0,
    "network_access_mode": 0,
    "subscribed_rau_tau_timer": 12,
}
_REQUIRED = {"sst", "name"}


class Unfit(Exception):  # noqa: N818 - an answer to the caller
    """A value is not of the type of its field; the text is the name of the error."""


def new(given: Any) -> Document:
    """A new document with these fields.

    Raises:
        Unfit: a value is not of its type, or the IMSI is missing.
    """
    fields = read(given)
    if not fields.get("imsi"):
        raise Unfit("ValidationError")
    return {"_id": _id(), **deepcopy(_DEFAULTS), **fields}


def read(given: Any) -> Document:
    """The known fields of a body.

    Raises:
        Unfit: a value is not of its type.
    """
    return dict(_cast(given, SUBSCRIBER))


def merged(old: Any, new: Any) -> Any:
    """The new value; the keys of an object that it does not name stay."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: merged(old.get(name), value) for name, value in new.items()}}
    return new


def _cast(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, list):
        items = value if isinstance(value, list) else [value]
        return [_item(item, kind[0]) for item in items]
    if isinstance(kind, Mapping):
        if not isinstance(value, dict):
            raise Unfit("CastError")
        return {name: _cast(value[name], kind[name]) for name in kind if name in value}
    if isinstance(value, dict | list):
        raise Unfit("CastError")
    return _text(value) if kind is str else _number(value) if kind is int else bool(value)


def _item(value: Any, kind: Any) -> Any:
    item = _cast(value, kind)
    if not isinstance(kind, Mapping):
        return item
    if item is None or any(item.get(name) is None for name in _REQUIRED & kind.keys()):
        raise Unfit("ValidationError")
    return {**item, "_id": _id()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except ValueError:
        raise Unfit("CastError") from None
    return int(number) if number.is_integer() else number


def _id() -> str:
    return uuid4().hex[:24]
