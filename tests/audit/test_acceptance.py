"""5,000 subscribers, 40 changes behind the connector's back, and events that flow meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.outcome import Outcome
from connector.pipeline import Pipeline, Record
from connector_tools.audit.audit import Limits
from connector_tools.audit.finding import Kind
from connector_tools.audit.repair import Repair
from tests.support.audits import audit_of, serving, variables
from tests.support.events import subscriber
from tests.support.hss_server import HssServer, number_of, served

ALL = [subscriber(number) for number in range(1, 5001)]
EACH = 8  # changes of each kind
MISSING, DIFFERENT, DOUBLE, UNREADABLE = (ALL[at : at + EACH] for at in range(0, 4 * EACH, EACH))
EXTRA = [subscriber(number) for number in range(900_001, 900_001 + EACH)]
FLOWING = frozenset(ALL[4000:])
CHANGES = {
    *((Kind.MISSING, imsi) for imsi in MISSING),
    *((Kind.DIFFERENT, imsi) for imsi in DIFFERENT),
    *((Kind.DOUBLE, imsi) for imsi in DOUBLE),
    *((Kind.UNREADABLE, imsi) for imsi in UNREADABLE),
    *((Kind.EXTRA, imsi) for imsi in EXTRA),
}


@pytest.fixture
async def hss() -> AsyncIterator[HssServer]:
    async with HssServer().listening() as server:
        for imsi in ALL:
            server.serve(imsi, number_of(imsi))
        yield server


def change_behind_the_back(server: HssServer) -> None:
    rows = server.hss.subscribers
    for imsi in MISSING:
        del rows[imsi]
    for imsi in DIFFERENT:
        rows[imsi].fields["state"] = "barred"
    for imsi, other in zip(DOUBLE, ALL[1000:], strict=False):
        rows[imsi].number = number_of(other)
    for imsi in EXTRA:
        server.serve(imsi, f"4208{imsi[-8:]}")
    server.broken.update(UNREADABLE)


def held(server: HssServer) -> dict[str, tuple[str, str | None]]:
    """What the HSS holds of all subscribers that no event is about meanwhile."""
    subscribers = server.hss.subscribers.items()
    return {
        imsi: (one.fields["state"], one.number) for imsi, one in subscribers if imsi not in FLOWING
    }


async def flow(function: Pipeline, ended: asyncio.Event) -> int:
    """Bar and serve subscribers until the audit has ended; returns the number of writes."""
    writes = at = 0
    while not ended.is_set():
        imsi, second = ALL[4000 + at * 7 % 1000], at // 1000
        at += 1
        change = {
            "pb_data.account_info.blocked": at % 2 == 1,
            "updated_at": f"2026-03-02T11:{second:02}:{at % 60:02}+00:00",
        }
        record = Record()
        result = await function.handle(json.dumps(served(imsi, **change)).encode(), record)
        assert result.outcome is Outcome.APPLIED
        writes += sum(not call.read_only for call, _ in record.calls)
        await asyncio.sleep(0.02)
    return writes


async def test_the_audit_finds_the_40_changes_writes_nothing_and_its_repair_converges(
    hss: HssServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = variables(hss, tmp_path / "ledger.db")
    events = [served(imsi) for imsi in ALL]
    before = held(hss)
    change_behind_the_back(hss)
    async with serving(environ) as function, serving(environ) as pipeline:
        ended = asyncio.Event()
        flowing = asyncio.create_task(flow(function, ended))
        audit = audit_of(pipeline, events, Limits(rate=10_000, at_once=8, again=1))
        report = await audit.run()
        ended.set()
        written = await flowing

        found = {(one.kind, one.subject.removeprefix("imsi:")) for one in report.findings}
        assert found == CHANGES
        assert report.complete
        assert written > 0
        assert len(hss.writes) == written  # those of the events; the audit has none

        hss.broken.clear()
        repair = Repair(pipeline, audit, {*Kind})
        repaired = await repair.run(repair.todo(report.findings))
        assert [one for one in repaired if not one.right] == []
        assert held(hss) == before
    with capsys.disabled():
        print(
            f"\n{report.checked} subscribers, {report.reads} reads in {report.seconds:.1f} s: "
            f"{report.reads / report.seconds:.0f}/s; {written} writes of events; {report.skipped}"
        )
