"""A stand-in of a PCRF with a REST interface. It is nobody's product, and as strict as real ones.

    /subscribers/{imsi}               GET, PUT {msisdn, status}, DELETE
    /subscribers/{imsi}/policy        GET, PATCH {policy, speed, addons}
    /subscribers/{imsi}/quotas/data   GET, PUT {limit, remaining}, DELETE

- A number belongs to one subscriber (409 `number in use`). A policy and a quota need a subscriber
  (404 `no subscriber`), and go with it.
- PUT replaces a whole record. With `If-None-Match: *` it only creates (412). PATCH changes the
  fields that it names; the first one must name them all.
- Policies and add-ons must exist (422), and a speed is not above that of the policy.
- A quota is in bytes, as integers, and no more is left than the limit. The PCRF counts it down
  itself as the subscriber surfs: `surf`.
- An unknown field, a missing one and a wrong type are refused (422). A refused request changes
  nothing, and no refusal repeats a value of the request.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn

Document = dict[str, Any]
Check = Callable[[Any], bool]

POLICIES = {"gold": 300_000, "silver": 100_000, "bronze": 20_000}
"""The policies of this PCRF, with their speed in kbit/s."""
ADDONS = ("zero-rated-sport", "zero-rated-movies", "data-boost")
# What billing calls them.
_PRODUCTS = {"gold": "mobile-l", "silver": "mobile-m", "bronze": "mobile-s"}
_BILLING_ADDONS = dict(zip(ADDONS, ("tv-sport", "tv-movies", "data-extra"), strict=True))
_PATH = re.compile(r"/subscribers/([0-9]{15})(/policy|/quotas/data)?")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_NOT_SET = "not set"


class Refused(Exception):  # noqa: N818 - not an error of ours: an answer to the caller
    """The PCRF refuses a request."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.reply = HttpReply(status, {"error": error})


class PcrfRest(HttpStandIn):
    """The subscribers by IMSI; each has its `subscriber`, and perhaps `policy` and `quota`."""

    mapping = "pcrf-rest"
    what = "a stand-in of a PCRF"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.records: dict[str, dict[str, Document]] = {}
        self._token = "token-0"  # noqa: S105 - of this run only
        self._rotations = 0

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "PCRF_URL": f"http://{host}:{port}",
            "PCRF_TOKEN": self._token,
            "PCRF_TIMEOUT": "2",
        }

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        return {imsi: _record(parts) for imsi, parts in self.records.items()}

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`."""
        self._rotations += 1
        self._token = f"token-{self._rotations}"
        return {"PCRF_TOKEN": self._token}

    def surf(self, imsi: str, count: int) -> None:
        """Let a subscriber use so many bytes; a quota ends at 0."""
        if quota := self.records[imsi].get("quota"):
            quota["remaining"] = max(quota["remaining"] - count, 0)

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`."""
        return HttpReply(423, {"error": "locked"})

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        try:
            return self._handled(request)
        except Refused as refused:
            return refused.reply

    def _handled(self, request: HttpRequest) -> HttpReply:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            raise Refused(401, "unauthorized")
        found = _PATH.fullmatch(request.path)
        if found is None:
            if request.method == "DELETE":
                self.wrong.append("a DELETE of something else than one subscriber or quota")
            raise Refused(400, "no such path")
        imsi, part = found[1], found[2] or ""
        calls: Mapping[tuple[str, str], Callable[[str, HttpRequest], HttpReply]] = {
            ("PUT", ""): self._put_subscriber,
            ("DELETE", ""): self._delete_subscriber,
            ("PATCH", "/policy"): self._patch_policy,
            ("PUT", "/quotas/data"): self._put_quota,
            ("DELETE", "/quotas/data"): self._delete_quota,
        }
        if request.method == "GET":
            return HttpReply(200, self._part(imsi, _PARTS[part]))
        if (call := calls.get((request.method, part))) is None:
            raise Refused(405, "no such method")
        return call(imsi, request)

    def _put_subscriber(self, imsi: str, request: HttpRequest) -> HttpReply:
        given = _whole(_document(request), _SUBSCRIBER)
        exists = imsi in self.records
        if exists and request.headers.get("if-none-match") == "*":
            raise Refused(412, "exists")
        others = [parts for other, parts in self.records.items() if other != imsi]
        numbers = {parts["subscriber"]["msisdn"] for parts in others} - {None}
        if given["msisdn"] in numbers:
            raise Refused(409, "number in use")
        self.records.setdefault(imsi, {})["subscriber"] = given
        return HttpReply(200 if exists else 201, given)

    def _delete_subscriber(self, imsi: str, request: HttpRequest) -> HttpReply:
        self._part(imsi, "subscriber")
        del self.records[imsi]
        return HttpReply(204)

    def _patch_policy(self, imsi: str, request: HttpRequest) -> HttpReply:
        self._part(imsi, "subscriber")
        now = self.records[imsi].get("policy", {})
        given = _whole(now | _document(request), _POLICY)
        if given["policy"] not in POLICIES:
            raise Refused(422, "unknown policy")
        if given["speed"] > POLICIES[given["policy"]]:
            raise Refused(422, "speed above that of the policy")
        if any(addon["name"] not in ADDONS for addon in given["addons"]):
            raise Refused(422, "unknown add-on")
        self.records[imsi]["policy"] = given
        return HttpReply(200, given)

    def _put_quota(self, imsi: str, request: HttpRequest) -> HttpReply:
        self._part(imsi, "subscriber")
        given = _whole(_document(request), _QUOTA)
        if given["remaining"] > given["limit"]:
            raise Refused(422, "more left than the limit")
        made = "quota" not in self.records[imsi]
        self.records[imsi]["quota"] = given
        return HttpReply(201 if made else 200, given)

    def _delete_quota(self, imsi: str, request: HttpRequest) -> HttpReply:
        self._part(imsi, "quota")
        del self.records[imsi]["quota"]
        return HttpReply(204)

    def _part(self, imsi: str, part: str) -> Document:
        if imsi not in self.records:
            raise Refused(404, "no subscriber")
        if part not in self.records[imsi]:
            raise Refused(404, _NOT_SET)
        return self.records[imsi][part]


def _record(parts: Mapping[str, Document]) -> Record:
    """What the PCRF holds for a subscriber, in the words of billing.

    Nothing applies the policy of a suspended subscriber, and it may be that of an older product.
    """
    subscriber, policy = parts["subscriber"], parts.get("policy")
    record = {"served": subscriber["status"] == "active", "number": subscriber["msisdn"]}
    if policy is None or not record["served"]:
        return record
    return record | {
        "product": _PRODUCTS[policy["policy"]],
        "addons": sorted(_BILLING_ADDONS[addon["name"]] for addon in policy["addons"]),
        "throttled": policy["speed"] < POLICIES[policy["policy"]],
    }


def _document(request: HttpRequest) -> Document:
    if request.headers.get("content-type") != "application/json":
        raise Refused(415, "the body must be JSON")
    try:
        found = request.json
    except ValueError:
        raise Refused(400, "the body must be JSON") from None
    if not isinstance(found, dict):
        raise Refused(422, "the body must be an object")
    return found


def _whole(given: Document, fields: Mapping[str, Check]) -> Document:
    """The document, which must have exactly these fields."""
    if given.keys() != fields.keys():
        raise Refused(422, "unknown or missing field")
    if not all(sound(given[name]) for name, sound in fields.items()):
        raise Refused(422, "wrong value")
    return given


def _is_bytes(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(re.fullmatch("[0-9]{1,15}", value)))


def _is_time(value: Any) -> bool:
    try:
        return bool(datetime.strptime(value, _TIME).strftime(_TIME) == value)
    except (TypeError, ValueError):
        return False


def _is_addons(value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return False
    names = [one.get("name") for one in value]
    return len(set(names)) == len(names) and all(
        one.keys() == {"name", "until"}
        and isinstance(one["name"], str)
        and (one["until"] is None or _is_time(one["until"]))
        for one in value
    )


_PARTS = {"": "subscriber", "/policy": "policy", "/quotas/data": "quota"}
_SUBSCRIBER: Mapping[str, Check] = {
    "msisdn": _is_number,
    "status": lambda value: value in ("active", "suspended"),
}
_POLICY: Mapping[str, Check] = {
    "policy": lambda value: isinstance(value, str),
    "speed": lambda value: type(value) is int and value > 0,
    "addons": _is_addons,
}
_QUOTA: Mapping[str, Check] = {"limit": _is_bytes, "remaining": _is_bytes}

COUNTERPART = PcrfRest
