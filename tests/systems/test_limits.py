"""The limits on calls, and the circuit breaker with a clock that the test sets."""

import asyncio
import time

import pytest

from connector.systems.limits import Breaker, Throttle


async def test_calls_up_to_the_concurrency_enter_at_once() -> None:
    throttle = Throttle(3, None)
    assert [await throttle.enter() for _ in range(3)] == [True, True, True]


async def test_a_call_above_the_concurrency_is_refused_at_once() -> None:
    throttle = Throttle(1, 1000)
    assert await throttle.enter()
    async with asyncio.timeout(0.9):  # less than the wait for a turn under the rate
        assert not await throttle.enter()


async def test_a_place_that_a_call_left_is_free_again() -> None:
    throttle = Throttle(1, None)
    assert await throttle.enter()
    assert not await throttle.enter()
    throttle.leave()
    assert await throttle.enter()
    assert not await throttle.enter()


async def test_a_small_burst_above_the_rate_is_smoothed() -> None:
    throttle = Throttle(10, 10)
    started = time.monotonic()
    assert all(await asyncio.gather(*(throttle.enter() for _ in range(5))))
    assert time.monotonic() - started > 0.35  # the first at once, the others 0.1 s after each other


async def test_the_rate_is_kept_in_the_first_second_after_a_rest() -> None:
    throttle = Throttle(100, 20)
    entered = await asyncio.gather(*(throttle.enter() for _ in range(100)))
    assert 15 <= entered.count(True) <= 22  # the calls of one second, the longest wait


async def test_a_high_rate_is_reached() -> None:
    throttle = Throttle(2000, 2000)
    entered = await asyncio.gather(*(throttle.enter() for _ in range(1200)))
    assert all(entered)  # one by one, only some 800 would enter within a second, the longest wait


async def test_a_call_waits_about_a_second_for_its_turn_and_is_then_refused() -> None:
    throttle = Throttle(50, 2)
    started = time.monotonic()
    entered = await asyncio.gather(*(throttle.enter() for _ in range(20)))
    assert 2 <= entered.count(True) <= 6
    assert time.monotonic() - started < 5  # twenty calls would take 9 s


async def test_a_call_that_the_rate_refuses_gives_back_its_place() -> None:
    throttle = Throttle(3, 1)
    entered = await asyncio.gather(*(throttle.enter() for _ in range(3)))
    assert not all(entered)
    for _ in range(entered.count(True)):
        throttle.leave()
    again = [asyncio.create_task(throttle.enter()) for _ in range(4)]
    _, waiting = await asyncio.wait(again, return_when=asyncio.FIRST_COMPLETED)
    assert len(waiting) >= 2  # all three places were free; the fourth call found none
    await asyncio.gather(*waiting)


async def test_a_cancelled_call_gives_back_its_place() -> None:
    throttle = Throttle(2, 1)
    assert await throttle.enter()
    waiting = asyncio.create_task(throttle.enter())
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    other = asyncio.create_task(throttle.enter())
    await asyncio.sleep(0.01)
    assert not other.done()  # it has a place and waits for its turn under the rate
    other.cancel()


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
