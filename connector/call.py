"""One request to the external system: the plan makes it, the system carries it out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A request with every expression already computed; each protocol adds its own fields.

    `id` is the name under which later calls read its reply. `method` and `target` are for the log
    and hold no data: `POST /subscribers/{}`. `idempotent` says that sending the call twice has the
    effect of sending it once, so that it can be retried when its end is unknown. `read_only` says
    that it changes nothing at the system.
    """

    id: str
    method: str
    target: str
    idempotent: bool = False
    read_only: bool = False
