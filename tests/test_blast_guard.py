"""The blast guard: an accident that takes service from many subscribers is stopped."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from connector.blast_guard import NOTE, BlastGuard, allow, takes_service
from connector.event import parse
from connector.ledger.memory import MemoryLedger
from connector.ledger.sqlite import SqliteLedger
from connector.outcome import Outcome, Refusal
from connector.pipeline import hash_key
from connector.plan.step import PlannedCall
from connector.settings import BlastRate
from tests.support.answers import ids, settled
from tests.support.audits import MAPPING, variables
from tests.support.audits import serving as hss_pipeline
from tests.support.events import event, subscriber
from tests.support.function import Function, environment
from tests.support.hss_server import HssServer, number_of, served
from tests.support.scripted import Scripted, ScriptedServer

KEY = "the-key-of-the-ledger"
BARRED = {"pb_data.account_info.blocked": True}


def serving(tmp_path: Path, system: ScriptedServer, limit: str) -> Function:
    url = f"sqlite:///{tmp_path}/ledger"
    env = environment(system.url, LEDGER_URL=url, HASH_KEY=KEY, BLAST_LIMIT=limit)
    return Function(tmp_path / "log", env)


def outcome(function: Function, number: int, change: dict[str, Any] | None = None) -> str:
    """What becomes of an event of this subscriber."""
    posted = event(imsi=subscriber(number), change=change)
    response = function.post(posted, headers=ids())
    return str(settled(function, response)["outcome"])


def test_events_above_the_limit_wait_for_a_person_and_all_others_go_on(
    tmp_path: Path, system: ScriptedServer
) -> None:
    with serving(tmp_path, system, "3/d") as function:
        bars = [outcome(function, number, BARRED) for number in range(5)]
        assert bars == ["applied"] * 3 + ["unavailable"] * 2
        assert outcome(function, 3) == "applied", "it gives service"
        assert len(system.requests) == 4
        (line,) = function.lines(message="blast guard stopped")
        assert (line["severity"], line["blast"], line["count"]) == ("CRITICAL", "stopped", 3)
        asyncio.run(allowed(tmp_path / "ledger"))
        assert outcome(function, 4, BARRED) == "applied"


async def allowed(path: Path) -> None:
    store = SqliteLedger(path, hash_key(KEY))
    await allow(store, 3600)
    await store.close()


def test_two_instances_count_together(tmp_path: Path, system: ScriptedServer) -> None:
    with serving(tmp_path, system, "2/d") as one:
        (tmp_path / "two").mkdir()
        env = environment(
            system.url,
            LEDGER_URL=f"sqlite:///{tmp_path}/ledger",
            HASH_KEY=KEY,
            BLAST_LIMIT="2/d",
        )
        with Function(tmp_path / "two" / "log", env) as two:
            found = [outcome(each, number, BARRED) for number, each in enumerate((one, two, one))]
    assert found == ["applied", "applied", "unavailable"]


def test_an_event_that_fails_is_not_counted(tmp_path: Path, system: ScriptedServer) -> None:
    with serving(tmp_path, system, "1/d") as function:
        system.default = Scripted(500)
        assert [outcome(function, number, BARRED) for number in range(3)] == ["failed"] * 3
        system.default = Scripted()
        assert outcome(function, 1, BARRED) == "applied"


@pytest.mark.parametrize(
    "change",
    [
        BARRED,
        {"pb_data.account_info.bill_status": "suspended"},
        {"pb_data.account_info.bill_status": "terminated"},
        {"pb_data.account_info.status": "customer_blocked"},
    ],
    ids=repr,
)
def test_each_way_to_take_service_counts(
    tmp_path: Path, system: ScriptedServer, change: dict[str, Any]
) -> None:
    with serving(tmp_path, system, "1/d") as function:
        assert outcome(function, 1, change) == "applied"
        assert outcome(function, 2, change) == "unavailable"


def test_a_sim_that_is_released_counts(tmp_path: Path, system: ScriptedServer) -> None:
    with serving(tmp_path, system, "1/d") as function:
        for number, wanted in ((1, 202), (3, 503)):
            change = {"pb_data.prev_sim_info.imsi": subscriber(number)}
            posted = event("sim-replaced", imsi=subscriber(number + 1), change=change)
            assert function.post(posted).status_code == wanted


def test_a_sim_that_left_the_inventory_counts(tmp_path: Path, system: ScriptedServer) -> None:
    with serving(tmp_path, system, "1/d") as function:
        for number, wanted in ((1, 202), (2, 503)):
            assert (
                function.post(event("sim-deleted", imsi=subscriber(number))).status_code == wanted
            )


def test_an_account_that_cannot_be_read_and_is_not_needed_stops_no_event() -> None:
    one = parse(json.dumps(event(change={"pb_data.account_info": "odd"})).encode())
    step = PlannedCall("", "imsi:1", releases=False, loc=(), ready=None)
    assert not takes_service(one, (step,), frozenset(), {})


NUMBER = "want: {msisdn: =account.msisdn}"
NO_NUMBER = "want: \"={'msisdn': account.msisdn} if account.bill_status == 'inactive' else none\""


async def test_a_resource_that_a_changed_mapping_file_removes_counts(tmp_path: Path) -> None:
    text = MAPPING.read_text(encoding="utf-8")
    assert NUMBER in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace(NUMBER, NO_NUMBER), encoding="utf-8")
    imsis = [subscriber(number) for number in (1, 2, 3)]
    async with HssServer().listening() as hss:
        for imsi in imsis:
            hss.serve(imsi, number_of(imsi))
        env = variables(hss, tmp_path / "ledger", changed) | {"BLAST_LIMIT": "2/d"}
        async with hss_pipeline(env) as pipeline:
            results = [await pipeline.handle(json.dumps(served(imsi)).encode()) for imsi in imsis]
    outcomes = [result.outcome for result in results]
    assert outcomes == [Outcome.APPLIED, Outcome.APPLIED, Outcome.UNAVAILABLE]
    assert len(hss.writes) == 2


async def test_a_swap_whose_old_sim_was_released_before_does_not_count(tmp_path: Path) -> None:
    """It gives the new SIM its number; nobody loses anything."""
    async with HssServer().listening() as hss:
        env = variables(hss, tmp_path / "ledger") | {"BLAST_LIMIT": "1/d"}
        async with hss_pipeline(env) as pipeline:
            for number in (1, 3):
                for imsi in map(subscriber, (number, number + 1)):
                    hss.serve(imsi, "")
                    hss.hss.subscribers[imsi].number = None
                    hss.hss.subscribers[imsi].fields["state"] = "barred"
                change = {"pb_data.prev_sim_info.imsi": subscriber(number)}
                swap = event("sim-replaced", imsi=subscriber(number + 1), change=change)
                swap["pb_data"]["account_info"]["id"] = f"42070000000{number}@msisdn"
                result = await pipeline.handle(json.dumps(swap).encode())
                assert result.outcome is Outcome.APPLIED
    assert len(hss.writes) == 4


async def test_the_end_of_what_was_allowed_counts_again() -> None:
    store, now = MemoryLedger(), [1000.0]
    guard = BlastGuard(BlastRate(1, 1e9), store, clock=lambda: now[0])
    await guard.admit()
    await guard.count()
    with pytest.raises(Refusal) as refused:
        await guard.admit()
    assert refused.value.result.outcome is Outcome.UNAVAILABLE
    assert (await store.note(NOTE) or "").startswith("stopped ")
    await allow(store, 60, clock=lambda: now[0])
    await guard.admit()
    now[0] += 61
    with pytest.raises(Refusal):
        await guard.admit()
