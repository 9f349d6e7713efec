"""Decides the outcome of a reply, in the same order for every protocol.

First the call's own `replies`, then those of the system, then the call's `accept`, then the
protocol's own rule (docs/decisions/0018-order-of-judging.md). A reply that counts as success after
that must fulfil the call's `expect`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.call import CALL_FIELDS, Call, Meaning
from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.reply_rule import ReplyRule, meaning
from connector.outcome import Outcome, Refusal
from connector.system import End, Reply


def judge(
    reply: Reply,
    call: Call,
    rules: tuple[ReplyRule, ...],
    settings: Mapping[str, Any],
    *,
    accepted: bool,
) -> Reply:
    """The reply with its final outcome; the client of every protocol calls it.

    `reply` has the outcome by the protocol's own rule. `rules` are the system's `replies`,
    `settings` the mapping's settings by name. `accepted` is true if the call's `accept` lists this
    reply.
    """
    try:
        found = _decided(reply, call, rules, settings)
        if found:
            end = End.ANSWERED if call.once else reply.end  # the file says what the system did
            reply = replace(reply, outcome=found.outcome, reason=found.reason, end=end)
        elif accepted:
            reply = replace(reply, outcome=Outcome.APPLIED, reason=None)
        if reply.outcome is Outcome.APPLIED and call.objection:
            return _expected(reply, call.objection(reply.seen))
    except (EvaluationError, Refusal) as error:
        return replace(
            reply,
            outcome=Outcome.FAILED,
            reason="API Core's reply is not what the mapping expects",
            cause=str(error),
            end=End.UNKNOWN if reply.outcome is Outcome.APPLIED else reply.end,
        )
    return reply


def _decided(
    reply: Reply, call: Call, rules: tuple[ReplyRule, ...], settings: Mapping[str, Any]
) -> Meaning | None:
    """The meaning that the call or the system gives to a reply; None if neither names it."""
    own = call.meaning(reply.seen) if call.meaning else None
    if own or not rules:
        return own
    about = {name: getattr(call, name) for name in CALL_FIELDS}
    scope = Scope(settings=settings, reply=reply.seen, call=about)
    return meaning(rules, scope)


def _expected(reply: Reply, objection: Meaning | None) -> Reply:
    """The reply; if it is not as the call expects, nobody knows what the system has done."""
    if objection is None:
        return reply
    return replace(reply, outcome=objection.outcome, reason=objection.reason, end=End.UNKNOWN)
