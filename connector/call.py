"""One call to the external system: the plan makes it, the system carries it out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A request with all its expressions computed; each protocol adds its own fields.

    `id` is the name under which later calls read its reply. `method` and `target` are for the log
    and have no data in them, e.g. `POST` and `/subscribers/{}`. `idempotent` is true if sending
    the call twice has the same effect as sending it once; such a call is retried even if the
    system may have carried it out. `read_only` is true if the call changes nothing at the system.
    """

    id: str
    method: str
    target: str
    idempotent: bool = False
    read_only: bool = False

    @property
    def size(self) -> int:
        """About how many bytes were encoded for the call; 0 if the protocol bounds them."""
        return 0
