"""Words for network errors, the same for every protocol.

The words reach the answer to NSPS and the log. They come from the tables below and never from the
other side, so they hold no data of a peer, no credentials and no personal data.
"""

import errno
import re
import socket
import ssl
from collections.abc import Iterator

CREDENTIALS = "API Core refused the connector's credentials: check the secret that it uses"
"""The reason of an event whose call or login the system refused."""

_UNTRUSTED = "certificate is signed by an unknown authority"
_OTHER_NAME = "certificate is for another name"
# Results of OpenSSL's verification: X509_V_ERR_* in openssl/x509_vfy.h.
CERTIFICATES = {
    2: _UNTRUSTED,
    9: "certificate is not valid yet",
    10: "certificate has expired",
    18: _UNTRUSTED,
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    23: "certificate was revoked",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
)
# Alerts of TLS by which the other side refuses our certificate (RFC 8446, 6.2).
REFUSALS = {
    "BAD_CERTIFICATE": "it is not acceptable",
    "UNSUPPORTED_CERTIFICATE": "its kind is not supported",
    "CERTIFICATE_REVOKED": "it was revoked",
    "CERTIFICATE_EXPIRED": "it has expired",
    "CERTIFICATE_UNKNOWN": "no reason given",
    "UNKNOWN_CA": "its authority is not known there",
    "ACCESS_DENIED": "it gives no access",
}
_REQUIRED = "CERTIFICATE_REQUIRED"
NAMES = {
    socket.EAI_NONAME: "name not found",
    getattr(socket, "EAI_NODATA", socket.EAI_NONAME): "name not found",
    getattr(socket, "EAI_ADDRFAMILY", socket.EAI_NONAME): "name not found",
    socket.EAI_AGAIN: "name not found: the name server does not answer",
    socket.EAI_FAIL: "name not found: the name server failed",
}
SYSTEM = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ECONNABORTED: "connection aborted",
    errno.ETIMEDOUT: "no answer from the address",
    errno.ENETUNREACH: "network unreachable",
    errno.ENETDOWN: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
    errno.EHOSTDOWN: "host unreachable",
    errno.EACCES: "connection forbidden by this machine",
    errno.EPERM: "connection forbidden by this machine",
    errno.EADDRNOTAVAIL: "no address or port free on this machine",
    errno.EMFILE: "too many open files in the connector",
    errno.ENFILE: "too many open files on this machine",
}
# Errors without a number, as event loops raise them.
_KINDS: dict[type[OSError], int] = {
    ConnectionResetError: errno.ECONNRESET,
    ConnectionRefusedError: errno.ECONNREFUSED,
    ConnectionAbortedError: errno.ECONNABORTED,
    BrokenPipeError: errno.EPIPE,
    TimeoutError: errno.ETIMEDOUT,
}
_NUMBER = re.compile(r"\[Errno (\d+)\]")


def cause_of(error: BaseException) -> str:
    """The cause of a failed connection in words, such as `connection refused`.

    If `error` is a library's own, the errors that it was raised from are asked, too.
    """
    for found in _origins(error):
        words = _words(found)
        if words:
            return words
    return f"connection failed: {type(error).__name__}"


def is_refusal(error: BaseException) -> bool:
    """True if the other side refused our certificate, or wants one."""
    return any(_alert(found) in (*REFUSALS, _REQUIRED) for found in _origins(error))


def reason_of(cause: str) -> str:
    """The cause as NSPS shows it; "API Core" is the guide's name for the external system."""
    return f"API Core: {cause}"


def _origins(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was raised from, nearest first."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _origins(inner)
        error = error.__cause__ or error.__context__


def _alert(error: BaseException) -> str | None:
    """The alert that the other side sent; OpenSSL puts the version of TLS before its name."""
    reason = str(getattr(error, "reason", None) or "") if isinstance(error, ssl.SSLError) else ""
    return reason.partition("_ALERT_")[2] or None


def _words(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATES.get(error.verify_code) or "certificate is not acceptable"
    if isinstance(error, ssl.SSLError):
        return _of_alert(error) or f"TLS handshake failed: {_tls(error)}"
    if isinstance(error, socket.gaierror):
        return NAMES.get(error.errno or 0, "name not found")
    if isinstance(error, UnicodeError):
        return "name not found: it is not the name of a host"
    if isinstance(error, OSError):
        return _of_system(error)
    return None


def _of_alert(error: ssl.SSLError) -> str | None:
    alert = _alert(error)
    if alert == _REQUIRED:
        return "a client certificate is required"
    return (
        f"the connector's certificate was refused: {REFUSALS[alert]}" if alert in REFUSALS else None
    )


def _tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "connection closed"
    reason = str(getattr(error, "reason", None) or "")
    if reason in _NOT_TLS:
        return "the port does not speak TLS"
    return reason.lower().replace("_", " ") or "no reason given"


def _of_system(error: OSError) -> str | None:
    """Words for an error of the system, or for those of several addresses, each once.

    aiohappyeyeballs and asyncio join the errors of several addresses to one text, in which only
    the numbers are left.
    """
    number = error.errno or _KINDS.get(type(error))
    numbers = [number] if number else [int(found) for found in _NUMBER.findall(str(error))]
    words = dict.fromkeys(SYSTEM.get(number, f"system error {number}") for number in numbers)
    return ", ".join(words) or None
