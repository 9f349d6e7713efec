"""Pinned replies of every kind, for protocols other than HTTP; and what the plan says then."""

from collections.abc import AsyncIterator

import pytest

from connector.mapping.load import load
from connector_tools.counterparts import catalogue
from connector_tools.inspector.pins import CannotPin, offers, reply_of
from tests.support import ROOT
from tests.support.events import event
from tests.support.inspector import Page, inspected


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """The LDAP mapping, whose system gives the replies of its tests."""
    async with inspected(ROOT / "mappings" / "hss-ldap.yaml") as page:
        yield page


@pytest.mark.parametrize("kind", ["status", "close", "exists"])
async def test_a_read_that_failed_is_no_comparison(page: Page, kind: str) -> None:
    """The event ended at the read, so nobody knows whether something differs."""
    await page.post("/pins", {"kind": kind, "status": 52})
    await page.send(event("sim-updated"))
    detail = await page.last()
    assert detail["outcome"] in ("failed", "unavailable")
    summary = detail["explained"]["summary"]
    assert summary.startswith(detail["outcome"]), summary


@pytest.mark.parametrize("name", list(catalogue.entries()))
def test_each_kind_that_is_offered_can_be_made(name: str) -> None:
    mapping = load(catalogue.mapping_file(name))
    offered = {one["kind"]: one for one in offers(mapping)}
    for kind in ("status", "timeout", "close", "refused"):
        if offered[kind]["enabled"]:
            assert reply_of(kind, 500, "", mapping) is not None
    if mapping.protocol.name == "sql":
        assert offered["exists"]["reply"] == {"error": "unique"}
        with pytest.raises(CannotPin, match="has no text of a reply"):
            reply_of("text", None, "a text", mapping)


async def test_a_pinned_fault_of_the_network_has_the_reason_of_a_real_one() -> None:
    async with inspected(ROOT / "mappings" / "wtl-hlr-hss.yaml") as page:
        await page.post("/pins", {"kind": "refused"})
        await page.send(event("sim-updated"))
        assert (await page.last())["reason"] == "API Core: connection refused"
