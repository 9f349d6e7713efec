"""The real function fails in every way that alerts look for; its log as Cloud Logging has it."""

import base64
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.support import ROOT
from tests.support.events import event, subscriber
from tests.support.function import Function, environment
from tests.support.google_signer import ACCOUNT, AUDIENCE, GoogleSigner, SigningRelay
from tests.support.log_query import Entry
from tests.support.publisher_server import PublisherServer
from tests.support.scripted import Scripted, ScriptedServer

MANY = 60
"""How many events fail in each way."""

_NEVER = {"Retry-After": "3600"}  # so long that the client does not repeat the call
_REPLIES = {
    "applied": Scripted(),
    "unknown_resource": Scripted(404, json={"error": "no such IMSI"}),
    "throttled": Scripted(429, headers=_NEVER),
    "rejected": Scripted(422),
    "credentials": Scripted(401),
    "failed": Scripted(500),
    "unavailable": Scripted(503, headers=_NEVER),
}
"""The external system's reply in each way; a name is an outcome, but for `credentials`."""


def logged(folder: Path, system: ScriptedServer, service: str) -> dict[str, list[Entry]]:
    """Let the function of this service fail in each way; its entries by the name of the way."""
    with _function(folder, system) as (function, push):
        tell = _Teller(function, service)
        told = {"invalid": tell(lambda: _post(function, remove=("pb_data.account_info",)))}
        for name, reply in _REPLIES.items():
            system.default = reply
            if name == "unavailable":  # it opens the circuit, so it is the last
                told |= _others(function, system, push, tell)
                system.default = reply
            told[name] = tell(lambda: _post(function))
    told["ledger"] = _without_ledger(folder, system, service)
    told["blast guard"] = _too_many_barred(folder, system, service)
    told["cannot start"] = _without_secret(folder, system, service)
    return told


def _others(
    function: Function, system: ScriptedServer, push: httpx.Client, tell: "_Teller"
) -> dict[str, list[Entry]]:
    system.default = Scripted(500)
    ago = (datetime.now(UTC) - timedelta(hours=5)).isoformat()
    now = datetime.now(UTC).isoformat()
    lost = _message(event(change={"created_at": now}, remove=("pb_data.account_info",)))
    return {
        "stuck": tell(lambda: function.post(event(change={"created_at": ago}))),
        "dead letter": tell(lambda: push.post("", content=lost)),
        "wrong token": tell(lambda: _post(function, token="another", number=3)),
        "no JSON": tell(lambda: [function.post(b"{") for _ in range(3)]),
        "too large": tell(lambda: [function.post(b"[" * 100_001) for _ in range(3)]),
    }


class _Teller:
    """Does something; returns what the function logged meanwhile."""

    def __init__(self, function: Function, service: str) -> None:
        self._function, self._service, self._seen = function, service, 0

    def __call__(self, what: Callable[[], object]) -> list[Entry]:
        self._seen = len(self._function.lines())
        what()
        lines = self._function.lines()[self._seen :]
        return [entry(line, self._service) for line in lines]


@contextmanager
def _function(folder: Path, system: ScriptedServer) -> Iterator[tuple[Function, httpx.Client]]:
    """The function, and a client that pushes messages to it as Pub/Sub does."""
    mapping = (ROOT / "mappings" / "wtl-hlr-hss.yaml").read_text(encoding="utf-8")
    rule = "    - {if: reply.status == 422, outcome: rejected, because: The data is wrong}\n"
    first = mapping.index("\n", mapping.index("  replies:")) + 1
    (folder / "mapping.yaml").write_text(mapping[:first] + rule + mapping[first:], encoding="utf-8")
    with ExitStack() as opened:
        topic = opened.enter_context(PublisherServer())
        relay = opened.enter_context(SigningRelay(GoogleSigner()))
        env = environment(
            system.url,
            MAPPING_FILE=str(folder / "mapping.yaml"),
            MAX_BODY_BYTES="100000",
            PUBSUB_DEAD_LETTER_TOPIC="projects/demo/topics/dead-letters",
            PUBSUB_EMULATOR_HOST=topic.address,
            PUBSUB_SERVICE_ACCOUNT=ACCOUNT,
            PUBSUB_AUDIENCE=AUDIENCE,
            OIDC_CERTS_URL=f"{relay.url}/certs",
        )
        function = opened.enter_context(Function(folder / "log", env))
        relay.open(f"{function.url}/pubsub")
        yield function, opened.enter_context(httpx.Client(base_url=relay.url, trust_env=False))


def _post(
    function: Function, number: int = MANY, remove: tuple[str, ...] = (), **options: Any
) -> None:
    now = datetime.now(UTC).isoformat()
    for one in range(number):
        found = event(imsi=subscriber(one + 1), change={"created_at": now}, remove=remove)
        function.post(found, **options)


def _message(found: dict[str, Any]) -> bytes:
    data = base64.b64encode(json.dumps(found).encode()).decode()
    return json.dumps({"message": {"data": data, "messageId": "17"}}).encode()


def _without_ledger(folder: Path, system: ScriptedServer, service: str) -> list[Entry]:
    """Another process holds the ledger's file, for longer than an event may take."""
    file = folder / "ledger.db"
    env = environment(
        system.url, LEDGER_URL=f"sqlite:///{file}", HASH_KEY="k" * 32, EVENT_BUDGET="1"
    )
    with (
        Function(folder / "log-without-ledger", env) as function,
        closing(sqlite3.connect(file, isolation_level=None)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        return _Teller(function, service)(lambda: _post(function, number=3))


def _too_many_barred(folder: Path, system: ScriptedServer, service: str) -> list[Entry]:
    system.default = Scripted()
    barred = {"pb_data.account_info.blocked": True}
    env = environment(system.url, BLAST_LIMIT="2/d")
    with Function(folder / "log-of-bars", env) as function:
        bars = [event(imsi=subscriber(one + 1), change=barred) for one in range(4)]
        return _Teller(function, service)(lambda: [function.post(one) for one in bars])


def _without_secret(folder: Path, system: ScriptedServer, service: str) -> list[Entry]:
    env = environment(system.url)
    del env["WTL_API_TOKEN"]
    function = Function(folder / "log-without-secret", env)
    function.process.wait(60)
    function.client.close()
    return [entry(line, service) for line in function.lines()]


def entry(line: dict[str, Any], service: str) -> Entry:
    """A line of standard output as Cloud Run gives it to Cloud Logging."""
    payload = {name: value for name, value in line.items() if name not in ("severity", "time")}
    return platform_entry(service, "stdout", severity=line["severity"], jsonPayload=payload)


def platform_entry(service: str, log: str, **fields: Any) -> Entry:
    """An entry of one of Cloud Run's own logs."""
    labels = {"service_name": service, "location": "europe-west1"}
    return {
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "logName": f"projects/my-project/logs/run.googleapis.com%2F{log}",
        **fields,
    }
