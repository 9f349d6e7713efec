"""The entries `tests` of a mapping file; `connector test` runs them."""

from typing import Any

from pydantic import Field

from connector.mapping.entry import Entry
from connector.mapping.protocol import AnyExpectedCall, AnyScriptedReply
from connector.outcome import Outcome


class Case(Entry):
    """A test of the mapping: an event, and the expected calls and outcome."""

    name: str
    event: str = Field(description="File with the event, relative to the mapping.")
    change: dict[str, Any] = Field({}, description="Values by dotted path, set before the test.")
    remove: tuple[str, ...] = Field((), description="Dotted paths, removed before the test.")
    settings: dict[str, Any] = {}
    replies: tuple[AnyScriptedReply, ...] = Field(
        (), description="Replies, in the order of the calls."
    )
    calls: tuple[AnyExpectedCall, ...] = ()
    outcome: Outcome
    because: str | None = Field(None, description="Text that the answer must contain.")
