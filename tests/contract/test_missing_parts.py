"""What each event means without one of its parts (contract 6.5), in both mappings."""

import json
from typing import Any

import pytest

from connector.event import parse
from connector.mapping.load import load
from connector.outcome import Outcome, Refusal, Result
from connector.plan.planner import plan
from tests.support import ROOT
from tests.support.events import event

SIM, OLD, ACCOUNT = ("pb_data.sim_info", "pb_data.prev_sim_info", "pb_data.account_info")
NO_IMSI = f"{SIM}.i_account"  # a SIM of an account whose IMSI nobody knows
NOBODY = {NO_IMSI: None}
SITUATIONS: dict[str, dict[str, Any]] = {
    "sim absent": {"remove": (SIM,)},
    "sim null": {"change": {SIM: None}},
    "sim without imsi": {"change": {f"{SIM}.imsi": None}},
    "account absent": {"remove": (ACCOUNT,)},
    "account null": {"change": {ACCOUNT: None}},
    "no account": {"change": {ACCOUNT: None, **NOBODY}},
    "no account, not asked for": {"change": NOBODY, "remove": (ACCOUNT,)},
    "old sim absent": {"remove": (OLD,)},
    "old sim null": {"change": {OLD: None}},
    "nothing sent": {"remove": ("pb_data",)},
}
# The part that the answer names, or `ignored`, or `calls`.
EXPECTED = {
    "sim-created": f"{SIM} ignored ignored {ACCOUNT} ignored ignored ignored calls calls {SIM}",
    "sim-updated": f"{SIM} ignored ignored {ACCOUNT} {ACCOUNT} ignored ignored calls calls {SIM}",
    "sim-replaced": f"{SIM} calls {NO_IMSI} {ACCOUNT} {ACCOUNT} calls calls {OLD} calls {SIM}",
    "sim-deleted": f"{SIM} ignored ignored calls calls calls calls calls calls {SIM}",
}
CASES = [
    (name, situation, expected)
    for name, all_of_them in EXPECTED.items()
    for situation, expected in zip(SITUATIONS, all_of_them.split(), strict=True)
]
MAPPINGS = [load(ROOT / "mappings" / f"{name}.yaml") for name in ("wtl-hlr-hss", "osmo-hlr")]


def planned(sent: dict[str, Any], mapping: Any) -> Result | None:
    """The result that the mapping decides on; None if it makes calls."""
    settings = dict.fromkeys(mapping.settings) | {"cs_profile": "a", "eps_profile": "b"}
    try:
        return plan(parse(json.dumps(sent).encode()), mapping, settings).result
    except Refusal as refusal:
        return refusal.result


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.name)
@pytest.mark.parametrize(("name", "situation", "expected"), CASES)
def test_an_event_without_a_part(mapping: Any, name: str, situation: str, expected: str) -> None:
    if (mapping.name, name, situation) == ("osmo-hlr", "sim-created", "account null"):
        expected = ACCOUNT  # it names an account
    result = planned(event(name, **SITUATIONS[situation]), mapping)
    if result and result.details:
        assert [detail.field for detail in result.details] == [expected]
        if "null" not in situation and situation != "sim without imsi":
            assert "add it to the required data" in result.details[0].rule
    else:
        assert (result.outcome.value if result else "calls") == expected


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.name)
@pytest.mark.parametrize("absent", [SIM, OLD, ACCOUNT, "pb_data"])
def test_a_swap_without_a_part_releases_nobody(mapping: Any, absent: str) -> None:
    result = planned(event("sim-replaced", remove=(absent,)), mapping)
    assert result
    assert result.outcome is Outcome.INVALID


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.name)
@pytest.mark.parametrize("imsi", [None, "", " ", "x", 7, [], {}])
def test_a_swap_to_a_sim_whose_imsi_is_unknown_releases_nobody(mapping: Any, imsi: Any) -> None:
    result = planned(event("sim-replaced", change={f"{SIM}.imsi": imsi}), mapping)
    assert result
    assert result.outcome is Outcome.INVALID
