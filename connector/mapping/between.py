"""The entries of `calls` that are not calls: `require`, `let`, and the use of a block.

They send nothing themselves. Each is carried out when its turn comes, and reads earlier replies.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from connector.mapping.entry import AnyText, AnyValue, Condition, Entry, Name
from connector.mapping.reply_rule import Refused
from connector.outcome import Outcome


class Must(Entry):
    """A condition on earlier replies, and the end of the event if it does not hold."""

    that: Condition
    because: AnyText
    outcome: Literal[Outcome.INVALID, Refused] = Field(
        description="The outcome of the event if it does not hold."
    )


class RequireEntry(Entry):
    """Conditions between two calls; the first that does not hold ends the event."""

    require: Annotated[tuple[Must, ...], Field(min_length=1)]


class LetEntry(Entry):
    """Values by name, computed when their turn comes; later entries of `calls` read them."""

    let: Annotated[dict[Name, AnyValue], Field(min_length=1)]


class BlockUse(Entry):
    """The calls of a block, made with these parameters."""

    block: Name
    with_: dict[Name, AnyValue] = Field(
        {}, alias="with", description="The parameters of the block, by name."
    )
    when: Condition | None = Field(None, description="Make the calls only if this holds.")
    each: Condition | None = Field(
        None, description="Make the calls once for each `item` of this list."
    )


Between = RequireEntry | LetEntry
OTHERS: dict[str, type[Entry]] = {"require": RequireEntry, "let": LetEntry, "block": BlockUse}
"""By the key that makes an entry of `calls` one of them."""
IN_BLOCKS = {key: kind for key, kind in OTHERS.items() if kind is not BlockUse}


def names_of(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the names that entries of `calls` give to what they learn: ids of calls, and values."""
    for entry in entries:
        if isinstance(entry, LetEntry):
            yield from entry.let
        elif getattr(entry, "id", None):
            yield entry.id  # type: ignore[attr-defined]  # of a call
