"""The embedded HLR/HSS with WTL's API as the counterpart of `mappings/wtl-hlr-hss.yaml`."""

from pathlib import Path

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.hlr_http import BASE_PATH
from connector_tools.counterparts.rules.hlr import GRANTED, Hlr, RequestRefused
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn

PROFILES = ("default", "mobile-l", "mobile-m", "mobile-s")


class AnyName(frozenset[str]):
    """The profiles of an HLR that has a profile of any name."""

    def __contains__(self, name: object) -> bool:
        return True


class WtlHlrHss(HttpStandIn):
    """See `connector_tools.counterparts.rules.hlr` for its rules."""

    mapping = "wtl-hlr-hss"
    what = "a stand-in of WTL's API"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hlr = Hlr()
        self.hlr.profiles = AnyName()
        self._token = "token-0"  # noqa: S105 - of this run only
        self._rotations = 0

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "WTL_API_URL": f"http://{host}:{port}{BASE_PATH}",
            "WTL_API_TOKEN": self._token,
            "WTL_HTTP_REQUESTS_TIMEOUT": "2",
        }

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return HttpReply(401, {"result": False, "error": "unauthorized"})
        if (request.method, request.path) != ("POST", f"{BASE_PATH}/prov"):
            return HttpReply(404, {"result": False, "error": "not found"})
        try:
            order = request.json
        except ValueError:
            order = None
        if not isinstance(order, dict):
            refused = RequestRefused("bad request", "the body must be a JSON object", 400).reply
            return HttpReply(refused.status, refused.body)
        reply = self.hlr.provision(order)
        return HttpReply(reply.status, reply.body)

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`."""
        return HttpReply(200, {"result": False, "error": "database is locked"})

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        return {
            imsi: {
                "served": one.subscriber_status == GRANTED,
                "number": one.msisdn[0] if one.msisdn else None,
            }
            | ({"product": one.cs_profile} if one.cs_profile else {})
            for imsi, one in self.hlr.subscribers.items()
        }

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`."""
        self._rotations += 1
        self._token = f"token-{self._rotations}"
        return {"WTL_API_TOKEN": self._token}


COUNTERPART = WtlHlrHss
