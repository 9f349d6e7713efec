"""One request to the external system, ready to send: what plan makes and system carries out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A request with every expression already computed; each protocol adds its own fields.

    `id` is the name under which later calls read its reply. `method` and `target` are for the
    log: what is done, and to what, its data left out (`POST /subscribers/{}`). `idempotent` says
    that sending it twice does no more than sending it once, which is what allows a retry after an
    unknown end; `reads` that it changes nothing.
    """

    id: str
    method: str
    target: str
    idempotent: bool = False
    reads: bool = False
