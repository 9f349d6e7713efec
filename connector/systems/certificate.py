"""The client certificate of a system: what is wrong with it, and how a TLS context gets it.

Everything here is PEM text. Text around the blocks is left out: exports often have names there that
OpenSSL cannot read. No error quotes any of it.
"""

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_DESCRIPTORS = Path("/proc/self/fd")
_MISMATCH = "the key does not belong to the certificate, which must stand first"


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its chain, and its key, which may be encrypted with a password.

    `place` is the entry of the mapping file, such as `system.http.tls`, for the texts of errors.
    """

    certificate: str = field(repr=False)
    key: str = field(repr=False)
    password: str | None = field(repr=False)
    place: str

    def problems(self, now: datetime) -> Iterator[str]:
        """Yield what is wrong with the certificate and with the key, each by itself."""
        try:
            yield from _dated(self._first(), now, self.place)
        except ValueError:
            yield f"{self.place}.certificate: must be a certificate in PEM format"
        if not self._key:
            yield f"{self.place}.key: must be a private key in PEM format"
        else:
            yield from self._key_problems()

    @property
    def ends(self) -> datetime:
        """Until when the certificate is valid.

        Raises:
            ValueError: it cannot be read.
        """
        return self._first().not_valid_after_utc

    def give_to(self, context: ssl.SSLContext) -> None:
        """Let the connections of this context show the certificate.

        Raises:
            ValueError: OpenSSL does not accept the pair; the text says why.
        """
        password = self.password or ""  # without one, OpenSSL would ask at the terminal
        pem = pem_blocks(self.certificate, "CERTIFICATE") + self._key
        try:
            with _file(pem.encode()) as path:
                context.load_cert_chain(path, password=password)
        except ssl.SSLError as error:
            reason = str(error.reason or "no reason given")
            if "MISMATCH" in reason:
                raise ValueError(f"{self.place}: {_MISMATCH}") from None
            words = reason.lower().replace("_", " ")
            told = f"{self.place}: OpenSSL refuses the certificate: {words}"
            raise ValueError(told) from None

    @property
    def _key(self) -> str:
        return pem_blocks(self.key, "[A-Z ]*PRIVATE KEY")

    def _first(self) -> "Certificate":
        """The connector's own certificate; those of its authorities stand after it.

        Raises:
            ValueError: it cannot be read.
        """
        from cryptography.x509 import (  # noqa: PLC0415 - 75 ms, rarely needed
            load_pem_x509_certificates,
        )

        return load_pem_x509_certificates(pem_blocks(self.certificate, "CERTIFICATE").encode())[0]

    def _key_problems(self) -> Iterator[str]:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
            load_pem_private_key,
        )

        encrypted = "ENCRYPTED" in self._key
        if encrypted and not self.password:
            yield f"{self.place}.key: is encrypted; `password` is missing"
            return
        try:
            load_pem_private_key(
                self._key.encode(), (self.password or "").encode() if encrypted else None
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            wrong = "cannot be read: is the password right?" if encrypted else "cannot be read"
            yield f"{self.place}.key: {wrong}"


def pem_blocks(text: str, label: str) -> str:
    r"""The PEM blocks of a kind, one after the other; `label` is a pattern.

    A text from a variable may have `\n` in place of line breaks.
    """
    pattern = rf"-----BEGIN ({label})-----[\x20-\x7e\s]*?-----END \1-----"
    text = text.replace("\\n", "\n").replace("\r\n", "\n")
    return "".join(f"{block[0]}\n" for block in re.finditer(pattern, text))


def _dated(certificate: "Certificate", now: datetime, place: str) -> Iterator[str]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= ends:
        yield f"{place}.certificate: has expired on {ends:%Y-%m-%d}"
    if now < begins:
        yield f"{place}.certificate: is not valid before {begins:%Y-%m-%d}"


def now() -> datetime:
    """The time at which certificates must be valid."""
    return datetime.now(UTC)


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """The path of a file with this content, which exists for a moment; OpenSSL reads only files.

    On Linux it lies in memory and has no name. Elsewhere it is a temporary file that only this user
    can read.
    """
    if hasattr(os, "memfd_create") and _DESCRIPTORS.is_dir():
        descriptor = os.memfd_create("pem")
        try:
            os.write(descriptor, content)
            yield str(_DESCRIPTORS / str(descriptor))
        finally:
            os.close(descriptor)
        return
    from tempfile import NamedTemporaryFile  # noqa: PLC0415 - 5 ms, not on Linux

    with NamedTemporaryFile() as file:  # mode 0600
        file.write(content)
        file.flush()
        yield file.name
