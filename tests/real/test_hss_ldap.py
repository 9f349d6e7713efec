"""The catalogue's `hss-ldap` with a real slapd: its entries are compared with billing.

The events pass the pipeline of the function, while slapd is suspended, killed, restarted, full and
read-only.
"""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import pytest

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.mapping.setting import resolve
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline
from connector_tools.counterparts.catalogue import mapping_file
from connector_tools.counterparts.hss_ldap import BASE, HssLdap
from tests.support.events import event, subscriber
from tests.support.ldap import running

MAPPING = load(mapping_file("hss-ldap"))
SIMS, EVENTS = 12, 300
DONE = (Outcome.APPLIED, Outcome.IGNORED, Outcome.SUPERSEDED, Outcome.DUPLICATE)


@pytest.fixture
def hss(tmp_path: Path) -> Iterator[HssLdap]:
    with running(tmp_path) as found:
        yield found


class Connected:
    """The pipeline of a function that serves this HSS."""

    def __init__(self, hss: HssLdap, timeout: str = "0.5") -> None:
        variables = hss.variables(*hss.place) | {"HSS_LDAP_TIMEOUT": timeout}
        settings = MAPPING.settings
        values = resolve(MAPPING.name, settings, lambda one: variables.get(one.variable))
        self._system = MAPPING.protocol.client(MAPPING.system, values)
        self._pipeline = Pipeline(MAPPING, values, MemoryLedger(), self._system, 4, b"key")

    async def __aenter__(self) -> "Connected":
        await self._system.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._system.__aexit__()

    async def handle(self, given: dict[str, Any]) -> Result:
        return await self._pipeline.handle(json.dumps(given).encode())

    async def deliver(self, given: dict[str, Any]) -> int:
        """Send an event until it is done, as NSPS does; returns how often it was sent."""
        for times in range(1, 200):
            if (await self.handle(given)).outcome in DONE:
                return times
            await asyncio.sleep(0.1)
        raise AssertionError("the event is never done")


class Life:
    """Subscribers that change by chance, and what billing says of them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - chance that can be repeated
        self.billing: dict[str, dict[str, Any]] = {}
        self.minute = 0

    def next_event(self) -> dict[str, Any]:
        """A change of one SIM: service, product, or no account any more."""
        number = self.random.randrange(SIMS)
        imsi, self.minute = subscriber(number), self.minute + 1
        blocked, product = self.random.random() < 0.3, self.random.choice(["gold", "silver"])
        at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=self.minute)
        snapshot = {"updated_at": at.isoformat()}
        attribute = {"group_name": "lte.wtl", "name": "cs_profile", "value": product}
        change = {
            "pb_data.account_info.id": f"4207{number:08d}@msisdn",
            "pb_data.account_info.blocked": blocked,
            "pb_data.access_policy_info.attributes": [attribute],
        }
        if self.random.random() < 0.1:
            self.billing.pop(imsi, None)
            return event("sim-deleted", imsi=imsi, change=snapshot)
        served = {"served": not blocked, "number": f"4207{number:08d}", "product": product}
        self.billing[imsi] = served
        return event(imsi=imsi, change=change | snapshot)


async def outage(hss: HssLdap, name: str) -> None:
    """Begin an outage, and end it after a moment."""
    await asyncio.to_thread(hss.begin, name)
    await asyncio.sleep(0.25)
    await asyncio.to_thread(hss.end)


async def test_after_a_life_with_outages_of_slapd_the_entries_are_as_billing_says(
    hss: HssLdap,
) -> None:
    life, names, times = Life(seed=1), cycle(hss.outages), 0
    async with Connected(hss) as connected:
        for number in range(EVENTS):
            trouble = asyncio.create_task(outage(hss, next(names))) if number % 15 == 5 else None
            times += await connected.deliver(life.next_event())
            if trouble:
                await trouble
    assert hss.holds() == life.billing
    assert times > EVENTS  # some had to come again


async def test_a_number_goes_from_one_sim_to_another_and_is_never_on_both(hss: HssLdap) -> None:
    old, new = "001010000000001", "001010000000002"
    async with Connected(hss) as connected:
        await connected.deliver(event(imsi=old))
        await connected.deliver(event("sim-replaced"))
        holds = hss.holds()
        assert (holds[old]["served"], holds[old]["number"]) == (False, None)
        assert (holds[new]["served"], holds[new]["number"]) == (True, "420700000001")


async def test_a_number_in_use_is_refused_until_it_is_free(hss: HssLdap) -> None:
    taken = event(imsi=subscriber(8))
    async with Connected(hss) as connected:
        await connected.deliver(event(imsi=subscriber(7)))
        refused = await connected.handle(taken)
        assert (refused.outcome, refused.reason) == (
            Outcome.FAILED,
            "another entry has the number",
        )
        gone = {"pb_data.account_info.bill_status": "terminated"}
        later = {"updated_at": "2026-03-02T11:15:32.480000+00:00"}
        await connected.deliver(event(imsi=subscriber(7), change=gone | later))
        assert await connected.deliver(taken) == 1
    assert hss.holds()[subscriber(8)]["number"] == "420700000001"


async def test_what_the_hss_itself_writes_stays(hss: HssLdap) -> None:
    async with Connected(hss) as connected:
        await connected.deliver(event(imsi=subscriber(1)))
        hss.slapd.stop()
        name = f"dn: imsi={subscriber(1)},{BASE}\nchangetype: modify\n"
        hss.slapd.change(f"{name}add: hssVisited\nhssVisited: 00102\n")
        hss.slapd.start()
        blocked = {"pb_data.account_info.blocked": True}
        later = {"updated_at": "2026-03-02T11:15:32.480000+00:00"}
        await connected.deliver(event(imsi=subscriber(1), change=blocked | later))
    entry = next(one for one in hss.slapd.entries() if "imsi" in one)
    assert (entry["hssVisited"], entry["hssBarred"]) == (["00102"], ["TRUE"])


async def test_a_new_password_is_the_only_one(hss: HssLdap) -> None:
    async with Connected(hss) as connected:
        await connected.deliver(event(imsi=subscriber(1)))
        assert hss.rotate() == {"HSS_LDAP_PASSWORD": hss.password}
        refused = await connected.handle(event("sim-deleted", imsi=subscriber(1)))
        assert refused.outcome is Outcome.FAILED
        assert "refused the connector's credentials" in (refused.reason or "")
    async with Connected(hss) as connected:
        await connected.deliver(event("sim-deleted", imsi=subscriber(1)))
    assert hss.holds() == {}
