"""docs/contract.md, section 6, says for each ruling whether the code follows it.

A function here, the ruling's probe, finds out whether the code follows it. If a test fails after a
change of the code, correct the page: the ruling's status and its "Today".
"""

import asyncio
import io
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from connector.event import Event, Snapshot, parse
from connector.mapping import expression
from connector.mapping import load as checks
from connector.outcome import Outcome, Refusal, Result, answer
from connector.plan.planner import plan
from connector.systems.http import outcomes as http_outcomes
from tests.documents.test_docs import sections
from tests.support import ROOT
from tests.support.events import event
from tests.support.pipelines import Bench

WTL = ROOT / "mappings" / "wtl-hlr-hss.yaml"


def _changed(**fields: Any) -> Event | None:
    """An event with these fields changed (`__` stands for a dot); None if it is refused."""
    change = {name.replace("__", "."): value for name, value in fields.items()}
    try:
        return parse(json.dumps(event(change=change)).encode())
    except Refusal:
        return None


def _number(charging_id: str) -> str | None:
    found = _changed(pb_data__account_info__id=charging_id, pb_data__sim_info__msisdn=None)
    return found.account.msisdn if found and found.account else None


def _planned(name: str, **change: Any) -> str | None:
    """The outcome that the WTL mapping decides on without a call."""
    mapping = checks.load(WTL)
    settings: dict[str, Any] = {
        **dict.fromkeys(mapping.settings),
        "cs_profile": "a",
        "eps_profile": "b",
    }
    found = parse(json.dumps(event(name, **change)).encode())
    try:
        result = plan(found, mapping, settings).result
    except Refusal as refusal:
        result = refusal.result
    return result.outcome.value if result else None


def _reads_tolerantly() -> bool:
    handler, postal_code = _changed(handler_id=7), _changed(pb_data__account_info__zip=11000)
    quota = _changed(pb_data__full_vd_counter_info=[{"allocated_amount": "N/A"}])
    return None not in (handler, postal_code, quota) and getattr(handler, "handler_id", 7) == "7"


def _reads_times() -> bool:
    forms = ("03:04:05+00", "03:04:05", "24:00:00Z", "03:04:05.123456789+0000")
    return (
        all(_changed(updated_at=f"2026-03-02 {form}") for form in forms)
        and _changed(created_at="yesterday") is not None
        and _changed(updated_at="yesterday") is None
    )


def _survives_a_snapshot_from_the_future() -> bool:
    """A snapshot from the future does not supersede an event that arrives later."""
    imsi, now = "001010000099999", datetime.now(UTC)

    async def second(folder: Path) -> Outcome:
        bench = Bench(folder, io.StringIO())
        for taken in (now + timedelta(days=900), now + timedelta(minutes=4)):
            sent = event(imsi=imsi, change={"updated_at": taken.isoformat()})
            result = await bench.handle(sent)
        return result.outcome

    with TemporaryDirectory() as folder:
        return asyncio.run(second(Path(folder))) is Outcome.APPLIED


def _identity_includes_the_sim() -> bool:
    one = _changed(data__variables__i_event=7, pb_data__sim_info__i_sim_card=1)
    two = _changed(data__variables__i_event=7, pb_data__sim_info__i_sim_card=2)
    none = _changed(data__variables__i_event=0)
    assert one and two and none
    return not {*one.identities} & {*two.identities} and len(none.identities) == 1


def _distinguishes_absent_from_null() -> bool:
    types = ("sim-created", "sim-updated", "sim-replaced", "sim-deleted")
    absent = [_planned(name, remove=("pb_data.sim_info",)) for name in types]
    nobody: dict[str, Any] = {
        "remove": ("pb_data.account_info",),
        "change": {"pb_data.sim_info.i_account": None},
    }
    without = [_planned(name, **nobody) for name in ("sim-created", "sim-updated")]
    return {*absent} == {"invalid"} and {*without} == {"ignored"}


def _limits_phone_numbers_to_15_digits() -> bool:
    return (
        _number("4207000000012345@msisdn") is None
        and _number("89033023422345678901234567890123") is None
        and _number("+420700000001@msisdn") == "420700000001"
    )


def _refuses_to_convert_text_to_zero() -> bool:
    for source in ("'N/A' | int", "'N/A' | float"):
        try:
            expression.compile_condition(source).evaluate(expression.Scope())
        except expression.EvaluationError:
            continue
        return False
    return True


def _unreachable_is_503() -> bool:
    errors = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout)
    found = {http_outcomes.of_exception(kind(""))[0] for kind in errors}
    return {answer(Result(outcome)).status for outcome in found} == {503}


def _treats_equal_times_as_equal() -> bool:
    taken = time.time()
    return not Snapshot(taken, taken - 5, taken) < Snapshot(taken, taken - 1, taken)


def _default_profiles_are_default() -> bool:
    settings = checks.load(WTL).settings
    return {settings[name].default for name in ("cs_profile", "eps_profile")} == {"default"}


PROBES: dict[str, Callable[[], bool]] = {
    "6.1": _reads_tolerantly,
    "6.2": _reads_times,
    "6.3": _survives_a_snapshot_from_the_future,
    "6.4": _identity_includes_the_sim,
    "6.5": _distinguishes_absent_from_null,
    "6.6": _limits_phone_numbers_to_15_digits,
    "6.7": _refuses_to_convert_text_to_zero,
    "6.8": _unreachable_is_503,
    "6.9": _treats_equal_times_as_equal,
    "6.10": _default_profiles_are_default,
}
PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
RULINGS = {
    title.split()[0]: text for title, text in sections(PAGE).items() if re.match(r"6\.\d+ ", title)
}


def test_every_ruling_has_a_probe() -> None:
    assert [*RULINGS] == [*PROBES]


@pytest.mark.parametrize("number", PROBES)
def test_the_page_says_whether_the_code_follows_a_ruling(number: str) -> None:
    follows = PROBES[number]()
    status = "implemented" if follows else "not implemented yet"
    assert f"\n**Status:** {status}.\n" in RULINGS[number]
    assert "\n- **Reason:** " in RULINGS[number]
    assert ("\n- **Today:** " in RULINGS[number]) is not follows
