"""A system that wants a token of the OAuth2 server: a REST API with subscribers.

`/subscribers/{imsi}`: GET, PUT (set the given fields), DELETE; POST to `/subscribers` with `imsi`.
It asks the server about each token. One that is not active, or is for another audience, is answered
with 401; one without the scope `provision` with 403.
"""

from typing import Any, Self

import httpx

from connector_tools.counterparts.stand_in.records import Exists, Missing, Records
from tests.support.oauth.server import OAuthServer
from tests.support.session_systems.web import Answer, Asked, WebSystem, document

COLLECTION = "/subscribers"
_INVALID = [("WWW-Authenticate", 'Bearer error="invalid_token"')]
_SCOPE = [("WWW-Authenticate", 'Bearer error="insufficient_scope"')]


class Resource(WebSystem):
    """The system; `refused` counts its 401s, `tokens` are all tokens that it was shown."""

    def __init__(self, server: OAuthServer) -> None:
        super().__init__(Records())
        self.refused = 0
        self.tokens: set[str] = set()
        self._server = server
        self._audience = server.settings.resource
        self._client = httpx.AsyncClient(
            auth=("resource", server.settings.client_secret), trust_env=False, timeout=10
        )

    async def answer(self, asked: Asked) -> Answer:
        found = await self._looked_up(asked)
        if not found.get("active") or found.get("aud") != self._audience:
            self.refused += 1
            return document(401, {"error": "invalid_token"}, _INVALID)
        if "provision" not in found.get("scope", "").split():
            return document(403, {"error": "insufficient_scope"}, _SCOPE)
        try:
            return self._carry_out(asked, asked.path.removeprefix(COLLECTION).removeprefix("/"))
        except Missing:
            return document(404, {"error": "not found"})
        except Exists:
            return document(409, {"error": "exists"})

    async def _looked_up(self, asked: Asked) -> dict[str, Any]:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return {}
        self.tokens.add(token)
        reply = await self._client.post(self._server.introspection_url, data={"token": token})
        found: dict[str, Any] = reply.json()
        return found

    def _carry_out(self, asked: Asked, imsi: str) -> Answer:
        match asked.method:
            case "GET" if imsi:
                return document(200, self.records.get(imsi))
            case "POST" if not imsi and "imsi" in asked.json:
                self.records.create(asked.json["imsi"], asked.json)
                return document(201, asked.json)
            case "PUT" if imsi:
                self.records.change(imsi, asked.json)
                return document(200, {})
            case "DELETE" if imsi:
                self.records.remove(imsi)
                return Answer(204)
        return document(405, {"error": "method not allowed"})

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()
        await super().__aexit__(*exc)
