"""The buttons of a subscriber's life, for every entry of the catalogue with its counterpart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector_tools.counterparts import catalogue
from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.program import NotInstalled
from connector_tools.simulation.comparison import differences
from tests.support.inspector import Page, inspected

LIFE = ("create", "assign", "block", "unblock", "product", "swap", "terminate")


@pytest.fixture(params=list(catalogue.entries()))
def entry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counterpart]:
    found = catalogue.counterpart_of(catalogue.mapping_file(request.param))
    try:
        with found(tmp_path) as running:
            yield running
    except NotInstalled as error:
        pytest.skip(str(error))


def wrong(page: Page, counterpart: Counterpart) -> list[str]:
    """What the counterpart holds otherwise than billing says."""
    if counterpart.by == "nothing":
        return []
    found = differences(counterpart.by, counterpart.holds(), page.desk.life.billing)
    return [str(one) for one in found]


async def shown(page: Page, pressed: Any) -> list[Any]:
    """The events of a button, as the list has them."""
    events = (await page.get("/events"))["events"]
    return [one for one in events if one["n"] in pressed["events"]]


async def test_the_counterpart_follows_the_life_of_a_subscriber(entry: Counterpart) -> None:
    async with inspected(catalogue.mapping_file(entry.mapping), entry) as page:
        outcomes = []
        for button in LIFE:
            pressed = await page.post(f"/life/{button}")
            details = await shown(page, pressed)
            outcomes += [one["outcome"] for one in details]
            told = [(one["event_type"], one["outcome"], one["reason"]) for one in details]
            assert {one["outcome"] for one in details} <= {"applied", "ignored"}, (button, told)
            assert wrong(page, entry) == [], button
        assert "applied" in outcomes
        assert (await page.get("/state"))["counterpart"]["wrong"] == []


async def test_a_button_that_no_rule_needs_says_so() -> None:
    async with inspected(catalogue.mapping_file("notify-smtp")) as page:
        for button in ("create", "assign"):
            await page.post(f"/life/{button}")
        stale = next(one for one in (await page.get("/state"))["life"] if one["id"] == "stale")
    assert stale["why"] == "no rule of this file is for SIM/Updated or Subscriber/Updated"


async def test_a_duplicate_and_a_stale_retry_change_nothing(entry: Counterpart) -> None:
    async with inspected(catalogue.mapping_file(entry.mapping), entry) as page:
        for button in ("create", "assign", "block"):
            await page.post(f"/life/{button}")
        before = entry.holds()
        repeated = await page.post("/life/duplicate")
        assert repeated["outcome"] in ("duplicate", "ignored")
        stale = await page.ask("POST", "/life/stale")
        if stale.status_code == 200:
            assert stale.json()["outcome"] in ("superseded", "ignored", "applied")
        if entry.by != "nothing":
            assert entry.holds() == before
        assert (await page.get("/state"))["counterpart"]["wrong"] == []


async def test_an_event_of_an_outage_is_applied_after_it(entry: Counterpart) -> None:
    async with inspected(catalogue.mapping_file(entry.mapping), entry) as page:
        for button in ("create", "assign"):
            await page.post(f"/life/{button}")
        await page.post("/life/outage")
        failed = await page.post("/life/product")
        if not failed["events"]:
            pytest.skip("no rule is for the events of a changed product")
        details = await shown(page, failed)
        called = [one for one in details if one["calls"]]
        assert all(one["status"] in (202, 500, 503) for one in details), details
        again = await page.post("/life/recover")
        assert len(again["events"]) == sum(one["status"] >= 300 for one in details)
        assert not again["events"] or again["outcome"] == "applied"
        assert called or entry.by == "nothing"
        assert wrong(page, entry) == []
