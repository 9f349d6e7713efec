"""What replies mean: the entries `replies` of the system and of a call, and a call's `expect`."""

from typing import Literal

from pydantic import Field

from connector.call import Meaning
from connector.mapping.entry import AnyText, Condition, Entry
from connector.mapping.expression import Scope, Value, formed
from connector.mapping.text import optional_text
from connector.outcome import Outcome

_LONGEST_REASON = 500  # characters

Refused = Literal[
    Outcome.REJECTED,
    Outcome.UNKNOWN_RESOURCE,
    Outcome.THROTTLED,
    Outcome.FAILED,
    Outcome.UNAVAILABLE,
]
"""What a reply can mean, besides `applied`."""


def reason(because: Value | None, scope: Scope) -> str | None:
    """The text of `because`, at most 500 characters; None if it is empty.

    `scope` has the settings and the reply.

    Raises:
        EvaluationError: `because` reads a field that the reply lacks, or its value has no text.
    """
    text = formed(because, scope, optional_text) if because else None
    return text and text[:_LONGEST_REASON]


class ReplyRule(Entry):
    """The meaning of a reply; the first entry whose `if` holds decides."""

    if_: Condition = Field(alias="if")
    outcome: Literal[Outcome.APPLIED, Refused]
    because: AnyText | None = None


class Expectation(Entry):
    """A condition that a reply which counts as success must fulfil."""

    that: Condition
    because: AnyText
    outcome: Refused = Field(
        Outcome.FAILED, description="The outcome of the event if it does not hold (failed)."
    )


def meaning(rules: tuple[ReplyRule, ...], scope: Scope) -> Meaning | None:
    """The meaning of a reply by the first rule whose `if` holds; None if none does.

    Raises:
        EvaluationError: a rule reads a field that the reply lacks.
    """
    for rule in rules:
        if rule.if_.evaluate(scope):
            return Meaning(rule.outcome, reason(rule.because, scope))
    return None


def objection(expected: tuple[Expectation, ...], scope: Scope) -> Meaning | None:
    """The first expectation that a reply does not fulfil; None if it fulfils all.

    Raises:
        EvaluationError: an expectation reads a field that the reply lacks.
    """
    for entry in expected:
        if not entry.that.evaluate(scope):
            return Meaning(entry.outcome, reason(entry.because, scope))
    return None
