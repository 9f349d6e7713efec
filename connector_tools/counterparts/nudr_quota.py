"""A stand-in of a 5G core's UDR: the quotas of `policy-data` (3GPP TS 29.519), over HTTP/2.

It has the endpoint for tokens of an NRF, too (TS 29.510). Its rules:

- A request needs a token with the scope `nudr-dr` that has not expired (401, 403). A token is given
  to a client with its secret, for a form, and for that scope alone.
- A subscriber cannot be created: an unknown one is 404 `USER_NOT_FOUND`, a quota that is not there
  404 `DATA_NOT_FOUND`.
- PUT replaces a whole quota (201 if it was not there, 204). PATCH takes only
  `application/merge-patch+json` (415), and only members that TS 29.519 lets a client change.
- The id in the path is the one in the body, unknown members are refused, volumes are integers.
- An error is `application/problem+json` with `status`, `title`, `cause` and `detail`.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest
from connector_tools.counterparts.stand_in.http2 import Http2StandIn

BASE_PATH = "/nudr-dr/v2"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
CLIENT = "nsps"
SCOPE = "nudr-dr"
QUOTA = "data"
MERGE_PATCH = "application/merge-patch+json"
_UE = re.compile("imsi-00101[0-9]{10}")  # subscribers of this network are known
_QUOTA_PATH = re.compile(f"{BASE_PATH}/policy-data/ues/[^/]+/sm-data/[^/]+")
_LIVES = 3  # seconds of a token: short, so that tokens end in a simulation
_PROBLEM = {"content-type": "application/problem+json"}

Quota = dict[str, Any]


class Problem(Exception):  # noqa: N818 - not an error of ours: an answer to the caller
    """The UDR refuses a request; the detail may quote the request, as real ones do."""

    def __init__(self, status: int, cause: str, detail: str = "") -> None:
        super().__init__(cause)
        body = {"status": status, "title": "Refused", "cause": cause, "detail": detail}
        self.reply = HttpReply(status, body, _PROBLEM)


class NudrQuota(Http2StandIn):
    """See the module."""

    mapping = "nudr-quota"
    what = "a stand-in of a UDR that speaks HTTP/2"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.quotas: dict[str, dict[str, Quota]] = {}
        self._secret = "secret-0"  # noqa: S105 - of this run only
        self._numbers = count(1)
        self._tokens: dict[str, float] = {}  # until when each is valid

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "UDR_URL": f"http://{host}:{port}{BASE_PATH}",
            "UDR_TOKEN_URL": f"http://{host}:{port}{TOKEN_PATH}",
            "UDR_CLIENT_ID": CLIENT,
            "UDR_CLIENT_SECRET": self._secret,
            "UDR_TIMEOUT": "2",
        }

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        return {
            ue.removeprefix("imsi-"): {
                "throttled": quotas[QUOTA]["allowedUsage"]["totalVolume"] == 0
            }
            for ue, quotas in self.quotas.items()
            if QUOTA in quotas
        }

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`."""
        self._secret = f"secret-{next(self._numbers)}"
        self._tokens.clear()
        return {"UDR_CLIENT_SECRET": self._secret}

    def expire(self) -> None:
        """End all tokens now."""
        self._tokens.clear()

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`."""
        return Problem(503, "NF_CONGESTION").reply

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        try:
            if request.path == TOKEN_PATH:
                return self._token(request)
            self._check_token(request.headers.get("authorization", ""))
            return self._routed(request)
        except Problem as problem:
            return problem.reply

    def _token(self, request: HttpRequest) -> HttpReply:
        """Give a token (TS 29.510, 6.3)."""
        if request.method != "POST":
            return HttpReply(405)
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return HttpReply(400, {"error": "invalid_request"})
        pair = base64.b64encode(f"{CLIENT}:{self._secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return HttpReply(401, {"error": "invalid_client"})
        form = request.form
        if form.get("grant_type") != "client_credentials":
            return HttpReply(400, {"error": "unsupported_grant_type"})
        if form.get("scope") != SCOPE:
            return HttpReply(400, {"error": "invalid_scope"})
        token = f"token-{next(self._numbers)}"
        self._tokens[token] = time.monotonic() + _LIVES
        document = {"access_token": token, "token_type": "Bearer", "expires_in": _LIVES}
        return HttpReply(200, document | {"scope": SCOPE})

    def _check_token(self, given: str) -> None:
        kind, _, token = given.partition(" ")
        if kind != "Bearer" or self._tokens.get(token, 0) < time.monotonic():
            raise Problem(401, "INVALID_TOKEN")

    def _routed(self, request: HttpRequest) -> HttpReply:
        parts = request.path.removeprefix(f"{BASE_PATH}/policy-data/ues/").split("/")
        if request.method == "DELETE" and not _QUOTA_PATH.fullmatch(request.path):
            self.wrong.append("a DELETE of all policy data of a subscriber")
        if not request.path.startswith(BASE_PATH) or parts[1:2] != ["sm-data"] or len(parts) > 3:
            raise Problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", request.path)
        ue, name = parts[0], parts[2] if len(parts) == 3 else ""
        calls: Mapping[tuple[str, bool], Callable[[str, str, HttpRequest], HttpReply]] = {
            ("GET", False): self._get_all,
            ("PATCH", False): self._patch,
            ("GET", True): self._get,
            ("PUT", True): self._put,
            ("DELETE", True): self._delete,
        }
        call = calls.get((request.method, bool(name)))
        if call is None:
            return HttpReply(405)
        if not _UE.fullmatch(ue):
            raise Problem(404, "USER_NOT_FOUND", f"{ue} is not provisioned")
        return call(ue, name, request)

    def _get_all(self, ue: str, name: str, request: HttpRequest) -> HttpReply:
        return HttpReply(200, {"smPolicySnssaiData": {}, "umData": self.quotas.get(ue, {})})

    def _get(self, ue: str, name: str, request: HttpRequest) -> HttpReply:
        return HttpReply(200, self._known(ue, name))

    def _put(self, ue: str, name: str, request: HttpRequest) -> HttpReply:
        if request.headers.get("content-type") != "application/json":
            raise Problem(415, "UNSUPPORTED_MEDIA_TYPE")
        quota = _checked(name, _object(request))
        quotas = self.quotas.setdefault(ue, {})
        made, quotas[name] = name not in quotas, quota
        return HttpReply(201, quota) if made else HttpReply(204)

    def _patch(self, ue: str, name: str, request: HttpRequest) -> HttpReply:
        if request.headers.get("content-type") != MERGE_PATCH:
            raise Problem(415, "UNSUPPORTED_MEDIA_TYPE")
        patch = _object(request)
        if patch.keys() != {"umData"} or not isinstance(patch["umData"], dict):
            raise Problem(403, "MODIFICATION_NOT_ALLOWED")
        merged = _merged(self.quotas.get(ue, {}), patch["umData"])
        self.quotas[ue] = {key: _checked(key, quota) for key, quota in merged.items()}
        return HttpReply(204)

    def _delete(self, ue: str, name: str, request: HttpRequest) -> HttpReply:
        self._known(ue, name)
        del self.quotas[ue][name]
        return HttpReply(204)

    def _known(self, ue: str, name: str) -> Quota:
        quota = self.quotas.get(ue, {}).get(name)
        if quota is None:
            raise Problem(404, "DATA_NOT_FOUND")
        return quota


def _object(request: HttpRequest) -> dict[str, Any]:
    try:
        found = request.json
    except ValueError:
        raise Problem(400, "INVALID_MSG_FORMAT") from None
    if not isinstance(found, dict):
        raise Problem(400, "INVALID_MSG_FORMAT")
    return found


def _merged(found: Any, patch: Any) -> Any:
    """The document after a merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(found) if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _checked(name: str, quota: Any) -> Quota:
    """A quota (`UsageMonData`) that keeps the rules of TS 29.519."""
    if not isinstance(quota, dict) or not quota.keys() <= {*_MEMBERS, "limitId"}:
        raise Problem(400, "INVALID_MSG_FORMAT")
    if quota.get("limitId") != name:
        raise Problem(400, "MANDATORY_IE_INCORRECT", f"limitId {quota.get('limitId')}")
    for member, sound in _MEMBERS.items():
        if member in quota and not sound(quota[member]):
            raise Problem(400, "OPTIONAL_IE_INCORRECT", f"{member} {quota[member]}")
    return quota


def _is_usage(value: Any) -> bool:
    known = {"duration", "totalVolume", "downlinkVolume", "uplinkVolume"}
    return (
        isinstance(value, dict)
        and value.keys() <= known
        and all(type(one) is int and one >= 0 for one in value.values())
    )


def _is_time(value: Any) -> bool:
    """Whether a value is a date-time of OpenAPI: with a date, a time and a zone."""
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


_MEMBERS: dict[str, Callable[[Any], bool]] = {
    "umLevel": lambda value: value in ("SESSION_LEVEL", "SERVICE_LEVEL"),
    "allowedUsage": _is_usage,
    "resetTime": _is_time,
    "scopes": lambda value: isinstance(value, dict),
}

COUNTERPART = NudrQuota
