"""Google's certificates, with which `connector.doors.oidc` checks signatures.

They are fetched in the background and used while they are known, so that neither a slow server of
certificates nor a stranger's token holds up a push request
(docs/decisions/0025-starts-that-fail.md).
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from logging import INFO, WARNING

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import load_pem_x509_certificate
from google.auth.crypt import RSAVerifier
from pydantic_core import from_json

from connector import log

_DEFAULT_AGE = 3600.0  # seconds to keep certificates whose answer names no `max-age`
_LEAST_AGE, _MOST_AGE = 60.0, 86400.0  # seconds; an answer that names others gets these
_STALE = 86400.0  # seconds for which old certificates are used while no new ones can be fetched
_PAUSE = 60.0  # seconds at least between two fetches
_FIRST_PAUSE = 5.0  # the same as long as there are no certificates
_WAIT = 5.0  # seconds for which a push request waits for a fetch
_TIMEOUT = 10.0  # seconds for a fetch
_MOST_BYTES = 1_000_000  # of an answer; Google's has some 3000

_ERRORS = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError)  # OSError: also the time-out


class NoCertificates(Exception):  # noqa: N818 - it names what is missing
    """No certificates are known, or they are too old; the text says why."""


class Certificates:
    """The certificates at a URL, by the id of their key; a `Signer` has one.

    `clock` gives seconds, and `wait` is the most seconds that a caller waits for a fetch; tests
    pass their own.
    """

    def __init__(
        self, url: str, clock: Callable[[], float] = time.monotonic, wait: float = _WAIT
    ) -> None:
        self._url = url
        self._clock = clock
        self._wait = wait
        self._known: dict[str, RSAVerifier] = {}
        self._fresh_until = self._next_fetch = float("-inf")
        self._trouble: str | None = "not fetched yet"
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> RSAVerifier | None:
        """The key of this id; None if Google has no such key, as far as is known.

        A known key is returned at once. For an unknown one the certificates are fetched again, but
        at most once a minute, and the caller waits for that for some seconds at most.

        Raises:
            NoCertificates: none were ever fetched, or none for more than a day.
        """
        if key_id not in self._known or self._clock() >= self._fresh_until:
            self._begin()
        if (key_id not in self._known or self._is_too_old()) and self._fetching:
            await asyncio.wait((self._fetching,), timeout=self._wait)
        if self._is_too_old():
            raise NoCertificates(self._trouble or "they are fetched too slowly")
        return self._known.get(key_id)

    def _is_too_old(self) -> bool:
        return self._clock() >= self._fresh_until + _STALE

    def _begin(self) -> None:
        """Begin a fetch, unless one is under way or the last one was a moment ago."""
        now = self._clock()
        if now >= self._next_fetch and (self._fetching is None or self._fetching.done()):
            self._next_fetch = now + (_PAUSE if self._known else _FIRST_PAUSE)
            self._fetching = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        """Fetch the certificates; the known ones stay if that fails. It logs each change."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                body, headers = await _get(self._url)
            self._known = _verifiers(body)
        except _ERRORS as error:
            trouble = f"certificates of the OIDC issuer: {_text(error)}"
            if trouble != self._trouble:
                log.write(WARNING, "certificates cannot be fetched", cause=trouble)
            self._trouble = trouble
            return
        self._fresh_until = self._clock() + _age(headers)
        self._next_fetch = self._clock() + _LEAST_AGE
        self._trouble = None
        log.write(INFO, "certificates fetched")


async def _get(url: str) -> tuple[bytes, Mapping[str, str]]:
    """The body and the headers of an answer 200.

    Raises:
        httpx.HTTPError: there is no such answer.
        ValueError: it is too large.
    """
    plain = {"Accept-Encoding": "identity"}  # httpx unpacks without a limit
    async with (
        httpx.AsyncClient(timeout=_TIMEOUT, headers=plain) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        body = b""
        async for part in response.aiter_raw(65536):
            body += part
            if len(body) > _MOST_BYTES:
                raise ValueError("the answer is too large")
        return body, response.headers


def _verifiers(body: bytes) -> dict[str, RSAVerifier]:
    """The keys of an answer by id, without those that are not certificates of RSA keys in PEM.

    Raises:
        ValueError: the answer is no JSON object, or it has no such key.
    """
    answer = from_json(body)
    if not isinstance(answer, dict):
        raise ValueError("the answer is not a JSON object")
    found = {name: key for name, pem in answer.items() if (key := _verifier(pem))}
    if not found:
        raise ValueError("the answer has no certificate of an RSA key")
    return found


def _verifier(pem: object) -> RSAVerifier | None:
    if not isinstance(pem, str):
        return None
    try:
        return RSAVerifier(load_pem_x509_certificate(pem.encode()).public_key())  # type: ignore[no-untyped-call]
    except (ValueError, UnsupportedAlgorithm):  # also a key of another kind than RSA
        return None


def _age(headers: Mapping[str, str]) -> float:
    """For how many seconds from now an answer with these headers is fresh (RFC 9111)."""
    found = re.search(r'(?i)(?:^|[,\s])max-age="?([0-9]{1,8})', headers.get("cache-control", ""))
    most = float(found[1]) if found else _DEFAULT_AGE
    spent = re.fullmatch(r"\s*([0-9]{1,8})\s*", headers.get("age", ""))
    return min(max(most - (float(spent[1]) if spent else 0), _LEAST_AGE), _MOST_AGE)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
