"""The replies that every real server gives, by path; for proxies a server behind them gives these.

Node.js, Go and Tomcat give the same with their own means: server.js, server.go, TomcatServer.java.
"""

import gzip

from tests.support.scripted import Received, Scripted

TEXT = '{"a": "Žofie"}'
LATIN_2 = "<a>Žofie Kvítková</a>"
LARGE = 999_999  # bytes; a reply may have 1,000,000
TOO_LARGE = 1_500_000
HEADERS = 150
LONG = 30_000
SLOW = 1.5  # seconds


_CLOSE = b"Connection: close\r\n"  # for proxies, which would keep the connection otherwise
_JSON = b"Content-Type: application/json\r\n" + _CLOSE
_BODY = TEXT.encode()
_CHUNKS = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (_BODY[:5], _BODY[5:]))


def _whole(body: bytes, headers: bytes = _JSON, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


_MANY = b"".join(b"X-Number-%d: %d\r\n" % (number, number) for number in range(HEADERS))
RAW = {
    "/plain": _whole(_BODY),
    "/chunked": b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n"
    % (_JSON, _CHUNKS),
    "/utf-8-header": _whole(_BODY, _JSON + "X-Name: Žofie\r\n".encode()),
    "/latin-1-header": _whole(_BODY, _JSON + "X-Name: Müller\r\n".encode("latin-1")),
    "/many-headers": _whole(_BODY, _JSON + _MANY),
    "/long-header": _whole(_BODY, _JSON + b"X-Long: " + b"a" * LONG + b"\r\n"),
    "/two-headers": _whole(_BODY, _JSON + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"),
    "/latin-2": _whole(
        LATIN_2.encode("iso-8859-2"), _CLOSE + b"Content-Type: text/xml; charset=ISO-8859-2\r\n"
    ),
    "/utf-16": _whole(
        TEXT.encode("utf-16"), _CLOSE + b"Content-Type: application/json; charset=utf-16\r\n"
    ),
    "/byte-order-mark": _whole(TEXT.encode("utf-8-sig")),
    "/packed": _whole(gzip.compress(_BODY), _JSON + b"Content-Encoding: gzip\r\n"),
    "/no-coding": _whole(_BODY, _JSON + b"Content-Encoding: UTF-8\r\n"),
    "/empty": _whole(b""),
    "/204": b"HTTP/1.1 204 No Content\r\n%b\r\n" % _CLOSE,
    "/304": b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n%b\r\n' % _CLOSE,
    "/close": _whole(_BODY),
    "/large": _whole(b"a" * LARGE),
    "/too-large": _whole(b"a" * TOO_LARGE),
    # See `BEHIND` in cases.py.
    "/http-1.0": b"HTTP/1.0 200 OK\r\n%b\r\n%b" % (_JSON, _BODY),
    "/until-close": b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (_JSON, _BODY),
    "/folded": _whole(_BODY, _JSON + b"X-Folded: a\r\n b\r\n"),
    "/line-feeds": _whole(_BODY).replace(b"\r\n", b"\n"),
    "/early-hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _whole(_BODY),
    "/continue": b"HTTP/1.1 100 Continue\r\n\r\n" + _whole(_BODY),
    "/trailer": b"HTTP/1.1 200 OK\r\n%bTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%b0\r\nX-Sum: 1\r\n\r\n" % (_JSON, _CHUNKS),
    "/cut": b"HTTP/1.1 200 OK\r\n%bContent-Length: 100\r\n\r\n%b" % (_JSON, _BODY),
    "/cut-chunks": b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n%b" % (_JSON, _CHUNKS),
    "/two-lengths": _whole(_BODY, _JSON + b"Content-Length: 1\r\n"),
}


def raw_reply(request: Received) -> Scripted:
    """What the server behind a proxy answers."""
    path = request.path.partition("?")[0]
    if path == "/own/slow":
        return Scripted(delay=SLOW)
    if path in RAW:
        return Scripted(raw=RAW[path])
    status = path.removeprefix("/")
    if not status.isdigit():
        return Scripted(404)
    headers = _JSON + b"Location: /plain\r\nRetry-After: 30\r\n"
    return Scripted(raw=_whole(_BODY, headers, b"%b Status" % status.encode()))
