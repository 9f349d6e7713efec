"""A second mapping file that plans beside the first on live events, and sends nothing.

The pipeline hands over what it did after it has logged the event. The comparison runs when the
event loop has time for it, so no answer waits for it, and none of its errors reaches an event.
docs/shadow.md says how to use it.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from logging import INFO, WARNING
from typing import Any, NamedTuple

from connector import log
from connector.event import Event
from connector.mapping.schema import MappingFile
from connector.outcome import Result
from connector.plan.intent import decision, differences
from connector.plan.planner import Plan
from connector.plan.step import Replies

_MOST_WAITING = 200  # each can be an event of 1 MB
_MOST_NAMED = 20  # differences in one line of the log
_EVERY = 1000  # events between two lines with the counts


class _Live(NamedTuple):
    """What the mapping file that serves decided for an event, and the replies to its calls.

    `context` has the event's ids and personal data for the log.
    """

    event: Event
    decided: Plan | Result
    replies: Replies
    context: Context


@dataclass(slots=True)
class Shadow:
    """Plans events with another mapping file, and logs what would differ.

    `settings` are the values of that file's settings. Events that come faster than they can be
    compared are left out, and counted.
    """

    mapping: MappingFile
    settings: Mapping[str, Any]
    _waiting: deque[_Live] = field(default_factory=deque)
    _task: asyncio.Task[None] | None = None
    _compared: int = 0
    _different: int = 0
    _left_out: int = 0

    def note(self, event: Event, decided: Plan | Result, replies: Replies) -> None:
        """Compare an event later; the pipeline calls this after the event."""
        if len(self._waiting) >= _MOST_WAITING:
            self._left_out += 1
            return
        self._waiting.append(_Live(event, decided, replies, copy_context()))
        if self._task is None or self._task.done():
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._work(), context=Context())

    async def finish(self) -> None:
        """Compare the events that wait; the start calls this when the function stops."""
        if self._task:
            await self._task
        self._log_counts()

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # first the events that are being applied
            live = self._waiting.popleft()
            live.context.run(self._tried, live)
            if self._compared % _EVERY == 0:
                self._log_counts()

    def _tried(self, live: _Live) -> None:
        try:
            self._compare(live)
        except Exception as error:  # the last net: the shadow must harm nobody
            cause = type(error).__name__
            self._log(WARNING, "shadow failed", event_id=live.event.event_id, cause=cause)

    def _compare(self, live: _Live) -> None:
        self._compared += 1
        found = differences(
            live.decided, decision(live.event, self.mapping, self.settings), live.replies
        )
        if not found:
            return
        self._different += 1
        places = list(map(str, found))
        more = {"more": len(places) - _MOST_NAMED} if len(places) > _MOST_NAMED else {}
        self._log(
            INFO,
            "shadow differs",
            event_id=live.event.event_id,
            differences=places[:_MOST_NAMED],
            **more,
        )

    def _log_counts(self) -> None:
        counts = {"compared": self._compared, "different": self._different}
        self._log(INFO, "shadow compared", **counts, left_out=self._left_out)

    def _log(self, level: int, message: str, **fields: Any) -> None:
        log.write(level, message, shadow=self.mapping.name, **fields)
