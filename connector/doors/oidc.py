"""Check that a push request was signed by Google for the deployment's push subscription.

The function's URL is public, because NSPS has no Google identity, so `/pubsub` must recognise
its caller. A token is read first, which is cheap. Only for a token that says what Google's would
say is its key looked up, and its signature checked, which google-auth does.
"""

import binascii
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic_core import from_json

from connector.doors.certificates import Certificates, NoCertificates
from connector.outcome import Outcome, Refusal

_TOKEN = re.compile(r"(?P<signed>(?P<header>[\w-]+)\.(?P<claims>[\w-]+))\.(?P<sig>[\w-]+)", re.A)
_LONGEST = 8192  # characters of a token; Google's have some 900
_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_SKEW = 10  # seconds by which two clocks may differ


class Signed(NamedTuple):
    """The parts of a token that its signature needs."""

    key_id: str
    message: bytes
    signature: bytes


class Signer:
    """Accepts tokens of one service account for one audience; the HTTP door has one.

    `certificates` are those of Google's signing keys, or their URL. `now` is the wall clock; tests
    pass their own.
    """

    def __init__(
        self,
        account: str,
        audience: str,
        certificates: Certificates | str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._audience = audience
        if isinstance(certificates, str):
            certificates = Certificates(certificates)
        self._certificates = certificates
        self._now = now

    async def check(self, authorization: str) -> None:
        """Check the `Authorization` header of a push request.

        Raises:
            Refusal: unauthorized; or unavailable, if there are no certificates to check with.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _refusal("no bearer token")
        signed = self._read(token.strip())
        try:
            key = await self._certificates.find(signed.key_id)
        except NoCertificates as none:
            raise Refusal(Outcome.UNAVAILABLE, cause=str(none)) from None
        if key is None:
            raise _refusal("signed with a key that is not Google's")
        if not key.verify(signed.message, signed.signature):
            raise _refusal("another signature")

    def _read(self, token: str) -> Signed:
        """Read a token, and check everything but its signature.

        Raises:
            Refusal: it is not a token of our push subscription.
        """
        found = _TOKEN.fullmatch(token) if len(token) <= _LONGEST else None
        if not found:
            raise _refusal("no JSON web token")
        header = _object(found["header"])
        key_id = header.get("kid")
        if header.get("alg") != "RS256" or not isinstance(key_id, str) or "crit" in header:
            raise _refusal("a token that is not signed as Google's are")
        self._check_claims(_object(found["claims"]))
        return Signed(key_id, found["signed"].encode(), _decoded(found["sig"]))

    def _check_claims(self, claims: dict[str, Any]) -> None:
        """Check what a token says.

        Raises:
            Refusal: another one is meant, or another time.
        """
        begin: Any = claims.get("iat")
        end: Any = claims.get("exp")
        now = self._now()
        if type(begin) not in (int, float) or type(end) not in (int, float):
            raise _refusal("a token without times")
        if begin > now + _SKEW or end < now - _SKEW:
            raise _refusal("an expired token, or one of the future")
        if claims.get("iss") not in _ISSUERS:
            raise _refusal("another issuer")
        if claims.get("aud") != self._audience:
            raise _refusal("another audience")
        if claims.get("email") != self._account or claims.get("email_verified") is not True:
            raise _refusal("another service account")


def _object(text: str) -> dict[str, Any]:
    """The JSON object in a part of a token; `from_json` refuses one that is nested too deep.

    Raises:
        Refusal: the part does not hold a JSON object.
    """
    try:
        found = from_json(_decoded(text), allow_inf_nan=False)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _refusal("no JSON web token")
    return found


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise _refusal("no JSON web token") from None


def _refusal(cause: str) -> Refusal:
    return Refusal(Outcome.UNAUTHORIZED, cause=cause)
