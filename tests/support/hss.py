"""The simulated HSS in this process, behind the real client for HTTP."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from connector_tools.counterparts.rules.hss import Hss

SETTINGS = {"api_url": "http://hss.test", "api_token": "token", "timeout": 30.0}
_POLICY = [{"group_name": "lte.wtl", "name": n, "value": n} for n in ("cs_profile", "eps_profile")]
SERVED: dict[str, Any] = {
    "pb_data.product_info": {"i_product": 1, "name": "mobile-l"},
    "pb_data.access_policy_info": {"i_access_policy": 1, "name": "all", "attributes": _POLICY},
}
"""What an event about a SIM in service needs to have for `counterparts/rules/hss.yaml`."""


class HssWire(httpx.AsyncBaseTransport):
    """Carries requests to an HSS, and notes them as `GET /auc/...`.

    `after` is called after each request, with its method. A reply of `lose` (`POST /subscribers`)
    is lost once.
    """

    def __init__(self, after: "Callable[[HssWire, str], None] | None" = None) -> None:
        self.hss = Hss()
        self.sent: list[str] = []
        self.lose = ""
        self._after = after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The reply of the HSS: see `httpx.AsyncBaseTransport`."""
        path = request.url.path
        self.sent.append(f"{request.method} {path}")
        body = json.loads(await request.aread() or b"null")
        status, document = self.hss.handle(request.method, path, body)
        if self._after:
            self._after(self, request.method)
        if self.sent[-1] == self.lose:
            self.lose = ""
            raise httpx.ReadError("connection closed")
        return httpx.Response(status, json=document)
