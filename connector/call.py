"""One request to the external system, ready to send: what plan makes and system carries out."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Call:
    """A request with every expression already computed.

    `target` is the path with its data left out (`/subscribers/{}`), fit for logs; `path` has the
    data, encoded. `body` is what the media type `content_type` says, or None. `accept` are
    statuses that count as success beside 2xx. `idempotent` says that sending it twice does no
    more than sending it once, which is what allows a retry after an unknown end.
    """

    id: str
    method: str
    target: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content_type: str | None = None
    body: bytes | None = field(default=None, repr=False)
    accept: frozenset[int] = frozenset()
    idempotent: bool = False
