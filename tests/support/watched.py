"""What happens around the requests that a stand-in carries out."""

import itertools
from collections.abc import Callable

from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn


def watch(
    stand_in: HttpStandIn,
    before: Callable[[HttpRequest], object] = lambda _: None,
    after: Callable[[HttpRequest], object] = lambda _: None,
) -> None:
    """Call `before` and `after` around each request that a stand-in carries out."""
    handle = stand_in.handle

    def watched(request: HttpRequest) -> HttpReply:
        before(request)
        reply = handle(request)
        after(request)
        return reply

    setattr(stand_in, "handle", watched)  # noqa: B010 - mypy refuses to assign a method


def ending(end: Callable[[], object], *numbers: int) -> Callable[[HttpRequest], None]:
    """For `watch`: call `end` at the requests with these numbers, from 1."""
    seen = itertools.count(1)

    def at(_: HttpRequest) -> None:
        if next(seen) in numbers:
            end()

    return at
