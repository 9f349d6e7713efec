"""The entries `tests` and `stories` of a mapping file; `connector test` runs them."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from connector.mapping.entry import Entry
from connector.mapping.protocol import AnyExpectedCall, AnyScriptedReplies, AnyScriptedReply
from connector.outcome import Outcome

_MOMENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}  # seconds

Change = Annotated[
    dict[str, Any],
    Field(description="Values by dotted path, set before the test. The fields must be known."),
]
Add = Annotated[
    dict[str, Any], Field(description="Values of fields that neither the event nor NSPS has.")
]
Remove = Annotated[tuple[str, ...], Field(description="Dotted paths, removed before the test.")]
ScriptedSystem = Annotated[
    dict[str, AnyScriptedReplies],
    Field(description="Replies by request, such as `GET /cards/*`; the first that fits answers."),
]


def _moment(text: str) -> str:
    if not _MOMENT.fullmatch(text):
        raise ValueError("must be a time such as 30s, 5m or 2h")
    return text


class Case(Entry):
    """A test of the mapping: an event, and the expected calls and outcome."""

    name: str
    event: str = Field(description="File with the event, relative to the mapping.")
    change: Change = {}
    add: Add = {}
    remove: Remove = ()
    settings: dict[str, Any] = {}
    replies: tuple[AnyScriptedReply, ...] = Field(
        (), description="Replies, in the order of the calls."
    )
    system: ScriptedSystem = {}
    calls: tuple[AnyExpectedCall, ...] = ()
    outcome: Outcome
    because: str | None = Field(None, description="Text that the answer must contain.")

    @model_validator(mode="after")
    def _one_script(self) -> "Case":
        if self.replies and self.system:
            raise ValueError("has `replies` and `system`: use one of them")
        return self


class Step(Entry):
    """One event of a story, and the expected calls and outcome."""

    event: str | None = Field(None, description="File with the event, relative to the mapping.")
    same_as: int | None = Field(
        None, ge=1, description="Number of an earlier step, whose event comes again."
    )
    at: Annotated[str, AfterValidator(_moment)] | None = Field(
        None, description="When NSPS read the state, from the start of the story, e.g. `5m`."
    )
    change: Change = {}
    add: Add = {}
    remove: Remove = ()
    system: ScriptedSystem = {}
    calls: tuple[AnyExpectedCall, ...] = ()
    outcome: Outcome
    because: str | None = Field(None, description="Text that the answer must contain.")

    @model_validator(mode="after")
    def _one_event(self) -> "Step":
        if (self.event is None) == (self.same_as is None):
            raise ValueError("needs either `event` or `same_as`")
        return self

    @property
    def seconds(self) -> float | None:
        """`at` in seconds."""
        found = _MOMENT.fullmatch(self.at or "")
        return float(found[1]) * _UNITS[found[2]] if found else None


class Story(Entry):
    """A test of several events that come one after the other to one ledger and one system."""

    name: str
    settings: dict[str, Any] = {}
    system: ScriptedSystem = {}
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _earlier_steps(self) -> "Story":
        for number, step in enumerate(self.steps, 1):
            if step.same_as is not None and step.same_as >= number:
                raise ValueError(f"step {number}: `same_as` must be the number of an earlier step")
        return self
