"""Replies that came and cannot be used, and refused certificates, as errors of httpx.

Each fault is a sentence for people: NSPS shows it in its Event History. It names what is wrong and
quotes no value of the reply. `status` is the status of the reply, None if it was not read. The
system answered, so the circuit breaker does not count these errors
(docs/decisions/0028-replies-that-others-read.md).
"""

import httpx

from connector.systems.causes import reason_of


class CertificateRefused(httpx.ConnectError):
    """The system refuses the connector's client certificate, or wants one. Nothing was carried out.

    In TLS 1.3 the refusal comes after the request was sent, but the system reads no request before
    it has accepted the certificate.
    """


class Fault(httpx.RequestError):
    """A reply that cannot be used; `httpx.RequestError`, as all errors of a transport are."""

    status: int | None = None


class Unreadable(Fault, httpx.RemoteProtocolError):
    """The bytes are not an HTTP reply, or they could be read in two ways."""

    def __init__(self, what: str, status: int | None = None) -> None:
        super().__init__(f"API Core's reply cannot be read: {what}")
        self.status = status


class Cut(Fault, httpx.ReadError):
    """The connection ended after the reply began and before its end."""

    def __init__(self, cause: str, status: int | None = None) -> None:
        super().__init__(reason_of(f"{cause} before the end of the reply"))
        self.status = status


class TooLarge(Fault, httpx.ReadError):
    """The reply is larger than the limit."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__("API Core's reply is too large")
        self.status = status


class Packed(Fault, httpx.DecodingError):
    """The body is packed in a way that cannot be unpacked."""

    def __init__(self, what: str, status: int | None = None) -> None:
        super().__init__(f"API Core's reply cannot be unpacked: {what}")
        self.status = status
