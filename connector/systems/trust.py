"""The TLS contexts of a system: whom the connector trusts, and what it shows of itself.

Without `tls.ca` of the system, the authorities of the machine are trusted, or those of the
environment. OpenSSL reads `SSL_CERT_FILE` and `SSL_CERT_DIR` itself and says nothing if it cannot.
Then no certificate is trusted and every event fails, so the start looks at them, too.
"""

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from logging import WARNING
from typing import Any

from connector import log
from connector.mapping.expression import Scope, Value, formed
from connector.mapping.system_entry import Tls
from connector.mapping.text import text_of
from connector.settings import BadSettings
from connector.systems.certificate import Identity, now, pem_blocks

SOON = timedelta(days=30)
"""So long before its certificate ends, the connector begins to warn."""
_DAY = timedelta(days=1)


class Trust:
    """Makes the TLS contexts for new connections; a new one if a secret has changed.

    `tls` is the entry at `place`, such as `system.http.tls`; `settings` are the values of the
    deployment. `protocols` are offered in the handshake (ALPN).
    """

    def __init__(
        self,
        tls: Tls | None = None,
        settings: Mapping[str, Any] | None = None,
        place: str = "system.http.tls",
        protocols: Sequence[str] = (),
    ) -> None:
        self._tls = tls
        self._place = place
        self._protocols = protocols
        self._scope = Scope(settings=settings or {})
        self._made_from: tuple[Identity | None, str | None] | None = None
        self._context: ssl.SSLContext | None = None
        self._warned = now() - _DAY

    @property
    def own_authorities(self) -> bool:
        """True if those of the machine do not matter."""
        return self._tls is not None and self._tls.ca is not None

    @property
    def shows_certificate(self) -> bool:
        """True if the connector has a certificate of its own."""
        return self._tls is not None and self._tls.certificate is not None

    def context(self) -> ssl.SSLContext:
        """The context for a connection that is opened now.

        If certificate and key are two secrets, one changes before the other. Until both belong
        together again, the pair before stays in use.

        Raises:
            BadSettings: the certificate cannot be used, and there is none from before.
        """
        found = self._texts()
        if self._context is None or found != self._made_from:
            self._renew(found)
        self._warn()
        assert self._context  # noqa: S101 - `_renew` raises without one
        return self._context

    def _texts(self) -> tuple[Identity | None, str | None]:
        tls = self._tls
        if tls is None:
            return None, None
        return _identity(tls, self._scope, self._place), _text(tls.ca, self._scope)

    def _renew(self, found: tuple[Identity | None, str | None]) -> None:
        self._made_from = found
        try:
            self._context = _made(*found)
            if self._protocols:
                self._context.set_alpn_protocols(self._protocols)
        except ValueError as error:
            if self._context is None:
                raise BadSettings([str(error)]) from None
            log.write(WARNING, "the client certificate before stays in use", cause=str(error))

    def _warn(self) -> None:
        """Log once a day that the certificate ends soon."""
        identity = self._made_from[0] if self._made_from else None
        if identity is None or now() < self._warned + _DAY:
            return
        self._warned = now()
        if identity.ends < now() + SOON:
            log.write(WARNING, "the client certificate ends soon", ends=f"{identity.ends:%Y-%m-%d}")


def _made(identity: Identity | None, ca: str | None) -> ssl.SSLContext:
    """A context that trusts `ca` alone, or the machine's authorities without it."""
    context = ssl.create_default_context(cadata=ca and pem_blocks(ca, "CERTIFICATE"))
    if identity:
        identity.give_to(context)
    return context


def check(tls: Tls | None, settings: Mapping[str, Any], place: str = "system.http.tls") -> None:
    """Check the entry `tls` at `place`; a start and a rotated secret need it.

    It does not compare certificate and key: they may be two secrets that change one by one.

    Raises:
        BadSettings: names each entry that cannot be used, and never repeats a value.
    """
    if tls is None:
        return
    scope, problems = Scope(settings=settings), []
    for name, value in {"certificate": tls.certificate, "key": tls.key, "ca": tls.ca}.items():
        if value is not None and not _text(value, scope):
            problems.append(f"{place}.{name}: is missing: check its secret")
    if not problems:
        identity, ca = _identity(tls, scope, place), _text(tls.ca, scope)
        problems += identity.problems(now()) if identity else ()
        problems += _ca_problems(ca, place) if ca else ()
    if problems:
        raise BadSettings(problems)


def _identity(tls: Tls, scope: Scope, place: str) -> Identity | None:
    certificate = _text(tls.certificate, scope)
    if not certificate:
        return None
    key = _text(tls.key, scope) if tls.key else certificate  # one text with both
    return Identity(certificate, key or "", _text(tls.password, scope), place)


def _text(value: Value | None, scope: Scope) -> str | None:
    """The text of a value; None if it is not in the mapping file, or has no text."""
    try:
        return formed(value, scope, text_of) if value is not None else None
    except ValueError:
        return None


def _ca_problems(ca: str, place: str) -> Iterator[str]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=pem_blocks(ca, "CERTIFICATE")
        )
    except (ssl.SSLError, ValueError):
        yield f"{place}.ca: must be certificates in PEM format"


def trust_problems() -> Iterator[str]:
    """Yield what is wrong with `SSL_CERT_FILE` and `SSL_CERT_DIR`; a start calls this."""
    names = ssl.get_default_verify_paths()
    file, folders = os.environ.get(names.openssl_cafile_env), names.openssl_capath_env
    if file:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except OSError:  # ssl.SSLError is one
            rule = "must be a file of certificates in PEM format that this user can read"
            yield f"{names.openssl_cafile_env}: {rule}"
    if (given := os.environ.get(folders)) and not any(map(os.path.isdir, given.split(os.pathsep))):
        yield f"{folders}: must be a directory with certificates"
