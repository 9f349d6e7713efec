"""What real servers are asked for: by all of them, and by each on its own account."""

from typing import NamedTuple

from tests.support.real_servers.replies import LARGE, LATIN_2, TEXT


class Case(NamedTuple):
    """A request, and what comes back.

    `status` is None if there may be no reply; `text` is None if another client's reading says it.
    `packed` asks for gzip.
    """

    path: str
    status: int | None = 200
    text: str | None = None
    method: str = "GET"
    body: bytes = b""
    packed: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        media = {"Content-Type": "application/json"} if self.body else {}
        return media | {"Accept-Encoding": "gzip" if self.packed else "identity"}


CASES = (
    Case("/plain", text=TEXT),
    Case("/plain", text=TEXT, method="POST", body=b'{"a": 1}'),
    Case("/plain", text=TEXT, method="PUT", body=b"a" * 200_000),
    Case("/plain", text=TEXT, method="DELETE"),
    Case("/chunked", text=TEXT),
    Case("/utf-8-header", text=TEXT),
    Case("/latin-1-header", text=TEXT),
    Case("/many-headers", text=TEXT),
    Case("/long-header", text=TEXT),
    Case("/two-headers", text=TEXT),
    Case("/latin-2", text=LATIN_2),
    Case("/utf-16", text=TEXT),
    Case("/byte-order-mark", text=TEXT),
    Case("/packed", text=TEXT),
    Case("/no-coding", text=TEXT),
    Case("/empty", text=""),
    Case("/204", 204, text=""),
    Case("/304", 304, text=""),
    *(Case(f"/{status}", status) for status in (301, 302, 303, 307, 308)),
    *(Case(f"/{status}", status) for status in (400, 401, 403, 404, 409, 422, 429)),
    *(Case(f"/{status}", status) for status in (500, 502, 503)),
    Case("/close", text=TEXT),
    Case("/large", text="a" * LARGE),
)

BEHIND = tuple(
    Case(path, None)
    for path in (
        "/http-1.0 /until-close /folded /line-feeds /early-hints /continue /trailer /cut"
        " /cut-chunks /two-lengths"
    ).split()
)
"""For proxies: what only a server behind one sends. Each proxy makes of it what it will."""

_BIG = b"a" * 1_000_000
_HEADERS = Case("/own/headers", 409)
_MOVED = Case("/own/moved", 301)
_NOTHING = Case("/own/nothing", 204, "")
_LAST = Case("/own/last", text=None)
_STATIC = (
    Case("/own/static/static.json", text=TEXT * 200),
    Case("/own/static/static.json", text=TEXT * 200, packed=True),
    Case("/own/static/none", text=""),
    Case("/own/static/none", text="", packed=True),
    Case("/own/static/other", 404),
)
_SMALL = Case("/own/small", 413, method="POST", body=_BIG)
_SLOW = Case("/own/slow", 504)
_EARLY = Case("/own/early")
_CUT, _GONE = Case("/own/cut", None), Case("/own/gone", None)
_TRAILER = Case("/own/trailer", text=TEXT)
_PACKED = Case("/plain", text=TEXT, packed=True)

OWN = {
    "nginx": (
        *BEHIND,
        *_STATIC,
        *(_HEADERS, _MOVED, _NOTHING, _LAST, _SMALL, _SLOW, _GONE, _PACKED),
        Case("/own/charset/static.xml", text=LATIN_2),
        Case("/own/unchunked/static.json", text=TEXT * 200, packed=True),
        Case("/own/dead", 502),
        Case("/own/busy", 429),
        Case("/own/static/static.json", 405, method="POST"),
    ),
    "apache": (
        *BEHIND,
        *_STATIC,
        *(_HEADERS, _MOVED, _NOTHING, _LAST, _SMALL),
        Case("/own/slow", 502),
        Case("/own/charset/static.xml", text=LATIN_2),
        Case("/own/http10/static.json", text=TEXT * 200),
        Case("/own/as-is", 409, TEXT),
        Case("/own/dead", 503),
    ),
    "haproxy": (
        *BEHIND,
        *(_HEADERS, _MOVED, _NOTHING, _SMALL, _SLOW, _EARLY, _GONE),
        Case("/own/packed", text=TEXT, packed=True),
        Case("/own/dead", 503),
        Case("/own/busy", 429),
        Case("/own/refused", 503),
    ),
    "caddy": (
        *BEHIND,
        *_STATIC,
        *(_HEADERS, _MOVED, _NOTHING, _LAST, _SLOW, _EARLY, _GONE),
        Case("/own/small", 502, method="POST", body=_BIG),
        Case("/own/dead", 502),
    ),
    "node": (_EARLY, Case("/own/continue", text=TEXT), _TRAILER, _CUT, _GONE),
    "go": (
        *(_EARLY, Case("/own/continue", text=TEXT), _TRAILER, _CUT, _GONE, _SMALL),
        Case("/own/sniffed", text="<a/>"),
        Case("/own/error", 500),
    ),
    "tomcat": (
        *(_TRAILER, _SMALL, _PACKED),
        Case("/own/moved", 302),
        Case("/own/writer", text='{"a": "M\u00fcller"}'),
        Case("/own/error", 500),
        Case("/own/send-error", 409),
    ),
}
"""What each server sends on its own account."""
