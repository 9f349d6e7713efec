"""The entry `system` of a mapping file: the keys that it has for every protocol."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from connector.mapping.entry import AnyText, AnyValue, Condition, Entry
from connector.mapping.expression import Constant, Scope, formed
from connector.mapping.text import optional_text
from connector.outcome import Outcome

_LONGEST_REASON = 500  # characters


class BreakerEntry(Entry):
    """The circuit breaker: it opens after `after` failures in a row and probes after `pause`."""

    after: Annotated[int, Field(ge=1)] = 10
    pause: AnyValue = Field(default_factory=lambda: Constant("10s"))


class Limits(Entry):
    """Timeouts, limits and circuit breaker; the base of each protocol's own entry."""

    timeout: AnyValue = Field(
        default_factory=lambda: Constant("30s"),
        description="Longest wait for a reply, per attempt (30s).",
    )
    connect_timeout: AnyValue = Field(
        default_factory=lambda: Constant("5s"), description="Longest wait for a connection (5s)."
    )
    rate_limit: Annotated[str, Field(pattern=r"^[1-9][0-9]*/s$")] | None = Field(
        None, description="Requests per second and instance, e.g. `50/s`; events above it wait."
    )
    concurrency: Annotated[int, Field(ge=1)] = Field(
        250, description="Events at once per instance, each with one call at a time; others wait."
    )
    breaker: BreakerEntry = Field(default_factory=BreakerEntry)


class ReplyRule(Entry):
    """The meaning of a reply; the first entry whose `if` holds decides."""

    if_: Condition = Field(alias="if")
    outcome: Literal[
        Outcome.APPLIED,
        Outcome.REJECTED,
        Outcome.UNKNOWN_RESOURCE,
        Outcome.THROTTLED,
        Outcome.FAILED,
        Outcome.UNAVAILABLE,
    ]
    because: AnyText | None = None

    def reason(self, scope: Scope) -> str | None:
        """The text of `because` for a reply, at most 500 characters; None if it is empty.

        `scope` has the settings and the reply.

        Raises:
            EvaluationError: the reply lacks a field that `because` reads, or it is no text.
        """
        because = formed(self.because, scope, optional_text) if self.because else None
        return because and because[:_LONGEST_REASON]


class SystemEntry(Entry):
    """The external system; each protocol adds a key with its own name."""

    protocol: ClassVar[str]

    replies: tuple[ReplyRule, ...] = ()


def seconds(value: object) -> float:
    """The seconds of a duration: of a number, or of text such as `30s`, `500ms`, `2m`.

    Raises:
        ValueError: `value` is not a duration, or not above zero.
    """
    if isinstance(value, str):
        parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)", value.strip())
        if not parts:
            raise ValueError("must be a duration such as 30s, 500ms or 2m")
        value = float(parts[1]) * {"ms": 0.001, "s": 1, "m": 60}[parts[2]]
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError("must be a duration above zero")
    return float(value)
