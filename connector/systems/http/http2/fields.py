"""The header fields of a request over HTTP/2 (RFC 9113, 8.2 and 8.3)."""

import re

import httpx

Fields = list[tuple[bytes, bytes]]

_WITH_BODY = ("POST", "PUT", "PATCH")  # send a length even for an empty body (RFC 9110, 8.6)
_OF_HTTP1 = (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_BREAK = re.compile(rb"[\r\n\0]")


def fields_of(request: httpx.Request, length: int) -> Fields:
    """The fields of a request whose body has `length` bytes; names are in lower case.

    Raises:
        httpx.LocalProtocolError: a header has a line break or a NUL character in it, or HTTP/2
            does not allow it.
    """
    headers = [(name.lower(), value.strip(b" \t")) for name, value in request.headers.raw]
    host = next((value for name, value in headers if name == b"host"), request.url.netloc)
    fields = [
        (b":method", request.method.encode()),
        (b":scheme", request.url.raw_scheme),
        (b":authority", host),
        (b":path", request.url.raw_path),
    ]
    if length or request.method in _WITH_BODY:
        fields.append((b"content-length", b"%d" % length))
    fields += [header for header in headers if header[0] != b"host"]
    if any(_BREAK.search(value) for _, value in fields) or not all(map(_allowed, headers)):
        raise httpx.LocalProtocolError("a header that cannot be sent")
    return fields


def _allowed(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    if name == b"te":
        return value == b"trailers"
    return _NAME.fullmatch(name) is not None and name not in _OF_HTTP1
