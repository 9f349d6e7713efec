"""The start with a Firestore that refuses the function, and with one that is down for a while.

The server speaks Firestore's protocol; Google's emulator knows no permissions.
"""

import json
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from connector.ledger.firestore import FirestoreLedger
from connector.settings import BadSettings

REFUSED = {
    "NOT_FOUND": "has no such database: create it",
    "PERMISSION_DENIED": "roles/datastore.user",
    "INVALID_ARGUMENT": "cannot read this project or database id",
    "FAILED_PRECONDITION": "must be in Native mode",
}
PASSES = ["UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED", "ABORTED", "UNAUTHENTICATED", "UNKNOWN"]


class RefusingFirestore:
    """Answers each reading with the error `status`."""

    def __init__(self) -> None:
        self.status = ""
        self.reads = 0
        self._server = grpc.server(futures.ThreadPoolExecutor(1))
        methods: dict[str, Any] = {
            "BatchGetDocuments": grpc.unary_stream_rpc_method_handler(self._refuse)
        }
        name = "google.firestore.v1.Firestore"
        handler = grpc.method_handlers_generic_handler(name, methods)
        self._server.add_generic_rpc_handlers((handler,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _refuse(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        self.reads += 1
        context.abort(grpc.StatusCode[self.status], "as the test wants it")
        yield b""

    def stop(self) -> None:
        self._server.stop(0).wait()


@pytest.fixture(scope="module")
def server() -> Iterator[RefusingFirestore]:
    made = RefusingFirestore()
    yield made
    made.stop()


@pytest.fixture
def firestore(server: RefusingFirestore, monkeypatch: pytest.MonkeyPatch) -> RefusingFirestore:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.address)
    server.reads = 0
    return server


async def check(**options: Any) -> None:
    ledger = FirestoreLedger(b"key", **options)
    try:
        await ledger.check()
    finally:
        await ledger.close()


@pytest.mark.parametrize("status", REFUSED)
async def test_a_wrong_configuration_stops_the_start(
    firestore: RefusingFirestore, status: str
) -> None:
    firestore.status = status
    with pytest.raises(BadSettings, match=f"^LEDGER_URL: Firestore .*{REFUSED[status]}"):
        await check(project="p")
    assert firestore.reads == 1


@pytest.mark.parametrize("status", PASSES)
async def test_an_outage_does_not_stop_the_start(
    firestore: RefusingFirestore, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    firestore.status = status
    await check(project="p")
    assert firestore.reads == 1
    assert caplog.messages == ["the ledger cannot be reached yet"]


async def test_a_firestore_that_does_not_answer_does_not_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")
    await check(project="p", patience=0.2)
    assert caplog.messages == ["the ledger cannot be reached yet"]


@pytest.mark.parametrize("given", ["no project", "no credentials"])
async def test_credentials_and_project_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    file = tmp_path / "credentials.json"
    user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("PATH", "")  # else Google's client asks gcloud for a project
    if given == "no project":
        file.write_text(json.dumps(user))
    told = "needs a project" if given == "no project" else "needs credentials"
    with pytest.raises(BadSettings, match=f"^LEDGER_URL: Firestore {told}"):
        await check()
