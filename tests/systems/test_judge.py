"""The meaning of a reply: `replies`, then `accept`, then the protocol's own rule."""

from typing import Any

import pytest

from connector.call import Call
from connector.mapping.reply_rule import ReplyRule
from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.judge import judge

CALL = Call("", "POST", "/a")
RULES = tuple(
    ReplyRule.model_validate(entry)
    for entry in (
        {"if": "reply.code == 'locked'", "outcome": "unavailable", "because": "{{ reply.code }}"},
        {"if": "reply.code + 1 == 8", "outcome": "rejected"},
    )
)


def judged(code: Any, own: Reply, *, accepted: bool = False) -> Reply:
    seen = Reply(own.outcome, own.reason, end=own.end, seen={"code": code})
    return judge(seen, CALL, RULES, {}, accepted=accepted)


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("own", [Outcome.APPLIED, Outcome.FAILED])
def test_an_entry_of_replies_decides_before_accept_and_the_protocol(
    own: Outcome, accepted: bool
) -> None:
    found = judged("locked", Reply(own), accepted=accepted)
    assert (found.outcome, found.reason) == (Outcome.UNAVAILABLE, "locked")


def test_accept_decides_before_the_protocol() -> None:
    found = judged(1, Reply(Outcome.FAILED, "refused"), accepted=True)
    assert (found.outcome, found.reason) == (Outcome.APPLIED, None)


@pytest.mark.parametrize("own", [Outcome.APPLIED, Outcome.UNKNOWN_RESOURCE, Outcome.FAILED])
def test_the_protocol_decides_if_no_entry_of_replies_or_accept_matches(own: Outcome) -> None:
    assert judged(1, Reply(own)).outcome is own


@pytest.mark.parametrize(
    ("own", "end"),
    [
        (Reply(Outcome.APPLIED), End.UNKNOWN),
        (Reply(Outcome.FAILED), End.ANSWERED),
        (Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN), End.UNKNOWN),
    ],
)
def test_a_reply_for_which_a_condition_cannot_be_computed_is_a_failure(
    own: Reply, end: End
) -> None:
    """After a success the system may have changed; after a refusal it has not."""
    found = judged("text", own, accepted=True)
    assert (found.outcome, found.end) == (Outcome.FAILED, end)
    assert found.reason == "API Core's reply is not what the mapping expects"


def test_the_replies_of_the_system_see_the_call() -> None:
    rule = {"if": "call.method == 'POST' and call.id == 'made'", "outcome": "rejected"}
    rules = (ReplyRule.model_validate(rule),)
    for id_, outcome in (("made", Outcome.REJECTED), ("other", Outcome.APPLIED)):
        call = Call(id_, "POST", "/a")
        assert judge(Reply(Outcome.APPLIED), call, rules, {}, accepted=False).outcome is outcome


@pytest.mark.parametrize(("once", "end"), [(True, End.ANSWERED), (False, End.UNKNOWN)])
def test_a_reply_with_a_meaning_ends_the_doubt_about_a_call_that_is_made_once(
    once: bool, end: End
) -> None:
    call = Call("", "POST", "/a", once=once)
    seen = Reply(Outcome.FAILED, end=End.UNKNOWN, seen={"code": "locked"})
    assert judge(seen, call, RULES, {}, accepted=False).end is end


def test_a_reply_without_a_meaning_leaves_the_doubt() -> None:
    call = Call("", "POST", "/a", once=True)
    seen = Reply(Outcome.FAILED, end=End.UNKNOWN, seen={"code": 1})
    assert judge(seen, call, RULES, {}, accepted=False).end is End.UNKNOWN
