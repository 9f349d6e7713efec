"""Resources in a simulated world with a second writer, and each guard of the simulation."""

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.call import Call
from connector.outcome import Outcome
from connector.system import Reply, Turn
from connector_tools.simulation.faults import NETWORK, NSPS, Faults
from connector_tools.simulation.faulty_network import WireRequest, delivery
from connector_tools.simulation.held_events import Delivery, HeldEvent
from connector_tools.simulation.hss_network import HssNetwork
from connector_tools.simulation.nsps import NspsOptions
from connector_tools.simulation.scenario import Scenario, SimulationResult
from connector_tools.simulation.subscribers import EspfEvent
from connector_tools.simulation.virtual_time import HSS, VirtualTimeSimulation
from tests.support.calls import http
from tests.tools.test_simulation import Careless, report_text

pytestmark = pytest.mark.deployment

IMSI = "001010000000001"
HARD = Faults(dict.fromkeys(NETWORK, 0.03) | NSPS | {"kill": 30.0, "outage": 2.0})


def scenario(events: int = 100, seed: int = 1, found: Faults = HARD, **options: Any) -> Scenario:
    return Scenario(events, 20, seed, 0.5, found, NspsOptions(**options))


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the ledgers in memory, where there is a folder for it: these tests stop no machine."""
    if Path("/dev/shm").is_dir():  # noqa: S108 - the folder in memory of Linux
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")  # noqa: S108 - as above


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    instances=st.integers(1, 3),
    retries_4xx=st.booleans(),
    enriches_retries=st.booleans(),
)
def test_whatever_happens_the_owned_fields_are_right_and_the_others_untouched(
    seed: int, instances: int, retries_4xx: bool, enriches_retries: bool
) -> None:
    world = scenario(seed=seed, retries_4xx=retries_4xx, enriches_retries=enriches_retries)
    ended = VirtualTimeSimulation("sqlite", instances, system=HSS).run(world)
    assert ended.converged, report_text(ended)


@pytest.mark.parametrize("name", ["late", "overdue", "drop-after", "garbage"])
def test_each_fault_of_the_system_by_itself_is_overcome(name: str) -> None:
    world = scenario(80, found=Faults({name: 0.15}))
    ended = VirtualTimeSimulation("sqlite", 2, system=HSS).run(world)
    assert ended.converged, report_text(ended)
    assert ended.faults[name] > 0


class _Noted(HssNetwork):
    made: "list[_Noted]" = []

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.made.append(self)


def test_the_second_writer_writes_all_the_time() -> None:
    _Noted.made.clear()
    simulation = VirtualTimeSimulation(system=HSS._replace(network=_Noted))
    ended = simulation.run(scenario(100, found=Faults({})))
    (network,) = _Noted.made
    assert ended.converged, report_text(ended)
    assert network.foreign_writes > ended.events / 2
    assert any(network.hss.foreign(imsi) for imsi in network.hss.subscribers)


# What the simulation must notice


def spoilt(folder: Path, *, of: str, instead: str) -> SimulationResult:
    """A run with another text in the mapping."""
    text = HSS.file.read_text(encoding="utf-8")
    assert of in text
    file = folder / "hss.yaml"
    file.write_text(text.replace(of, instead), encoding="utf-8")
    world = replace(scenario(60, seed=4, found=Faults({})), subscribers=8, replays=0)
    return VirtualTimeSimulation(system=HSS._replace(file=file)).run(world)


def test_a_foreign_field_that_the_connector_overwrites_is_noticed(tmp_path: Path) -> None:
    ended = spoilt(tmp_path, of="tags: =found.tags", instead="tags: []")
    assert any("foreign fields" in text for text in ended.wrong), report_text(ended)


@pytest.mark.parametrize(
    ("method", "path", "body", "rule"),
    [
        ("PATCH", f"/subscribers/{IMSI}", b'{"colour": "red"}', "an attribute that is refused"),
        ("PUT", f"/auc/{IMSI}", b"{}", "keys were written"),
        ("DELETE", f"/subscribers/{IMSI}", b"", "removed and created anew"),
    ],
    ids=["attribute", "keys", "removal"],
)
def test_a_request_that_must_never_come_is_noticed(
    method: str, path: str, body: bytes, rule: str
) -> None:
    network = HssNetwork(Random(1), Faults({}), "token", 1)  # noqa: S311 - no secret
    network.hss.keys.add(IMSI)
    network.hss.handle("POST", "/subscribers", {"imsi": IMSI})
    event = {"data": {"event_type": "SIM/Updated"}, "pb_data": {"sim_info": {"imsi": IMSI}}}
    held = HeldEvent("id", EspfEvent("SIM/Updated", {}), 0)
    delivery.set(Delivery(held, json.dumps(event).encode(), 0, first=True))
    asyncio.run(network.receive(WireRequest(method, path, "Bearer token", body)))
    assert [text for text in network.wrong if rule in text]


def test_a_field_that_is_compared_wrongly_is_noticed(tmp_path: Path) -> None:
    ended = spoilt(tmp_path, of="roaming: {default: true}", instead="roaming: {compare: never}")
    assert ended.different


class Forgetful(Careless):
    """A system that confirms, but does not carry out, what takes something away."""

    async def send(self, call: Any, turn: Turn) -> Reply:
        if self.takes(call):
            return Reply(Outcome.APPLIED, status=200, seen={"status": 200, "json": None})
        replied: Reply = await self._system.send(call, turn)
        return replied

    @staticmethod
    def takes(call: Call) -> bool:
        if call.method == "PATCH":
            return b"barred" in (http(call).body or b"")
        return call.method == "DELETE" and http(call).path.startswith("/numbers")


def test_a_sim_that_has_service_or_its_number_beside_the_new_one_is_noticed() -> None:
    world = replace(scenario(60, seed=4, found=Faults({})), subscribers=10, replays=0)
    ended = VirtualTimeSimulation(spoil_system=Forgetful, system=HSS).run(world)
    rules = {" ".join(word for word in text.split() if "..." not in word) for text in ended.wrong}
    assert "subscriber has service beside its new SIM" in rules
    assert "a number was given before it was taken" in rules
    assert ended.different
