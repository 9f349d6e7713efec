"""What an audit reports, what it does not judge, and what it never sends."""

import asyncio
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from connector.call import Call
from connector.event import parse
from connector.ledger.records import Claim, LedgerStore
from connector.ledger.sealed import sealing_key, unseal
from connector.outcome import Outcome
from connector.pipeline import Pipeline
from connector_tools.audit.audit import BUSY, NEWER, UNJUDGED, Audit
from connector_tools.audit.finding import Kind
from connector_tools.audit.look import SystemAway
from connector_tools.audit.pace import Pace
from connector_tools.audit.progress import FileProgress, LedgerProgress
from connector_tools.audit.repair import Repair
from connector_tools.audit.report import Report
from connector_tools.audit.should_be import Kept, claim_request, hash_of
from connector_tools.reading import NotReadOnly
from tests.support.audits import FAST, MAPPING, audit_of, serving, variables
from tests.support.events import event, subscriber
from tests.support.hss_server import HssServer, number_of, served

A, B, C = (subscriber(number) for number in (1, 2, 3))
LATER = "2026-03-03T10:00:00+00:00"
Bench = tuple[HssServer, Pipeline]


@asynccontextmanager
async def bench(folder: Path, *imsis: str, **more: str) -> AsyncIterator[Bench]:
    """An HSS that holds these subscribers, and the pipeline of a deployment."""
    async with HssServer().listening() as hss:
        for imsi in imsis:
            hss.serve(imsi, number_of(imsi))
        async with serving(variables(hss, folder / "ledger.db") | more) as pipeline:
            yield hss, pipeline


async def found(audit: Audit) -> list[tuple[str, str, str, str]]:
    """The findings of an audit: kind, IMSI, resource, field."""
    report = await audit.run()
    return sorted(
        (one.kind.value, one.subject.removeprefix("imsi:"), one.resource, one.field)
        for one in report.findings
    )


def body(of: Any) -> bytes:
    return json.dumps(of).encode()


async def test_nothing_is_found_if_the_system_is_as_it_should_be(tmp_path: Path) -> None:
    async with bench(tmp_path, A, B) as (hss, pipeline):
        assert await found(audit_of(pipeline, [served(A), served(B)])) == []
        assert hss.reads == 5  # two of each subscriber, and the list
        assert hss.writes == []


async def test_each_kind_is_found(tmp_path: Path) -> None:
    async with bench(tmp_path, A, B) as (hss, pipeline):
        extra = subscriber(9)
        hss.serve(extra, "420999")
        hss.hss.subscribers[A].fields["state"] = "barred"
        hss.hss.subscribers[B].number = number_of(A)
        assert await found(audit_of(pipeline, [served(A), served(B), served(C)])) == [
            ("different", A, "subscriber", "state"),
            ("double", B, "number", "msisdn"),
            ("extra", extra, "subscriber", ""),
            ("missing", C, "number", ""),
            ("missing", C, "subscriber", ""),
        ]


async def test_a_record_that_cannot_be_read_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    async with bench(tmp_path, A, B) as (hss, pipeline):
        hss.broken.add(A)
        hss.hss.subscribers[B].fields["state"] = "barred"
        assert await found(audit_of(pipeline, [served(A), served(B)])) == [
            ("different", B, "subscriber", "state"),
            ("unreadable", A, "number", ""),
            ("unreadable", A, "subscriber", ""),
        ]


async def test_the_number_of_two_subscribers_who_both_should_have_it_is_a_double(
    tmp_path: Path,
) -> None:
    same = {"pb_data.account_info.id": "420700000777@msisdn"}
    async with bench(tmp_path, A, B) as (hss, pipeline):
        for imsi in (A, B):
            hss.hss.subscribers[imsi].number = "420700000777"
        doubles = await found(audit_of(pipeline, [served(A, **same), served(B, **same)]))
        assert [(kind, field) for kind, _, _, field in doubles] == [("double", "msisdn")]


async def test_a_listed_subscriber_who_is_not_in_service_is_not_extra(tmp_path: Path) -> None:
    async with bench(tmp_path, A, B) as (hss, pipeline):
        hss.hss.subscribers[B].fields["state"] = "barred"
        assert await found(audit_of(pipeline, [served(A)])) == []


async def test_a_released_and_a_removed_sim_should_hold_nothing(tmp_path: Path) -> None:
    swap = event("sim-replaced", imsi=A, change={"pb_data.prev_sim_info.imsi": B})
    number = swap["pb_data"]["account_info"]["id"].partition("@")[0]
    gone = event("sim-deleted", imsi=C)
    async with bench(tmp_path, A, B, C) as (hss, pipeline):
        hss.hss.subscribers[A].number = number
        assert await found(audit_of(pipeline, [swap, gone])) == [
            ("different", B, "subscriber", "state"),
            ("extra", B, "number", ""),
            ("extra", C, "number", ""),
            ("extra", C, "subscriber", ""),
        ]


async def test_of_several_events_of_a_subscriber_the_newest_says_what_should_be(
    tmp_path: Path,
) -> None:
    blocked = served(A, **{"pb_data.account_info.blocked": True, "updated_at": LATER})
    async with bench(tmp_path, A) as (_hss, pipeline):
        assert await found(audit_of(pipeline, [blocked, served(A)])) == [
            ("different", A, "subscriber", "state")
        ]


async def test_events_that_can_only_be_told_are_counted_by_their_rule(tmp_path: Path) -> None:
    told, changed = event("subscriber-updated"), "rule `a subscriber changed`"
    async with bench(tmp_path) as (_, pipeline):
        audit = audit_of(pipeline, [told, told, event(imsi="1")])
        left = audit._should_be.left_out  # type: ignore[attr-defined]
        assert left == {
            "rule `a customer is told`: only plain calls, so the system can only be told": 2,
            f"{changed}: invalid: pb_data.sim_info.imsi: must be 6 to 15 digits": 1,
        }


@pytest.mark.parametrize("source", ["a file", "the ledger"])
async def test_a_sentence_of_the_mapping_file_does_not_show_the_subscriber(
    tmp_path: Path, source: str
) -> None:
    quoting = "{that: not sim.imsi, because: 'IMSI {{ sim.imsi }} of {{ account.email }}'}"
    text = MAPPING.read_text(encoding="utf-8")
    changed = tmp_path / "quoting.yaml"
    quoted = "{that: account.msisdn, because: the account has no number}"
    assert quoted in text
    changed.write_text(text.replace(quoted, quoting), encoding="utf-8")
    of_a = served(A, **{"pb_data.account_info.email": "jana@example.com"})
    async with bench(tmp_path, A, KEEP_STATE="true") as (_, pipeline):
        await pipeline.handle(json.dumps(of_a).encode())
    async with bench(tmp_path, A, MAPPING_FILE=str(changed)) as (_, pipeline):
        if source == "a file":
            audit = audit_of(pipeline, [of_a])
            left = audit._should_be.left_out  # type: ignore[attr-defined]
        else:
            audit = Audit(pipeline, kept(pipeline), FAST)
            left = (await audit.run()).left_out
        (reason,) = left
    assert "IMSI *" in reason
    assert A not in reason
    assert "jana" not in reason


# What is not judged


async def test_a_difference_that_a_second_read_does_not_show_is_not_reported(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, A) as (hss, pipeline):
        rows = hss.hss.subscribers
        rows[A].fields["state"] = "barred"
        running = asyncio.create_task(
            found(audit_of(pipeline, [served(A)], replace(FAST, again=1)))
        )
        await hss.read_times(2)
        rows[A].fields["state"] = "active"
        assert await running == []


async def test_a_second_read_that_shows_another_difference_reports_neither(tmp_path: Path) -> None:
    async with bench(tmp_path, A) as (hss, pipeline):
        row = hss.hss.subscribers[A]
        row.fields["state"] = "barred"
        running = asyncio.create_task(
            found(audit_of(pipeline, [served(A)], replace(FAST, again=1)))
        )
        await hss.read_times(2)
        row.fields["state"], row.number = "active", None
        assert await running == []


async def test_a_subject_with_an_event_in_flight_is_skipped_and_told(tmp_path: Path) -> None:
    async with bench(tmp_path, A) as (hss, pipeline):
        hss.hss.subscribers[A].fields["state"] = "barred"
        one = parse(body(served(A)))
        request = claim_request(one, pipeline.plan(one), [f"imsi:{A}"])
        claim = await pipeline.ledger.claim(request)
        assert isinstance(claim, Claim)
        report = await audit_of(pipeline, [served(A)]).run()
        assert report.findings == []
        assert report.skipped == {BUSY: 1}


async def test_a_subject_of_which_a_newer_event_was_applied_is_not_judged(tmp_path: Path) -> None:
    newer = served(A, **{"pb_data.account_info.blocked": True, "updated_at": LATER})
    async with bench(tmp_path, A) as (_, pipeline):
        assert (await pipeline.handle(body(newer))).outcome is Outcome.APPLIED
        report = await audit_of(pipeline, [served(A)]).run()
        assert report.findings == []
        assert report.skipped == {NEWER: 1}


async def test_an_event_waits_for_the_second_read_and_is_applied(tmp_path: Path) -> None:
    """No event can change the subject between the reads of its resources."""
    async with bench(tmp_path, A) as (hss, pipeline):
        hss.hss.subscribers[A].fields["state"] = "barred"
        audit = audit_of(pipeline, [served(A)])
        report, result = await asyncio.gather(audit.run(), pipeline.handle(body(served(A))))
        assert result.outcome is Outcome.APPLIED
        assert hss.hss.subscribers[A].fields["state"] == "active"
        assert len(report.findings) + report.skipped.total() <= 1


async def test_no_event_waits_for_the_pace_of_an_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read while the subject is held is read at once, and makes the next read later."""
    turns: list[tuple[bool, bool]] = []

    async with bench(tmp_path, A) as (hss, pipeline):
        hss.hss.subscribers[A].fields["state"] = "barred"
        store = cast(LedgerStore, pipeline.ledger)

        async def turn(_: Pace, *, wait: bool = True) -> None:
            turns.append((wait, (await store.look(f"imsi:{A}")).leased > 0))

        monkeypatch.setattr(Pace, "turn", turn)
        assert len((await audit_of(pipeline, [served(A)]).run()).findings) == 1
        waits, held = True, True
        assert turns.count((not waits, held)) == 2
        assert (waits, held) not in turns


async def test_what_a_second_read_shows_after_the_end_of_its_lease_is_not_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector_tools.audit.audit.LEASE", 0.0)
    async with bench(tmp_path, A) as (hss, pipeline):
        hss.hss.subscribers[A].fields["state"] = "barred"
        report = await audit_of(pipeline, [served(A)]).run()
        assert (report.findings, report.skipped) == ([], {BUSY: 1})


async def test_what_the_ledger_knows_is_not_extra(tmp_path: Path) -> None:
    async with bench(tmp_path, A, B) as (_, pipeline):
        assert (await pipeline.handle(body(served(B, updated_at=LATER)))).outcome is Outcome.APPLIED
        report = await audit_of(pipeline, [served(A)]).run()
        assert report.findings == []
        assert report.skipped.total() == 1


async def test_what_an_event_is_changing_is_not_extra_and_nothing_is_left_in_the_ledger(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, A, B, C) as (_, pipeline):
        one = parse(body(served(B)))
        request = claim_request(one, pipeline.plan(one), [f"imsi:{B}"])
        assert isinstance(await pipeline.ledger.claim(request), Claim)
        report = await audit_of(pipeline, [served(A)]).run()
        assert ([one.subject for one in report.findings], report.skipped) == (
            [f"imsi:{C}"],
            {BUSY: 1},
        )
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
            assert file.execute("SELECT count(*) FROM leases").fetchone() == (2,)


@pytest.mark.parametrize(
    "event_of_b",
    [
        served(B, **{"pb_data.account_info.blocked": "perhaps"}),
        served(B, updated_at="yesterday"),
        served(B, **{"pb_data.account_info": None}),
        served(B, **{"data.event_type": "SIM/Other"}),
    ],
    ids=["invalid", "unreadable", "without its account", "no rule"],
)
async def test_a_subscriber_whose_event_says_nothing_is_not_extra(
    tmp_path: Path, event_of_b: dict[str, Any]
) -> None:
    async with bench(tmp_path, A, B) as (hss, pipeline):
        audit = audit_of(pipeline, [served(A), event_of_b])
        report = await audit.run()
        assert report.skipped == {UNJUDGED: 1}
        await repaired(pipeline, audit, {*Kind})
        assert B in hss.hss.subscribers


# Reads only


async def test_a_call_that_may_write_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    async with bench(tmp_path, A) as (hss, pipeline):
        audit = audit_of(pipeline, [served(A)])
        call = Call("", "GET", "/subscribers/{}")
        async with audit.reader.turn() as turn:
            with pytest.raises(NotReadOnly, match="GET /subscribers"):
                await audit.reader.send(call, turn)
        assert hss.reads == 0


async def test_an_audit_ends_if_the_system_is_away(tmp_path: Path) -> None:
    async with bench(tmp_path) as (hss, pipeline):
        hss.status = 503
        events = [served(subscriber(number)) for number in range(1, 60)]
        with pytest.raises(SystemAway):
            await audit_of(pipeline, events).run()
        assert hss.writes == []


# Rounds


async def test_a_run_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    imsis = [subscriber(number) for number in range(1, 8)]
    progress = FileProgress(tmp_path / "progress.json")
    async with bench(tmp_path, *imsis) as (hss, pipeline):
        runs: list[tuple[int, bool]] = []
        for _ in range(3):
            audit = audit_of(pipeline, [served(imsi) for imsi in imsis], replace(FAST, most=3))
            audit._progress = progress
            report = await audit.run()
            runs.append((report.checked, report.complete))
        asked = [path for path in hss.asked if path.startswith("/subscribers/")]
        assert len(asked) == len(set(asked)) == 7
        assert runs == [(3, False), (3, False), (1, True)]


async def test_a_run_ends_after_its_subjects_also_if_one_is_busy_at_the_second_read(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, A, B) as (hss, pipeline):
        for imsi in (A, B):
            hss.hss.subscribers[imsi].fields["state"] = "barred"
        for imsi in (A, B):
            one = parse(body(served(imsi)))
            await pipeline.ledger.claim(claim_request(one, pipeline.plan(one), [f"imsi:{imsi}"]))
        report = await audit_of(pipeline, [served(A), served(B)], replace(FAST, most=1)).run()
        assert (report.checked, report.complete) == (1, False)


# What the ledger keeps


def kept(pipeline: Pipeline) -> Kept:
    key = sealing_key(variables(HssServer(), Path("x"))["HASH_KEY"])
    return Kept(cast(LedgerStore, pipeline.ledger), partial(unseal, key))


async def test_the_events_that_the_ledger_keeps_say_what_should_be(tmp_path: Path) -> None:
    async with bench(tmp_path, A, B, C, KEEP_STATE="true") as (hss, pipeline):
        for imsi in (A, B):
            assert (await pipeline.handle(body(served(imsi)))).outcome is Outcome.APPLIED
        hss.hss.subscribers[A].fields["state"] = "barred"
        progress = LedgerProgress(cast(LedgerStore, pipeline.ledger))
        audit = Audit(pipeline, kept(pipeline), FAST, progress)
        assert await found(audit) == [
            ("different", A, "subscriber", "state"),
            ("extra", C, "subscriber", ""),
        ]
        assert await progress.read() == ""
        assert hss.writes == []
        await repaired(pipeline, audit, {*Kind})
        extra = [("extra", C, "subscriber", "")]
        assert await found(Audit(pipeline, kept(pipeline), FAST)) == extra
        assert C in hss.hss.subscribers, "perhaps nobody changed it since KEEP_STATE was set"


async def test_the_old_sim_of_a_swap_is_judged_by_its_own_last_event(tmp_path: Path) -> None:
    """The event of the swap is kept with both SIMs; later the new SIM has an event of its own."""
    swap = event("sim-replaced", imsi=A, change={"pb_data.prev_sim_info.imsi": B})
    number = swap["pb_data"]["account_info"]["id"].partition("@")[0]
    owner = swap["pb_data"]["account_info"]["i_account"]
    blocked = served(
        A,
        **{
            "pb_data.account_info.blocked": True,
            "pb_data.account_info.id": f"{number}@msisdn",
            "pb_data.account_info.i_account": owner,
            "updated_at": LATER,
        },
    )
    async with bench(tmp_path, A, B, KEEP_STATE="true") as (_, pipeline):
        for one in (swap, blocked):
            assert (await pipeline.handle(body(one))).outcome is Outcome.APPLIED
        report = await Audit(pipeline, kept(pipeline), FAST).run()
        assert (report.findings, report.checked, report.skipped) == ([], 2, {})


async def test_the_event_of_a_sim_that_is_gone_is_not_kept_for_ever(tmp_path: Path) -> None:
    swap = event("sim-replaced", imsi=A, change={"pb_data.prev_sim_info.imsi": B})
    async with bench(tmp_path, A, B, C, KEEP_STATE="true") as (_, pipeline):
        for one in (swap, event("sim-deleted", imsi=C)):
            assert (await pipeline.handle(body(one))).outcome is Outcome.APPLIED
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
            found = dict(file.execute("SELECT id, expires IS NOT NULL FROM kept"))
        assert {
            hash_of(pipeline.hash_key, f"imsi:{imsi}"): imsi != A for imsi in (A, B, C)
        } == found


# Repairs


async def repaired(pipeline: Pipeline, audit: Audit, kinds: set[Kind]) -> Report:
    repair = Repair(pipeline, audit, kinds)
    audit.report.repaired = await repair.run(repair.todo(audit.report.findings))
    return audit.report


async def test_a_repair_writes_only_the_chosen_kinds(tmp_path: Path) -> None:
    swap = event("sim-replaced", imsi=A, change={"pb_data.prev_sim_info.imsi": B})
    number = swap["pb_data"]["account_info"]["id"].partition("@")[0]
    async with bench(tmp_path, A, B) as (hss, pipeline):
        hss.hss.subscribers[A].number = number
        audit = audit_of(pipeline, [swap])
        await audit.run()
        report = await repaired(pipeline, audit, {Kind.DIFFERENT})
        assert [one.right for one in report.repaired] == [True]
        assert hss.writes == [f"PATCH /subscribers/{B}"]
        await repaired(pipeline, audit, {Kind.EXTRA})
        assert hss.writes[1:] == [f"DELETE /numbers/{B}"]


async def test_a_repair_of_one_kind_leaves_the_differences_of_others(tmp_path: Path) -> None:
    async with bench(tmp_path, A) as (hss, pipeline):
        hss.hss.subscribers[A].number = None
        hss.hss.subscribers[A].fields["state"] = "barred"
        audit = audit_of(pipeline, [served(A)])
        audit.report.sorted.count = (await audit.run()).findings
        report = await repaired(pipeline, audit, {Kind.MISSING})
        assert [one.right for one in report.repaired] == [True]
        assert [one.kind for one in report.remaining] == [Kind.DIFFERENT]


async def test_a_newer_event_wins_over_a_repair(tmp_path: Path) -> None:
    blocked = served(A, **{"pb_data.account_info.blocked": True, "updated_at": LATER})
    async with bench(tmp_path, A) as (hss, pipeline):
        assert (await pipeline.handle(body(served(A)))).outcome is Outcome.APPLIED
        hss.hss.subscribers[A].fields["state"] = "barred"
        audit = audit_of(pipeline, [served(A)])
        assert (await audit.run()).findings
        assert (await pipeline.handle(body(blocked))).outcome is Outcome.APPLIED
        report = await repaired(pipeline, audit, {Kind.DIFFERENT})
        assert [one.outcome for one in report.repaired] == [Outcome.SUPERSEDED]
        assert hss.hss.subscribers[A].fields["state"] == "barred"


async def test_an_event_that_was_applied_already_is_applied_again_as_a_repair(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, A) as (hss, pipeline):
        one = served(A)
        assert (await pipeline.handle(body(one))).outcome is Outcome.APPLIED
        hss.hss.subscribers[A].fields["state"] = "barred"
        audit = audit_of(pipeline, [one])
        await audit.run()
        report = await repaired(pipeline, audit, {Kind.DIFFERENT})
        assert [one.outcome for one in report.repaired] == [Outcome.APPLIED]
        assert hss.hss.subscribers[A].fields["state"] == "active"


async def test_a_number_is_freed_before_its_subscriber_gets_it(tmp_path: Path) -> None:
    """Each has the number of the next one, so that only one of them can be repaired at first."""
    imsis = [subscriber(number) for number in range(1, 7)]
    async with bench(tmp_path, *imsis) as (hss, pipeline):
        rows = hss.hss.subscribers
        rows[imsis[0]].number = None
        for imsi, other in itertools.pairwise(imsis):
            rows[other].number = number_of(imsi)
        audit = audit_of(pipeline, map(served, imsis))
        await audit.run()
        report = await repaired(pipeline, audit, {*Kind})
        assert all(one.right for one in report.repaired)
        assert [rows[imsi].number for imsi in imsis] == [number_of(imsi) for imsi in imsis]


async def test_after_a_removal_any_event_of_the_subject_is_applied(tmp_path: Path) -> None:
    """The removal counts as older than every event, also than one that comes late."""
    async with bench(tmp_path, A, B) as (hss, pipeline):
        audit = audit_of(pipeline, [served(A)])
        await audit.run()
        await repaired(pipeline, audit, {Kind.EXTRA})
        assert B not in hss.hss.subscribers
        assert (await pipeline.handle(body(served(B)))).outcome is Outcome.APPLIED
        assert hash_of(pipeline.hash_key, f"imsi:{B}") not in {
            one.hash for one in (await audit_of(pipeline, [served(A), served(B)]).run()).findings
        }
