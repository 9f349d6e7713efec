"""Decides the outcome of a reply, in the same order for every protocol.

First the mapping's `replies`, then the call's `accept`, then the protocol's own rule
(docs/decisions/0018-order-of-judging.md).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.system_entry import ReplyRule
from connector.outcome import Outcome
from connector.system import End, Reply


def judge(
    reply: Reply, rules: tuple[ReplyRule, ...], settings: Mapping[str, Any], *, accepted: bool
) -> Reply:
    """The reply with its final outcome; the client of every protocol calls it.

    `reply` has the outcome by the protocol's own rule. `rules` are the mapping's `replies`,
    `settings` its settings by name. `accepted` is true if the call's `accept` lists this reply.
    """
    scope = Scope(settings=settings, reply=reply.seen)
    try:
        for rule in rules:
            if rule.if_.evaluate(scope):
                return replace(reply, outcome=rule.outcome, reason=rule.reason(scope))
    except EvaluationError as error:
        return replace(
            reply,
            outcome=Outcome.FAILED,
            reason="API Core's reply is not what the mapping expects",
            cause=str(error),
            end=End.UNKNOWN if reply.outcome is Outcome.APPLIED else reply.end,
        )
    return replace(reply, outcome=Outcome.APPLIED, reason=None) if accepted else reply
