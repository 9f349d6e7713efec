"""The ledger in Firestore: round trips, instances, crashes, a Firestore that does not answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.cloud.firestore import AsyncClient

from connector.ledger.firestore import EVENTS, SUBJECTS, FirestoreLedger
from connector.ledger.records import (
    Busy,
    Claim,
    Duplicate,
    LedgerUnavailable,
    LostClaim,
    Superseded,
)
from tests.emulator.firestore import FirestoreEmulator, shared
from tests.emulator.wire import Wire
from tests.support.contender import crash, race
from tests.support.ledgers import at, claim_request


@pytest.fixture
def project() -> str:
    return f"p{uuid4().hex[:12]}"


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> FirestoreEmulator:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", shared().address)
    return shared()


@pytest.fixture
async def ledger(emulator: FirestoreEmulator, project: str) -> AsyncIterator[FirestoreLedger]:
    opened = FirestoreLedger(b"key", project)
    yield opened
    await opened.close()


@pytest.fixture
async def wire(emulator: FirestoreEmulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    async with Wire(emulator.port) as opened:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", opened.address)
        yield opened


@pytest.fixture
async def wired(wire: Wire, project: str) -> AsyncIterator[FirestoreLedger]:
    """A ledger that reaches the emulator through `wire`."""
    opened = FirestoreLedger(b"key", project)
    yield opened
    await opened.close()


async def granted(ledger: FirestoreLedger, name: str, **fields: Any) -> Claim:
    claim = await ledger.claim(claim_request(name, **fields))
    assert isinstance(claim, Claim), claim
    return claim


async def documents(project: str, collection: str) -> list[Any]:
    client = AsyncClient(project=project)
    found = [document async for document in client.collection(collection).stream()]
    await client._firestore_api.transport.close()
    return found


async def test_a_start_takes_one_round_trip_and_leaves_no_document(
    wire: Wire, wired: FirestoreLedger, project: str
) -> None:
    await wired.check()
    assert wire.requests == 1
    assert await documents(project, EVENTS) == []


async def test_an_event_takes_three_round_trips(wire: Wire, wired: FirestoreLedger) -> None:
    swap = claim_request("event:a", "espf:1", about=("imsi:1", "imsi:2"))
    claim = await wired.claim(swap)
    assert isinstance(claim, Claim)
    assert wire.requests == 2
    await wired.settle(claim)
    assert wire.requests == 3
    assert await wired.claim(swap) == Duplicate()
    assert wire.requests == 4
    await wired.release(await granted(wired, "event:b"))
    assert wire.requests == 7


async def test_a_settled_document_has_its_record_and_the_time_to_delete_it(
    ledger: FirestoreLedger, project: str
) -> None:
    claim = await granted(ledger, "event:9d2f", about=("imsi:001010000000001",), owner=77)
    await ledger.settle(claim)
    (event,) = await documents(project, EVENTS)
    (subject,) = await documents(project, SUBJECTS)
    soon, late = datetime.now(UTC) + timedelta(days=99), datetime.now(UTC) + timedelta(days=101)
    for document in (event, subject):
        assert soon < document.get("expires") < late
    lease = {"token": claim.token, "lease_until": None, "leased_for": None}
    snapshot = [10, 0, 0]
    assert event.to_dict() == lease | {
        "expires": event.get("expires"),
        "snapshot": snapshot,
    }
    assert subject.to_dict() == lease | {
        "expires": subject.get("expires"),
        "owner": "77",
        "snapshot": snapshot,
    }
    for name in ("9d2f", "imsi", "001010000000001"):
        assert name not in event.id + subject.id


@pytest.mark.parametrize("snapshot", [[10.0, 0.0, 0.0], None])
async def test_an_event_that_an_older_connector_settled_is_a_duplicate(
    ledger: FirestoreLedger, project: str, snapshot: list[float] | None
) -> None:
    """Its document has an `outcome` as well. The field `snapshot` is null if it had none."""
    older = {
        "token": uuid4().hex,
        "lease_until": None,
        "leased_for": None,
        "expires": datetime.now(UTC) + timedelta(days=99),
        "outcome": "applied",
        "snapshot": snapshot,
    }
    client = AsyncClient(project=project)
    await client.document(ledger._event("event:a")).set(older)
    await client._firestore_api.transport.close()
    assert await ledger.claim(claim_request("event:a")) == Duplicate()


async def test_an_event_without_a_snapshot_is_a_duplicate_once_settled(
    ledger: FirestoreLedger, project: str
) -> None:
    await ledger.settle(await granted(ledger, "event:a", snapshot=None))
    (event,) = await documents(project, EVENTS)
    assert event.get("snapshot") is None
    assert await ledger.claim(claim_request("event:a")) == Duplicate()


async def test_a_released_claim_leaves_no_document(ledger: FirestoreLedger, project: str) -> None:
    await ledger.release(await granted(ledger, "event:a"))
    assert await documents(project, EVENTS) == []
    assert await documents(project, SUBJECTS) == []


async def test_releasing_a_claim_keeps_earlier_records(ledger: FirestoreLedger) -> None:
    await ledger.settle(await granted(ledger, "event:a"))
    await ledger.release(await granted(ledger, "event:b", snapshot=at(20)))
    assert await ledger.claim(claim_request("event:c", snapshot=at(9))) == Superseded()


async def test_of_many_claims_at_once_one_is_granted(ledger: FirestoreLedger) -> None:
    claims = [ledger.claim(claim_request(f"event:{number}")) for number in range(20)]
    verdicts = await asyncio.gather(*claims)
    assert [type(verdict) for verdict in verdicts].count(Claim) == 1
    assert [type(verdict) for verdict in verdicts].count(Busy) == 19


def test_events_of_one_subject_never_overlap_on_several_instances(
    emulator: FirestoreEmulator, project: str, tmp_path: Path
) -> None:
    race("firestore", project, tmp_path / "log")


def test_a_killed_instance_frees_its_subject_when_its_lease_expires(
    emulator: FirestoreEmulator, project: str, tmp_path: Path
) -> None:
    crash("firestore", project, tmp_path / "log")


async def test_a_claim_whose_first_answer_was_lost_is_granted(
    wire: Wire, wired: FirestoreLedger
) -> None:
    """The second try finds the leases of the first one, and is not busy because of them."""
    wire.lose(b"lease_until")
    claim = await granted(wired, "event:a")
    assert wire.lost == 1
    await wired.settle(claim)


async def test_a_settlement_whose_first_answer_was_lost_is_recorded(
    wire: Wire, wired: FirestoreLedger
) -> None:
    claim = await granted(wired, "event:a")
    wire.lose(b"snapshot")
    await wired.settle(claim)
    assert wire.lost == 1
    assert await wired.claim(claim_request("event:a")) == Duplicate()


async def test_a_claim_whose_lease_was_taken_is_lost_after_a_lost_answer(
    wire: Wire, wired: FirestoreLedger, project: str
) -> None:
    claim = await granted(wired, "event:a", lease=0.1)
    await asyncio.sleep(0.2)
    await granted(wired, "event:b")
    wire.lose(b"snapshot")
    with pytest.raises(LostClaim):
        await wired.settle(claim)
    assert wire.lost == 1


async def test_a_firestore_that_does_not_answer_is_unavailable_until_it_does(
    emulator: FirestoreEmulator, ledger: FirestoreLedger, project: str
) -> None:
    await granted(ledger, "event:first", about=())  # an emulator that has just started is slow
    impatient = FirestoreLedger(b"key", project, patience=1)
    claim = await granted(impatient, "event:a")
    emulator.freeze()
    try:
        with pytest.raises(LedgerUnavailable, match="Firestore"):
            await impatient.claim(claim_request("event:b", about=("imsi:2",)))
        await impatient.release(claim)
    finally:
        emulator.thaw()
    await granted(impatient, "event:c", about=("imsi:3",))
    await impatient.close()


async def test_a_firestore_that_has_stopped_is_unavailable_until_it_is_back(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FirestoreEmulator() as emulator:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.address)
        ledger = FirestoreLedger(b"key", project)
        claim = await granted(ledger, "event:a")
        emulator.kill()
        with pytest.raises(LedgerUnavailable):
            await ledger.claim(claim_request("event:b"))
        with pytest.raises(LedgerUnavailable):
            await ledger.settle(claim)
        emulator.start()
        for _ in range(30):  # gRPC pauses between its attempts to connect
            try:
                await granted(ledger, "event:c")
                break
            except LedgerUnavailable:
                await asyncio.sleep(0.5)
        else:
            pytest.fail("the ledger did not recover")
        await ledger.close()


async def test_a_ledger_with_credentials_but_no_project_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's client raises an `OSError`, which would end as an unexpected failure."""
    credentials = tmp_path / "credentials.json"
    user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    credentials.write_text(json.dumps(user))
    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(credentials))
    monkeypatch.setenv("PATH", "")  # else Google's client asks gcloud for a project
    ledger = FirestoreLedger(b"key")
    with pytest.raises(LedgerUnavailable, match="Project was not passed"):
        await ledger.claim(claim_request())
    await ledger.close()
