"""The steps of a plan. Each is a conversation with the external system about one subject.

A step does no I/O: it yields calls, and `connector.pipeline` sends them and hands back the replies.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple, Protocol

from connector.call import Call
from connector.mapping.document import Loc
from connector.mapping.expression import EvaluationError
from connector.outcome import Outcome, Refusal
from connector.system import Reply

_MOST_ITEMS = 10_000  # of all pages of a look-up
_NO_PAGE = "a page of the look-up cannot be read"

Replies = dict[str, Any]
"""What the earlier steps of an event learned; steps add to it."""

Talk = Generator[Call, Reply, None]
"""Yields each call and receives its reply. Raises a Refusal if the event cannot go on."""


class Step(Protocol):
    """One step of a plan; the pipeline carries it out."""

    @property
    def subject(self) -> str | None:
        """Whom its calls are about."""

    @property
    def releases(self) -> bool:
        """True if it takes the subject away from the account (contract 4.7)."""

    @property
    def loc(self) -> Loc:
        """The path of its entry in the mapping file."""

    @property
    def reads(self) -> bool:
        """True if its calls change nothing at the system."""

    def talk(self, replies: Replies) -> Talk:
        """The calls of the step, one after the other.

        Raises:
            Refusal: a call did not succeed, or a reply or the event lacks data that a call needs.
        """


def next_call(talk: Talk, reply: Reply) -> Call | None:
    """Hand a reply to a step; return its next call, None after its last.

    Raises:
        Refusal: the event cannot go on after this reply.
    """
    try:
        return talk.send(reply)
    except StopIteration:
        return None


def confirmed(reply: Reply) -> Reply:
    """The reply, if the system confirmed the call.

    Raises:
        Refusal: it did not; with the outcome of the reply.
    """
    if reply.outcome is not Outcome.APPLIED:
        after, cause = reply.retry_after, reply.cause
        raise Refusal(reply.outcome, reply.reason, retry_after=after, cause=cause)
    return reply


class PlannedCall(NamedTuple):
    """The step for a call of a rule.

    `ready` is the call if it could be computed; `late` computes it from earlier replies. `id` is
    the name under which later steps read its reply. `confirm` reads whether the call was carried
    out, if its end is unknown. For the rest see `Step`.
    """

    id: str
    subject: str | None
    releases: bool
    loc: Loc
    ready: Call | None
    late: Callable[[Replies], Call | None] | None = None
    confirm: "PlannedCall | None" = None
    reads: bool = False

    def call(self, replies: Replies) -> Call | None:
        """The call to send; None if its `when` does not hold.

        `replies` are the fields of the earlier replies, by the ids of their calls.

        Raises:
            Refusal: invalid; a reply or the event lacks data that the call needs.
        """
        return self.late(replies) if self.late else self.ready

    def talk(self, replies: Replies) -> Talk:
        """See `Step`."""
        call = self.call(replies)
        if call is None:
            return
        reply = yield call
        if self.confirm and reply.unknown and (yield from self._done(replies, self.confirm)):
            return
        replies[self.id] = yield from _seen(call, reply)

    def _done(self, replies: Replies, confirm: "PlannedCall") -> Generator[Call, Reply, bool]:
        """Ask whether the call was carried out: then its `when` no longer holds.

        If it was not, the caller refuses the event: the system may still be working on the call.
        """
        asks = confirm.call(replies)
        if asks is None:
            return False
        answer = yield asks
        if answer.outcome is not Outcome.APPLIED:
            return False
        replies[confirm.id] = yield from _seen(asks, answer)
        return self.call(replies) is None


def _seen(call: Call, reply: Reply) -> Generator[Call, Reply, Mapping[str, Any]]:
    """The fields of a reply; with `items`, those of all its pages, if it comes in pages.

    Raises:
        Refusal: the system did not confirm a call, or there are more pages or items than are read.
    """
    seen = confirmed(reply).seen
    if call.paging is None:
        return seen
    items: list[Any] = []
    asked = call
    for _ in range(call.paging.most):
        try:
            page = call.paging.page(seen, asked)
        except EvaluationError as error:
            raise Refusal(Outcome.FAILED, _NO_PAGE, cause=str(error)) from None
        items += page.items
        if len(items) > _MOST_ITEMS:
            raise Refusal(Outcome.FAILED, f"the look-up has more than {_MOST_ITEMS:,} items")
        if page.following is None:
            return {**seen, "items": items}
        asked = page.following
        seen = confirmed((yield asked)).seen
    raise Refusal(Outcome.FAILED, f"the look-up has more than {call.paging.most} pages")
