"""The counterpart of `mappings/stalker-iptv.yaml`: a stand-in of Ministra's REST API v1.

`stalker_portal.py` has its rules. It has the tariff plans and packages that the mapping file names.
"""

import hmac
from base64 import b64encode
from collections import Counter
from pathlib import Path
from uuid import uuid4

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.rules.stalker_portal import StalkerPortal
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn

API = "/stalker_portal/api"
_PRODUCTS = {"tv-large": "mobile-l", "tv-medium": "mobile-m", "tv-small": "mobile-s"}
_ADDONS = {"sport": "tv-sport", "movies": "tv-movies", "recorder": "data-extra"}
_USER = "billing"


class StalkerIptv(HttpStandIn):
    """See the module."""

    mapping = "stalker-iptv"
    what = "a stand-in of the REST API v1"
    by = "account"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.portal = StalkerPortal({tariff: set(_ADDONS) for tariff in _PRODUCTS})
        self._password = uuid4().hex

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        if not self._lets_in(request.headers.get("authorization", "")):
            return HttpReply(401, _refused("401 Unauthorized request"))
        if not request.path.startswith(f"{API}/"):
            return HttpReply(404, "Not Found")
        kind = request.headers.get("content-type", "")
        if request.body and "x-www-form-urlencoded" not in kind:
            self.wrong.append("a body that is no form: the platform reads nothing of it")
        path = request.path[len(API) :]
        answer = self.portal.handle(request.method, path, request.body, kind)
        self._watch(request)
        return HttpReply(200, answer)

    def refusal(self) -> HttpReply:
        """The platform cannot work now, and says so with a 200."""
        return HttpReply(200, _refused("Internal error"))

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "STALKER_URL": f"http://{host}:{port}{API}",
            "STALKER_USER": _USER,
            "STALKER_PASSWORD": self._password,
        }

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        return {
            row["account_number"]: {
                "served": row["status"] == 1,
                "product": _PRODUCTS.get(row["tariff_plan"]),
                "addons": sorted(_ADDONS[one] for one in self.portal.subscribed(key)),
            }
            for key, row in self.portal.records.rows.items()
        }

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`."""
        self._password = uuid4().hex
        return {"STALKER_PASSWORD": self._password}

    def _lets_in(self, authorization: str) -> bool:
        expected = b64encode(f"{_USER}:{self._password}".encode()).decode()
        return hmac.compare_digest(authorization.encode(), f"Basic {expected}".encode())

    def _watch(self, request: HttpRequest) -> None:
        """Note what the request must not have done."""
        rows = self.portal.records.rows.values()
        if request.method in ("POST", "PUT") and any(not row["tariff_plan"] for row in rows):
            self.wrong.append("an account without a tariff plan")
        if request.method == "POST":
            times = Counter(row.get("account_number") for row in rows).values()
            self.wrong += ["two accounts of one subscriber" for number in times if number > 1]


def _refused(error: str) -> dict[str, str]:
    return {"status": "ERROR", "results": "", "error": error}


COUNTERPART = StalkerIptv
