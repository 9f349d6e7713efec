"""Events in parallel: those of different subscribers overlap, those of one never do."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support.answers import ACCEPTED, DUPLICATE, SUPERSEDED
from tests.support.events import event, subscriber
from tests.support.function import Function
from tests.support.scripted import Received, Scripted, ScriptedServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def post_all(function: Function, events: list[dict[str, Any]]) -> list[httpx.Response]:
    """Post all events at the same time; the answers are in the order of the events."""
    with ThreadPoolExecutor(len(events)) as pool:
        return list(pool.map(function.post, events))


def overlaps(requests: list[Received]) -> int:
    in_order = sorted(requests, key=lambda request: request.started)
    return sum(
        earlier.ended is None or later.started < earlier.ended
        for earlier, later in pairwise(in_order)
    )


def numbered(imsi: str, count: int) -> list[dict[str, Any]]:
    """Events of one subscriber, with snapshots a second apart and a profile that numbers them."""
    return [
        event(
            imsi=imsi,
            change={
                "updated_at": (NOON + timedelta(seconds=number)).isoformat(),
                "pb_data.access_policy_info.attributes": [
                    {"name": "cs_profile", "value": f"state-{number}"}
                ],
            },
        )
        for number in range(count)
    ]


def test_events_of_different_subscribers_do_not_wait_for_each_other(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(delay=0.5)
    events = [event(imsi=subscriber(number)) for number in range(30)]
    started = time.monotonic()
    responses = post_all(function, events)
    took = time.monotonic() - started
    assert [response.json() for response in responses] == [ACCEPTED] * 30
    assert took < 2
    assert {request.json["imsi"] for request in system.requests} == {
        subscriber(number) for number in range(30)
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_events_of_one_subscriber_never_overlap_and_end_in_the_newest_state(
    function: Function, system: ScriptedServer, seed: int
) -> None:
    system.default = Scripted(delay=0.03)
    events = numbered(subscriber(1000 + seed), 20)
    random.Random(seed).shuffle(events)  # noqa: S311 - an order, not a secret
    answers = [response.json() for response in post_all(function, events)]
    assert all(answer in (ACCEPTED, SUPERSEDED) for answer in answers)
    assert overlaps(system.requests) == 0
    applied = [request.json["cs_profile"] for request in system.requests]
    assert applied[-1] == "state-19"
    assert applied == sorted(applied, key=lambda state: int(state.removeprefix("state-")))
    assert len(applied) == answers.count(ACCEPTED)


def test_events_of_one_subscriber_end_in_the_newest_state_although_some_calls_fail(
    function: Function, system: ScriptedServer
) -> None:
    """Each event is sent again until it is accepted, as NSPS does."""
    dice = random.Random(7)  # noqa: S311 - an order, not a secret
    held: list[str] = []

    def now_and_then(request: Received) -> Scripted:
        if dice.random() < 0.4:
            return Scripted(500)
        held.append(request.json["cs_profile"])
        return Scripted(delay=0.01)

    system.default = now_and_then
    waiting = numbered(subscriber(2000), 10)
    for _ in range(50):
        dice.shuffle(waiting)
        answers = post_all(function, waiting)
        waiting = [
            each for each, answer in zip(waiting, answers, strict=True) if answer.status_code != 202
        ]
        if not waiting:
            break
    assert not waiting
    assert held[-1] == "state-9"
    assert overlaps(system.requests) == 0


def test_the_same_event_ten_times_in_parallel_is_applied_once(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(delay=0.3)
    answers = [
        response.json() for response in post_all(function, [event(imsi=subscriber(3000))] * 10)
    ]
    assert answers.count(ACCEPTED) == 1
    assert answers.count(DUPLICATE) == 9
    assert len(system.requests) == 1


def test_the_same_event_in_parallel_is_applied_once_if_the_first_call_fails(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(delay=0.1)
    system.script(Scripted(500, delay=0.1))
    answers = post_all(function, [event(imsi=subscriber(3001))] * 10)
    assert sorted(answer.status_code for answer in answers) == [202] * 9 + [500]
    assert [answer.json() for answer in answers].count(ACCEPTED) == 1
    assert len(system.requests) == 2


def test_a_swap_and_updates_of_both_its_sims_do_not_interleave(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(delay=0.05)
    old, new = subscriber(4000), subscriber(4001)
    there = event("sim-replaced", imsi=new, change={"pb_data.prev_sim_info.imsi": old})
    back = event("sim-replaced", imsi=old, change={"pb_data.prev_sim_info.imsi": new})
    events = [there, back, event(imsi=old), event(imsi=new)]
    answers = post_all(function, events)
    assert [answer.json() for answer in answers] == [ACCEPTED] * 4
    by_account = [request for request in system.requests if request.json["imsi"] in (old, new)]
    for imsi in (old, new):
        assert overlaps([each for each in by_account if each.json["imsi"] == imsi]) == 0
    assert len(by_account) == 6


def test_a_slow_subscriber_does_not_delay_others(
    function: Function, system: ScriptedServer
) -> None:
    slow, quick = subscriber(5000), subscriber(5001)
    system.default = lambda request: Scripted(delay=1 if request.json["imsi"] == slow else 0)
    with ThreadPoolExecutor(1) as pool:
        held_up = pool.submit(function.post, event(imsi=slow))
        system.wait_for(1)
        assert function.post(event(imsi=quick)).json() == ACCEPTED
        assert function.client.get("/health").status_code == 200
        assert not held_up.done()
        assert held_up.result(30).json() == ACCEPTED


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs Linux's /proc")
def test_sixteen_connections_are_accepted_in_one_turn_of_the_loop(function: Function) -> None:
    """One connection a descriptor, so 16 descriptors: docs/decisions/0015-listening.md."""
    (worker,) = psutil.Process(function.process.pid).children()
    (listening,) = {each.fd for each in worker.net_connections() if each.status == "LISTEN"}
    folder = Path(f"/proc/{worker.pid}/fd")
    opened = [each.readlink() for each in folder.iterdir()]
    assert opened.count((folder / str(listening)).readlink()) == 16
