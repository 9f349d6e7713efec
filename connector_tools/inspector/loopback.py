"""Keeps the page on this machine, and other web pages away from it.

A page of another site can make a browser post to any address, and a name of its own can point to
127.0.0.1 (DNS rebinding). So only loopback names are answered, requests that change something need
the key of this run, which another site cannot read, and nothing is loaded from elsewhere.
"""

import hmac
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY_HEADER = "x-inspector-key"
_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.I)
_FREE = ("GET", "HEAD", "OPTIONS")
_DOOR = ("/process-event", "/health")  # senders have the bearer token
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Loopback:
    """ASGI middleware around the whole application; `key` is that of this run."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        answer = JSONResponse({"error": refusal[1]}, refusal[0]) if refusal else self._app

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await answer(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason why a request is refused; None if it is not."""
        headers = Headers(scope=scope)
        if not _HOST.fullmatch(headers.get("host", "")):
            return 421, "open the inspector as http://127.0.0.1 or http://localhost"
        if scope["path"] in _DOOR:
            return None
        api = scope["path"].startswith("/api")
        if api and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "another web page must not use the inspector"
        if scope["method"] in _FREE:
            return None
        given = headers.get(KEY_HEADER, "").encode()
        if not hmac.compare_digest(given, self._key):
            return 403, "the header X-Inspector-Key must have the key of this run: reload the page"
        return None
