"""NSPS: enriches PortaBilling's events, posts them to the connector, retries, keeps the history.

It retries as NSPS's public guide says. The guide does not say whether an event is enriched anew for
each retry, nor whether an event that was answered 4xx is retried: `NspsOptions` chooses.
"""

import asyncio
import heapq
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from connector_tools.simulation.billing import Billing
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.enrichment import enrich
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.held_events import Delivery, HeldEvent, without_seconds
from connector_tools.simulation.subscribers import EspfEvent

HANDLED = ("SIM/Created", "SIM/Updated", "SIM/Replaced", "SIM/Deleted")
_HOUR, _DAY = 3600.0, 86_400.0
_LONG = (1, 2, 4, 8, 16)  # hours before each of the long retries; later ones wait a day each
_GIVE_UP = 30 * _DAY
_STEADY = 3  # attempts with the same answer after which nothing else is expected
_REJECTED = 422  # final: the same event would get the same answer again (see `connector.outcome`)

HttpAnswer = tuple[int, str]
"""Status and body; status 0 if there was no answer."""
Post = Callable[["Delivery"], Awaitable[HttpAnswer]]


@dataclass(frozen=True, slots=True)
class NspsOptions:
    """How NSPS behaves where its guide is silent, and what its operator sets.

    `cache` is for how many seconds data read from PortaBilling is reused, `concurrency` how many
    events are posted at once, `handled` the event types that the handler asks for.
    """

    enriches_retries: bool = False
    retries_4xx: bool = True
    cache: float = 0.0
    concurrency: int = 100
    handled: tuple[str, ...] = HANDLED


class Nsps:
    """The queue and the history. `post` delivers an event; `met` counts faults that happened."""

    def __init__(
        self, clock: Clock, billing: Billing, random: Random, post: Post, options: NspsOptions
    ) -> None:
        self.history: list[HeldEvent] = []
        self.latencies: list[float] = []
        self.answers: dict[tuple[int, str], int] = {}
        self.maintenance = False
        self.faults = Faults({})
        self.met: Counter[str] = Counter()
        self._clock = clock
        self._billing = billing
        self._random = random
        self._post = post
        self._options = options
        self._handled = {name.lower() for name in options.handled}
        self._queue: list[tuple[float, int, HeldEvent, bool]] = []
        self._order = 0
        self._places = asyncio.Semaphore(options.concurrency)
        self._running: set[asyncio.Task[None]] = set()
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}

    @property
    def waiting(self) -> int:
        """The number of deliveries under way or still to come."""
        return len(self._queue) + len(self._running)

    @property
    def failed(self) -> list[HeldEvent]:
        """The events that NSPS gave up and reports to its operator."""
        return [held for held in self.history if held.failed and not held.accepted]

    def take(self, espf: EspfEvent) -> None:
        """Take an event from PortaBilling; drop it if the handler does not ask for its type."""
        if espf.event_type.lower() not in self._handled:
            return
        now = self._clock.now()
        held = HeldEvent(
            str(UUID(int=self._random.getrandbits(128), version=4)), espf, self._clock.told()
        )
        self.history.append(held)
        due = now + self._random.uniform(0, 0.5)
        if self._hit("delay"):
            due += self._random.uniform(1, 3) * _DAY
        elif self._hit("reorder"):
            due += self._random.uniform(0, 240)
        if self._hit("stale"):
            self._enrich(held)
            due += self._random.uniform(0.1, 6) * _HOUR
        self._later(held, due)
        if self._hit("duplicate"):
            far = self._random.random() < 0.3
            self._later(held, due + (self._random.uniform(0, 2) * _DAY if far else 0), copy=True)
        if self._hit("replay"):
            self.replay(self._random.choice(self.history))

    def replay(self, held: HeldEvent) -> None:
        """Replay an event by hand: enrich it anew, and start its retries anew."""
        held.body, held.begun, held.failed = None, None, False
        self._later(held, self._clock.now())

    def fails_alike(self, since: float) -> str | None:
        """The answer that all waiting events get again and again, or None.

        Answers before `since` do not count. Events that are rejected (422) are not looked at,
        because their reasons differ; if there are no others, the answer is `422`.
        """
        if self._running or not self._queue:
            return None
        answers = {_steady(held, since) for _, _, held, _ in self._queue}
        others = answers - {str(_REJECTED)} or answers
        return others.pop() if len(others) == 1 else None

    def give_up_rejected(self) -> None:
        """Give up the waiting events that were rejected (422)."""
        left = []
        for waiting in self._queue:
            held = waiting[2]
            if held.history and held.history[-1][1] == _REJECTED:
                held.failed, held.copies = True, held.copies - 1
            else:
                left.append(waiting)
        heapq.heapify(left)
        self._queue = left

    async def run(self) -> None:
        """Deliver events when they are due, until cancelled."""
        while True:
            if not self._queue or self.maintenance or self._queue[0][0] > self._clock.now():
                await self._clock.sleep(self._pause())
                continue
            await self._places.acquire()
            _, _, held, copy = heapq.heappop(self._queue)
            task = asyncio.create_task(self._deliver(held, copy))
            self._running.add(task)
            task.add_done_callback(self._done)

    def idle_until(self) -> float | None:
        """When the next delivery is due; None while one is under way, and if there is none."""
        return self._queue[0][0] if self._queue and not self._running else None

    def _pause(self) -> float:
        if not self._queue or self.maintenance:
            return 2.0
        return min(2.0, max(self._queue[0][0] - self._clock.now(), 0.01))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._places.release()
        self._running.discard(task)
        if not task.cancelled():
            task.result()

    def _later(self, held: HeldEvent, due: float, *, copy: bool = False) -> None:
        self._order += 1
        held.copies += 1
        heapq.heappush(self._queue, (due, self._order, held, copy))

    async def _deliver(self, held: HeldEvent, copy: bool) -> None:
        held.copies -= 1
        if held.body is None or (self._options.enriches_retries and not copy):
            self._enrich(held)
        if held.begun is None:
            held.begun = self._clock.now()
        accepted, enriched = held.accepted, held.enriched
        delivery = Delivery(held, held.body or b"", enriched, not accepted)
        started = self._clock.now()
        status, body = await self._post(delivery)
        self.latencies.append(self._clock.now() - started)
        message = _message(body)
        held.attempts += 1
        held.history.append((self._clock.now(), status, message))
        key = (status, message)
        self.answers[key] = self.answers.get(key, 0) + 1
        if 200 <= status < 300:
            if held.enriched == enriched:  # otherwise it was replayed meanwhile, with newer data
                held.accepted = True
        elif not copy:
            self._again(held, status)

    def _again(self, held: HeldEvent, status: int) -> None:
        """Schedule the next retry: a hundred attempts in a day, then hours apart, for a month."""
        final = 400 <= status < 500 and status not in (408, 429)
        begun = held.begun if held.begun is not None else self._clock.now()
        age = self._clock.now() - begun
        if age > _GIVE_UP or (final and not self._options.retries_4xx):
            held.failed = True
            return
        if age < _DAY and held.attempts < 100:
            pause = min(60.0 * 1.3**held.attempts, 600.0) * self._random.uniform(0.9, 1.1)
        else:
            step = max(0, held.attempts - 100)
            pause = _HOUR * (_LONG[step] if step < len(_LONG) else 24)
        self._later(held, self._clock.now() + pause)

    def _enrich(self, held: HeldEvent) -> None:
        now = self._clock.now()
        held.enriched, held.accepted = now, False
        envelope = {
            "event_id": held.event_id,
            "data": {"event_type": held.espf.event_type, "variables": held.espf.variables},
            "pb_data": self._read(held.espf),
            "handler_id": "simulation",
            "created_at": _iso(held.created),
            "updated_at": _iso(self._clock.told()),
            "status": "queued",
        }
        held.body = json.dumps(envelope).encode()

    def _read(self, espf: EspfEvent) -> dict[str, Any]:
        """Read the data of an event from PortaBilling, or take it from the cache."""
        if not self._options.cache:
            return enrich(self._billing, espf)
        ids = (espf.variables.get(name) for name in ("i_sim_card", "i_account", "prev_i_sim_card"))
        key = f"{espf.event_type} {' '.join(map(str, ids))}"
        now = self._clock.now()
        at, found = self._known.get(key, (0.0, {}))
        if now - at > self._options.cache:
            found = enrich(self._billing, espf)
            self._known[key] = (now, found)
        return found

    def _hit(self, fault: str) -> bool:
        hit = self._random.random() < self.faults[fault]
        self.met[fault] += hit
        return hit


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _steady(held: HeldEvent, since: float) -> str | None:
    """The answer to the last attempts since then, if it was always the same."""
    answers = [(status, text) for at, status, text in held.history if at >= since][-_STEADY:]
    if held.accepted or len(answers) < _STEADY:
        return None
    if all(status == _REJECTED for status, _ in answers):
        return str(_REJECTED)
    found = {f"{status or '---'} {without_seconds(text)}" for status, text in answers}
    return found.pop() if len(found) == 1 else None


def _message(body: str) -> str:
    """The text of an answer for the history: its message, its reason and its details."""
    try:
        said = json.loads(body)
    except ValueError:
        return "no connector's answer" if body else "no answer"
    message = said.get("message", "") if isinstance(said, dict) else ""
    error = said.get("error") if isinstance(said, dict) else None
    parts = [message if error in (None, message) else f"{message}: {error}", *_details(said)]
    return "; ".join(parts)


def _details(said: Any) -> list[str]:
    """The fields of an answer's details with the rules that they break."""
    found = said.get("details") if isinstance(said, dict) else None
    listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [f"{one.get('field') or ''} {one.get('rule')}".strip() for one in listed]
