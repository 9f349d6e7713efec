"""The steps that send nothing: `require` and `let` between two calls."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from connector.mapping.document import Loc
from connector.plan.step import Replies, Talk


class BetweenCalls(NamedTuple):
    """A step that makes no call: `learn` returns what it adds to the replies, by name.

    It belongs to the subject of a call before it: if that call is dropped, so is this step.
    `learn` raises a Refusal if the event must not go on.
    """

    subject: str | None
    releases: bool
    loc: Loc
    learn: Callable[[Replies], Mapping[str, Any]]
    reads: bool = True

    def talk(self, replies: Replies) -> Talk:
        """See `Step`."""
        replies |= self.learn(replies)
        yield from ()
