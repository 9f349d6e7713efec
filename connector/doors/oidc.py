"""Check that a push request was signed by Google for the deployment's push subscription.

The function's URL is public, because NSPS has no Google identity, so `/pubsub` must recognise
its caller. google-auth checks signature, expiry and audience; this module checks issuer and
service account.
"""

import asyncio
import re
import time
from typing import Any

import httpx
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

from connector.outcome import Outcome, Refusal

_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_SKEW = 10  # seconds by which two clocks may differ
_DEFAULT_AGE = 3600  # seconds to keep certificates whose answer names no `max-age`


class Signer:
    """Accepts tokens of one service account for one audience; the HTTP door has one.

    `certs_url` is where Google publishes the certificates of its signing keys.
    """

    def __init__(self, account: str, audience: str, certs_url: str) -> None:
        self._account = account
        self._audience = audience
        self._certs_url = certs_url
        self._certs: dict[str, str] = {}
        self._fresh_until = 0.0
        self._fetching = asyncio.Lock()

    async def check(self, authorization: str) -> None:
        """Check the `Authorization` header of a push request.

        Raises:
            Refusal: unauthorized; or unavailable, if the certificates cannot be fetched.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(Outcome.UNAUTHORIZED, cause="no bearer token")
        certs = await self._certificates()
        try:
            claims: dict[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]
                token.strip(), certs, audience=self._audience, clock_skew_in_seconds=_SKEW
            )
        except (GoogleAuthError, ValueError) as error:
            raise Refusal(Outcome.UNAUTHORIZED, cause=type(error).__name__) from None
        if claims.get("iss") not in _ISSUERS:
            raise Refusal(Outcome.UNAUTHORIZED, cause="another issuer")
        if claims.get("email") != self._account or claims.get("email_verified") is not True:
            raise Refusal(Outcome.UNAUTHORIZED, cause="another service account")

    async def _certificates(self) -> dict[str, str]:
        async with self._fetching:
            if time.monotonic() >= self._fresh_until:
                await self._fetch()
            return self._certs

    async def _fetch(self) -> None:
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                response = (await client.get(self._certs_url)).raise_for_status()
                certs = {str(name): str(pem) for name, pem in response.json().items()}
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            if self._certs:
                return  # keep the old ones, which are valid for days
            cause = f"certificates of the OIDC issuer: {type(error).__name__}"
            raise Refusal(Outcome.UNAVAILABLE, cause=cause) from error
        self._certs = certs
        found = re.search(r"max-age=([0-9]{1,8})", response.headers.get("cache-control", ""))
        self._fresh_until = time.monotonic() + (int(found[1]) if found else _DEFAULT_AGE)
