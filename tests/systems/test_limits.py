"""The limits on events, on virtual time; the circuit breaker, with a clock that the test sets."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

import pytest

from connector.systems.limits import Breaker, Throttle
from connector_tools.simulation.clock import VirtualLoop

FOREVER = 1e9
T = TypeVar("T")


def virtually(body: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine on virtual time: waiting costs nothing."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(body())


@dataclass
class Crowd:
    """Events that come to one system: what became of them, and when each request was sent."""

    throttle: Throttle
    sent: list[float] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    refused: int = 0
    finished: int = 0
    broken: int = 0

    async def event(self, at: float, calls: int, seconds: float) -> None:
        """An event at the time `at`, with `calls` calls that take `seconds` each."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(at)
        if not await self.throttle.enter(at + 25):
            self.refused += 1
            return
        self.inside += 1
        self.most_inside = max(self.inside, self.most_inside)
        for number in range(calls):
            if number and not await self.throttle.next(at + 50):
                self.broken += 1
                break
            self.sent.append(clock())
            await asyncio.sleep(seconds)
        else:
            self.finished += 1
        self.inside -= 1
        self.throttle.leave()

    def most_in_a_second(self) -> int:
        """The most requests that were sent within one second."""
        window, most = deque[float](), 0
        for at in self.sent:
            window.append(at)
            while window[0] <= at - 1:
                window.popleft()
            most = max(most, len(window))
        return most


def crowd(concurrency: int, rate: int | None, events: list[tuple[float, int, float]]) -> Crowd:
    async def come() -> Crowd:
        found = Crowd(Throttle(concurrency, rate))
        await asyncio.gather(*(found.event(*each) for each in events))
        return found

    return virtually(come)


@pytest.mark.parametrize("seed", range(12))
def test_an_event_that_has_begun_makes_all_its_calls(seed: int) -> None:
    """Eight times as many events as the rate allows, as swaps of up to 16 calls."""
    random = Random(seed)  # noqa: S311 - a simulation
    rate, concurrency = random.choice([8, 16, 50]), random.choice([8, 80, 250])
    events = [
        (random.uniform(0, 10), random.choice([1, 2, 7, 16]), random.uniform(0.01, 1))
        for _ in range(rate * 80)
    ]
    found = crowd(concurrency, rate, events)
    assert found.broken == 0
    assert found.finished + found.refused == len(events)
    assert found.refused > 0
    assert found.most_inside <= concurrency
    assert found.most_in_a_second() <= rate + max(1, rate // 20)


def test_events_wait_for_a_place_in_the_order_in_which_they_came() -> None:
    found = crowd(1, None, [(number / 10, 1, 1.0) for number in range(20)])
    assert (found.finished, found.refused, found.most_inside) == (20, 0, 1)
    assert found.sent == pytest.approx(range(20))


def test_an_event_that_gets_no_place_in_time_is_refused() -> None:
    found = crowd(1, None, [(0, 1, 40), (1, 1, 1)])
    assert (found.finished, found.refused) == (1, 1)


def test_the_rate_is_used_to_the_full_while_events_wait() -> None:
    found = crowd(1000, 20, [(0, 1, 0.1) for _ in range(300)])
    assert found.finished == 300
    assert max(found.sent) == pytest.approx(15, abs=0.5)


def test_a_cancelled_event_gives_back_its_place() -> None:
    async def cancel_and_enter() -> bool:
        throttle = Throttle(1, 1)
        assert await throttle.enter(FOREVER)
        throttle.leave()
        waiting = asyncio.create_task(throttle.enter(FOREVER))  # has the place, waits for its turn
        await asyncio.sleep(0.1)
        waiting.cancel()
        return await throttle.enter(asyncio.get_running_loop().time() + 2)

    assert virtually(cancel_and_enter)


def test_a_request_that_gets_no_turn_until_the_deadline_is_told_so() -> None:
    async def ask_twice() -> tuple[bool, bool]:
        throttle = Throttle(1, 1)
        return await throttle.next(FOREVER), await throttle.next(0.5)

    assert virtually(ask_twice) == (True, False)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(after=3, pause=10, clock=clock)


def opened(breaker: Breaker) -> Breaker:
    assert [breaker.note(available=False) for _ in range(3)] == [False, False, True]
    return breaker


def test_a_new_breaker_lets_calls_through() -> None:
    assert Breaker(after=1, pause=10).refusal() is None


def test_a_breaker_opens_after_the_given_number_of_failures_in_a_row(breaker: Breaker) -> None:
    assert not breaker.note(available=False)
    assert not breaker.note(available=False)
    assert breaker.refusal() is None
    assert breaker.note(available=False)
    assert breaker.refusal() is not None


def test_a_success_resets_the_count_of_failures(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.note(available=False)
        breaker.note(available=False)
        assert not breaker.note(available=True)
    assert breaker.refusal() is None


def test_an_open_breaker_returns_the_seconds_until_the_next_probe(
    breaker: Breaker, clock: Clock
) -> None:
    opened(breaker)
    assert breaker.refusal() == 10
    clock.now += 4
    assert breaker.refusal() == 6


def test_a_half_open_breaker_lets_one_probe_through(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 10
    assert breaker.refusal() is None
    assert breaker.refusal() == 10


def test_a_breaker_closes_when_the_probe_succeeds(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 10
    assert breaker.refusal() is None
    assert breaker.note(available=True)
    assert [breaker.refusal() for _ in range(3)] == [None, None, None]
    assert not breaker.note(available=False)  # the count starts at zero again


def test_the_pause_begins_again_when_the_probe_fails(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 10
    assert breaker.refusal() is None
    clock.now += 3
    assert not breaker.note(available=False)  # the breaker was already open
    assert breaker.refusal() == 10


def test_another_probe_is_sent_if_the_first_has_no_result_after_a_pause(
    breaker: Breaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now += 10
    assert breaker.refusal() is None
    clock.now += 10
    assert breaker.refusal() is None
