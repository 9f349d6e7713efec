"""One call to the external system: the plan makes it, the system carries it out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connector.outcome import Outcome

CALL_FIELDS = ("id", "method", "target")
"""The fields of a call that the system's `replies` read; none has data of the event."""


class Meaning(NamedTuple):
    """What a reply means: the outcome of the call, and a reason for people."""

    outcome: Outcome
    reason: str | None


Judgement = Callable[[Mapping[str, Any]], Meaning | None]
"""Finds the meaning of a reply from its fields; None if it says nothing about the reply.

Raises EvaluationError or Refusal if the reply lacks what it reads.
"""


class Page(NamedTuple):
    """A page of a look-up: its items, and the call for the next page; None after the last."""

    items: list[Any]
    following: "Call | None"


class Paging(NamedTuple):
    """How the pages of a look-up are read; `most` is how many are read.

    `page` finds the page in the fields of the reply to a call. It raises EvaluationError or Refusal
    if the reply lacks what it reads.
    """

    most: int
    page: Callable[[Mapping[str, Any], "Call"], Page]


@dataclass(frozen=True, slots=True)
class Call:
    """A request with all its expressions computed; each protocol adds its own fields.

    `id` is the name under which later calls read its reply. `method` and `target` are for the log
    and have no data in them, e.g. `POST` and `/subscribers/{}`. `idempotent` is true if sending
    the call twice has the same effect as sending it once; such a call is retried even if the
    system may have carried it out. `read_only` is true if the call changes nothing at the system.
    `once` is true if the call must not be made twice, such as a message to a person: if its end is
    unknown, it counts as carried out.
    `meaning` is the call's own `replies`. `objection` is its `expect`: what is wrong with a reply
    that would count as success. `paging` reads the other pages of the reply. `loc` is the path of
    its entry in the mapping file; only the tests inside mapping files need it, so it is empty while
    the function serves.
    """

    id: str
    method: str
    target: str
    idempotent: bool = False
    read_only: bool = False
    once: bool = field(default=False, kw_only=True)
    meaning: Judgement | None = field(default=None, repr=False, compare=False, kw_only=True)
    objection: Judgement | None = field(default=None, repr=False, compare=False, kw_only=True)
    paging: Paging | None = field(default=None, repr=False, compare=False, kw_only=True)
    loc: tuple[str | int, ...] = field(default=(), repr=False, compare=False, kw_only=True)

    @property
    def size(self) -> int:
        """About how many bytes were encoded for the call; 0 if the protocol bounds them."""
        return 0
