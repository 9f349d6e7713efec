"""The connector in a simulated world: it converges, and each guard that is taken away is missed."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.ledger.memory import MemoryLedger
from connector.ledger.records import Busy, Claim, ClaimRequest, Duplicate, Superseded
from connector.outcome import Outcome
from connector.system import Reply, Turn
from connector_tools.simulation import faults, report
from connector_tools.simulation.faults import ALL, Faults
from connector_tools.simulation.functions import leaking
from connector_tools.simulation.nsps import NspsOptions
from connector_tools.simulation.real_functions import RealFunctionsSimulation
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.store import SqliteStore
from connector_tools.simulation.virtual_time import VirtualTimeSimulation

pytestmark = pytest.mark.deployment

CALM = Faults({})
TROUBLE = Faults(dict(ALL))
ALIVE = Faults(ALL | {"kill": 0})  # what a ledger in memory is for


def scenario(events: int = 200, seed: int = 1, found: Faults = TROUBLE, **options: Any) -> Scenario:
    return Scenario(events, 25, seed, 0.5, found, NspsOptions(**options))


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the ledgers in memory, where there is a folder for it: these tests stop no machine.

    SQLite waits for the disk at each transaction, which takes half of the time on a busy one.
    """
    if Path("/dev/shm").is_dir():  # noqa: S108 - the folder in memory of Linux
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")  # noqa: S108 - as above


def report_text(ended: SimulationResult) -> str:
    return "\n".join(text for text, _ in report.lines(ended))


# It converges


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    instances=st.integers(1, 3),
    retries_4xx=st.booleans(),
    enriches_retries=st.booleans(),
)
def test_whatever_happens_the_network_ends_up_as_billing_says(
    seed: int, instances: int, retries_4xx: bool, enriches_retries: bool
) -> None:
    world = scenario(seed=seed, retries_4xx=retries_4xx, enriches_retries=enriches_retries)
    ended = VirtualTimeSimulation("sqlite", instances).run(world)
    assert ended.converged, report_text(ended)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_one_instance_that_lives_on_needs_no_ledger_but_its_memory(seed: int) -> None:
    ended = VirtualTimeSimulation().run(scenario(seed=seed, found=ALIVE))
    assert ended.converged, report_text(ended)


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_fault_by_itself_is_met_and_overcome(name: str) -> None:
    rate = 20.0 if name in faults.WORLD else 0.15
    ended = VirtualTimeSimulation("sqlite", 2).run(scenario(found=Faults({name: rate})))
    assert ended.converged, report_text(ended)
    assert ended.faults[name] > 0


def test_the_same_seed_is_the_same_run() -> None:
    first, again = (VirtualTimeSimulation("sqlite", 2).run(scenario(100, seed=7)) for _ in range(2))
    other = VirtualTimeSimulation("sqlite", 2).run(scenario(100, seed=8))
    assert report_text(first) == report_text(again) != report_text(other)


# Without a guard it does not


class Spoilt(MemoryLedger):
    """A ledger that forgets one of its duties."""

    def __init__(self, forgets: str, ledger: MemoryLedger) -> None:
        super().__init__(clock=ledger._clock)
        self.forgets = forgets

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        verdict = await super().claim(request)
        missing = {"duplicates": Duplicate, "order": Superseded, "leases": Busy}
        if self.forgets in missing and isinstance(verdict, missing[self.forgets]):
            return Claim(request, "none")
        if self.forgets == "order" and isinstance(verdict, Claim):
            return Claim(request, verdict.token)
        return verdict

    async def settle(self, claim: Claim) -> None:
        if claim.token != "none":
            await super().settle(claim)

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        touched = frozenset() if self.forgets == "unfinished" else touched
        rest = 0 if self.forgets == "rest" else rest
        if claim.token != "none":
            await super().release(claim, touched, rest)


WITHOUT = {
    "duplicates": "a duplicate changed subscriber",
    "order": "an older snapshot of subscriber",
    "leases": "inside at once",
    "unfinished": "an older snapshot of subscriber",
    "rest": "inside at once",
}
# So that what the guard is for happens often.
HARD = Faults(ALIVE.rates | {"late": 0.05, "overdue": 0.05, "duplicate": 0.2, "reorder": 0.3})


@cache
def without(guard: str) -> SimulationResult:
    inside = VirtualTimeSimulation(spoil_ledger=lambda ledger: Spoilt(guard, ledger))
    return inside.run(scenario(200, seed=5, found=HARD))


@pytest.mark.parametrize("guard", WITHOUT)
def test_a_ledger_that_forgets_a_duty_is_found_out(guard: str) -> None:
    whole, spoilt = without("nothing"), without(guard)
    assert whole.converged, report_text(whole)
    assert not spoilt.converged
    assert any(WITHOUT[guard] in text for text in spoilt.wrong), report_text(spoilt)


class Careless:
    """A system that takes whatever happens for success."""

    def __init__(self, system: Any) -> None:
        self._system = system

    async def __aenter__(self) -> Any:
        await self._system.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._system.__aexit__(*exc)

    async def send(self, call: Any, turn: Turn) -> Reply:
        await self._system.send(call, turn)
        return Reply(Outcome.APPLIED)

    def leave(self, turn: Turn) -> None:
        self._system.leave(turn)


def test_an_event_that_is_answered_202_without_being_applied_is_found_out() -> None:
    ended = VirtualTimeSimulation(spoil_system=Careless).run(scenario())
    assert ended.different
    assert "NOT CONVERGED" in report_text(ended)


def test_what_a_ledger_in_memory_forgets_when_killed_is_found_out() -> None:
    found = Faults(ALL | {"kill": 30, "stale": 0.1})
    assert not VirtualTimeSimulation().run(scenario(300, found=found)).converged


# Real functions, real sockets, kill -9


def test_real_functions_converge_and_log_nothing_personal() -> None:
    found = Faults({"drop-after": 0.05, "error": 0.05, "duplicate": 0.1, "kill": 40.0})
    ended = RealFunctionsSimulation(SqliteStore, 2).run(scenario(120, found=found))
    assert ended.converged, report_text(ended)
    assert ended.faults["kill"] > 0


@pytest.mark.parametrize(
    "text", ["imsi 001010000000007", "999000000123", "a@mail.example", "Lastname7", "token-1"]
)
def test_what_must_not_stand_in_a_log_is_known(text: str) -> None:
    assert leaking(json.dumps({"message": "event settled", "cause": f"a\n{text}"})) == "cause"
    assert leaking(text) == "a line that is no record"


def test_digits_of_an_id_or_a_hash_are_nobodys_number() -> None:
    ids = {"event_id": "853069dc-8813-4c12-875c-999000000123", "subject_hash": ["9990000001234567"]}
    assert leaking(json.dumps(ids)) == ""


# The report, and the switches


def test_a_report_holds_no_personal_data() -> None:
    ended = VirtualTimeSimulation(spoil_system=Careless).run(scenario())
    text = report_text(ended)
    assert "DIFFERENT: subscriber ..." in text
    assert "00101" not in text
    assert "9990" not in text


@pytest.mark.parametrize("text", ["slowness", "slow=2", "slow=x", "kill=-1", "all=1"])
def test_a_fault_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"there is no fault|a number from"):
        faults.read([text])


def test_faults_are_chosen_by_name() -> None:
    assert faults.read([]).rates == ALL
    assert faults.read(["none"]).rates == {}
    assert faults.read(["slow", "kill=3"]).rates == {"slow": ALL["slow"], "kill": 3}
    assert faults.read(["all", "slow=0"]).rates == ALL | {"slow": 0}
