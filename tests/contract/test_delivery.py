"""At least once, out of order, SIM swaps (contract 4), against the running function."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zlib import crc32

import pytest

from tests.support.answers import ACCEPTED, DUPLICATE, FAILED, SUPERSEDED, details
from tests.support.events import event, subscriber
from tests.support.function import Function
from tests.support.scripted import Scripted, ScriptedServer

OLDER = "2026-03-02T10:00:00+00:00"
NEWER = "2026-03-02T11:00:00+00:00"


@pytest.fixture
def imsi(request: pytest.FixtureRequest) -> str:
    """A subscriber that only this test uses, so the ledger knows nothing of it."""
    return subscriber(10**9 + crc32(request.node.nodeid.encode()))


def swap(old: str, new: str, **change: Any) -> dict[str, Any]:
    return event("sim-replaced", imsi=new, change={"pb_data.prev_sim_info.imsi": old, **change})


def sent(system: ScriptedServer) -> list[tuple[str, str, list[str]]]:
    """IMSI, status and numbers of each request that the system got."""
    return [
        (body["imsi"], body["subscriber_status"], body["msisdn"])
        for body in (request.json for request in system.requests)
    ]


def test_a_second_delivery_is_not_applied(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    once = event(imsi=imsi)
    assert function.post(once).json() == ACCEPTED
    for _ in range(3):
        again = function.post(once)
        assert (again.status_code, again.json()) == (202, DUPLICATE)
    assert len(system.requests) == 1


def test_a_replay_with_a_newer_snapshot_is_applied(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    once = event(imsi=imsi)
    replay = once | {"updated_at": NEWER}
    assert [function.post(each).json() for each in (once, replay, replay)] == [
        ACCEPTED,
        ACCEPTED,
        DUPLICATE,
    ]
    assert len(system.requests) == 2


def test_the_first_delivery_after_its_replay_is_a_duplicate(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    once = event(imsi=imsi)
    function.post(once | {"updated_at": NEWER})
    assert function.post(once).json() == DUPLICATE
    assert len(system.requests) == 1


def test_duplicates_in_parallel_are_applied_once(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    system.default = Scripted(delay=0.3)
    once = event(imsi=imsi)
    with ThreadPoolExecutor(5) as pool:
        answers = [response.json() for response in pool.map(function.post, [once] * 5)]
    assert sorted(answers, key=str) == sorted([ACCEPTED, *[DUPLICATE] * 4], key=str)
    assert len(system.requests) == 1


def test_a_failed_event_is_applied_when_it_is_delivered_again(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    once = event(imsi=imsi)
    system.script(Scripted(500))
    assert function.post(once).json() == FAILED
    assert function.post(once).json() == ACCEPTED
    assert function.post(once).json() == DUPLICATE
    assert len(system.requests) == 2


def test_an_event_of_portabilling_with_a_second_event_id_is_a_duplicate(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    once = event(imsi=imsi)
    assert function.post(once).json() == ACCEPTED
    assert function.post(once | {"event_id": "another id"}).json() == DUPLICATE
    assert len(system.requests) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"data.variables.i_env": 4},
        {"data.variables.i_event": 5},
        {"data.variables.i_event": None},
        {"data.event_type": "SIM/Created"},
        {"handler_id": "another handler"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_event_of_the_same_subscriber_is_applied(
    function: Function, system: ScriptedServer, imsi: str, change: dict[str, Any]
) -> None:
    once = event(imsi=imsi)
    number = once["data"]["variables"]["i_event"]
    function.post(once)
    other = event(imsi=imsi, change={"data.variables.i_event": number} | change)
    assert function.post(other).json() == ACCEPTED
    assert len(system.requests) == 2


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"updated_at": NEWER}, {"updated_at": OLDER}),
        ({"updated_at": NEWER}, {"updated_at": "2026-03-02T12:59:59.9+02:00"}),
        ({"updated_at": "2026-03-02T11:00:00.002Z"}, {"updated_at": "2026-03-02T11:00:00.001Z"}),
        ({"updated_at": NEWER, "created_at": OLDER}, {"updated_at": OLDER, "created_at": NEWER}),
        (
            {"updated_at": None, "created_at": NEWER},
            {"updated_at": None, "created_at": OLDER},
        ),
    ],
)
def test_an_older_snapshot_never_overwrites_a_newer_one(
    function: Function,
    system: ScriptedServer,
    imsi: str,
    newer: dict[str, Any],
    older: dict[str, Any],
) -> None:
    assert function.post(event(imsi=imsi, change=newer)).json() == ACCEPTED
    late = function.post(event(imsi=imsi, change=older))
    assert (late.status_code, late.json()) == (202, SUPERSEDED)
    assert len(system.requests) == 1


def test_of_two_snapshots_taken_at_once_both_are_applied(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    """Contract 6.9: NSPS caches what it reads, so both hold the same data."""
    for created in (NEWER, OLDER, NEWER):
        taken = {"updated_at": NEWER, "created_at": created}
        assert function.post(event(imsi=imsi, change=taken)).json() == ACCEPTED
    assert len(system.requests) == 3


def test_both_events_of_a_change_of_an_account_with_two_sims_are_applied(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    """Contract 6.4: they have the same number; a copy of each is a duplicate."""
    one = event(imsi=imsi)
    number = one["data"]["variables"]["i_event"]
    same = {"data.variables.i_event": number, "pb_data.sim_info.i_sim_card": 3799}
    two = event(imsi=subscriber(8), change=same)
    answers = [function.post(each).json() for each in (one, two)]
    copies = [function.post(each | {"event_id": "a copy"}).json() for each in (one, two)]
    assert (answers, copies) == ([ACCEPTED] * 2, [DUPLICATE] * 2)
    assert len(system.requests) == 2


def test_a_retry_after_a_newer_event_is_superseded(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    overtaken = event(imsi=imsi, change={"updated_at": OLDER})
    system.script(Scripted(500))
    assert function.post(overtaken).json() == FAILED
    assert function.post(event(imsi=imsi, change={"updated_at": NEWER})).json() == ACCEPTED
    assert function.post(overtaken).json() == SUPERSEDED
    assert len(system.requests) == 2


def test_a_late_update_does_not_revive_a_deleted_sim(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    function.post(event("sim-deleted", imsi=imsi, change={"updated_at": NEWER}))
    assert function.post(event(imsi=imsi, change={"updated_at": OLDER})).json() == SUPERSEDED
    assert [request.json["action"] for request in system.requests] == ["delete"]


def test_two_subscribers_do_not_supersede_each_other(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    function.post(event(imsi=imsi, change={"updated_at": NEWER}))
    other = event(imsi=subscriber(1), change={"updated_at": OLDER})
    assert function.post(other).json() == ACCEPTED
    assert len(system.requests) == 2


@pytest.mark.parametrize("name", ["sim-updated", "sim-created", "sim-replaced"])
def test_a_missing_account_is_refused_and_not_taken_for_a_closed_one(
    function: Function, system: ScriptedServer, imsi: str, name: str
) -> None:
    """Contract 4.3: 422 that names the part to add; nobody is barred, no number is freed."""
    response = function.post(event(name, imsi=imsi, remove=("pb_data.account_info",)))
    (detail,) = details(response)
    assert detail["field"] == "pb_data.account_info"
    assert "account_info is missing: add it to the required data" in detail["rule"]
    assert not system.requests


@pytest.mark.parametrize("unknown", ["bill_status", "blocked"])
def test_an_unknown_state_of_the_account_is_refused(
    function: Function, system: ScriptedServer, imsi: str, unknown: str
) -> None:
    (detail,) = details(
        function.post(event(imsi=imsi, change={f"pb_data.account_info.{unknown}": None}))
    )
    assert unknown in detail["rule"]
    assert not system.requests


def test_a_swap_frees_the_number_before_the_new_sim_gets_it(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    old = subscriber(2)
    assert function.post(swap(old, imsi)).json() == ACCEPTED
    assert sent(system) == [
        (old, "operatorDeterminedBarring", []),
        (imsi, "serviceGranted", ["420700000001"]),
    ]


def test_the_new_sim_waits_until_the_old_one_is_freed(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    old, replaced = subscriber(3), swap(subscriber(3), imsi)
    system.script(Scripted(500))
    assert function.post(replaced).json() == FAILED
    assert sent(system) == [(old, "operatorDeterminedBarring", [])]
    assert function.post(replaced).json() == ACCEPTED
    assert [told[0] for told in sent(system)] == [old, old, imsi]


def test_an_old_sim_of_another_account_is_not_freed(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    old = subscriber(4)
    given = {"updated_at": NEWER, "pb_data.account_info.i_account": 9}
    function.post(event(imsi=old, change=given))
    system.reset()
    assert function.post(swap(old, imsi, updated_at=OLDER)).json() == ACCEPTED
    assert [told[0] for told in sent(system)] == [imsi]


def test_an_old_sim_of_another_account_is_not_freed_by_a_swap_with_a_newer_snapshot(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    """NSPS may enrich a failed swap again after the old SIM was given to another account."""
    old = subscriber(5)
    later = "2026-03-02T10:30:00+00:00"
    given = {"created_at": later, "updated_at": OLDER, "pb_data.account_info.i_account": 9}
    function.post(event(imsi=old, change=given))
    system.reset()
    assert function.post(swap(old, imsi, updated_at=NEWER)).json() == ACCEPTED
    assert [told[0] for told in sent(system)] == [imsi]


def test_an_old_sim_of_this_account_is_freed(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    old = subscriber(6)
    function.post(event(imsi=old, change={"updated_at": OLDER}))
    system.reset()
    assert function.post(swap(old, imsi, updated_at=NEWER)).json() == ACCEPTED
    assert [told[0] for told in sent(system)] == [old, imsi]


def test_a_swap_after_newer_events_of_both_sims_is_superseded(
    function: Function, system: ScriptedServer, imsi: str
) -> None:
    old = subscriber(7)
    for name in (old, imsi):
        function.post(event(imsi=name, change={"updated_at": NEWER}))
    system.reset()
    assert function.post(swap(old, imsi, updated_at=OLDER)).json() == SUPERSEDED
    assert not system.requests
