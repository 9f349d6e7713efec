"""`connector explain --read` and `--found`: what the system holds, and what differs."""

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.mapping.load import load
from connector.outcome import Outcome
from connector.systems.http.entry import HttpSystemEntry
from connector_tools.mapping_tests import test_settings as settings_of_tests
from connector_tools.reading import NotReadOnly, ReadOnly
from tests.support import ROOT
from tests.support.calls import POST, client, turn_of
from tests.support.command_line import app
from tests.support.events import event
from tests.support.osmo_hlr import running
from tests.support.scripted import Received, Scripted, ScriptedServer

OLD, NEW = "001010000000001", "001010000000002"
SECRET = "secret-9d2c"
EVENTS = sorted((ROOT / "mappings" / "events").glob("sim-*.json"))
CATALOGUE = sorted((ROOT / "mappings").glob("*.yaml"))
READ_BY_POST = ("/token", "/search_read")  # a login, and a search of Odoo's
# Each file over HTTP/1.1 with the events that its own tests apply as they are.
PAIRS = sorted(
    {
        (file, file.parent / case.event)
        for file in CATALOGUE
        for mapping in [load(file)]
        if isinstance(mapping.system, HttpSystemEntry) and not mapping.system.http.http2
        for case in mapping.tests
        if case.outcome is Outcome.APPLIED and not (case.change or case.add or case.remove)
    }
)
PAGE = re.findall(r"(?ms)^```yaml\n(.*?)^```", (ROOT / "docs" / "resources.md").read_text())[0]
CALLS = """\
name: calls
summary: Looks something up by GET and by POST, then writes.
settings: {url: {env: HSS_API_URL, type: url}}
system:
  http: {base_url: =settings.url}
rules:
  - name: all
    on: [SIM/Created, SIM/Updated, SIM/Replaced, SIM/Deleted]
    calls:
      - {id: one, get: /one}
      - {id: two, post: /search, read_only: true, json: {id: =one.json.id}}
      - {put: /three, json: {id: =two.json.id}}
      - {get: /never}
"""
SECRETS = """\
name: secrets
summary: Writes a secret into a record.
settings:
  url: {env: HSS_API_URL, type: url}
  key: {secret: HSS_KEY}
system:
  http: {base_url: =settings.url, auth: {bearer: =settings.key}}
resources:
  record:
    of: [imsi]
    read: {get: "/records/{{ imsi }}"}
    want: {key: "=settings.key | replace('secret-', '')", owner: acme}
    create: {post: /records, json: "={'imsi': imsi, 'plain': settings.key} "}
    change: {patch: "/records/{{ imsi }}", json: =changed}
    remove: {delete: "/records/{{ imsi }}"}
  note:
    of: [imsi]
    read: {get: "/notes/{{ imsi }}"}
    want: {text: hello}
    create: {post: /notes, json: "={'text': 'hello', 'key': settings.key}"}
    change: {put: "/notes/{{ imsi }}", json: "={'found': found.text, 'key': settings.key}"}
    remove: {delete: "/notes/{{ imsi }}"}
rules:
  - name: a subscriber changed
    on: SIM/Updated
    require: [{that: sim.imsi is imsi, because: IMSI must be 15 digits}]
    hold: {imsi: =sim.imsi}
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return written(tmp_path, PAGE)


def written(folder: Path, text: str) -> Path:
    file = folder / "file.yaml"
    file.write_text(text)
    return file


def held(**records: Any) -> Any:
    """A system that holds these records; a path that ends in none of the names has none."""

    def answer(request: Received) -> Scripted:
        for name, record in records.items():
            if request.path.endswith(name.replace("_", "/")):
                return Scripted(json=record)
        return Scripted(404)

    return answer


def explained(file: Path, given: Any, *options: str, url: str = "", **more: str) -> Result:
    variables = {"HSS_API_URL": url, "HSS_KEY": SECRET, "WTL_API_URL": url, "WTL_API_TOKEN": SECRET}
    env = {"API_TOKEN": "t", "HASH_KEY": None, **variables, **more}
    text = given if isinstance(given, str) else json.dumps(given)
    return CliRunner().invoke(app, ["explain", str(file), "-", *options], input=text, env=env)


def test_it_shows_what_differs_and_exactly_the_requests_that_follow(
    page: Path, system: ScriptedServer
) -> None:
    record = {"status": "barred", "foreign": "x"}
    system.default = held(**{NEW: record, OLD: {"status": "active"}})
    told = explained(page, event("sim-replaced", imsi=NEW), "--read", url=system.url)
    assert told.exit_code == 0, told.output
    assert 'field   wanted    found\n    status  "active"  "barred"  differs\n' in told.stdout
    assert "foreign" not in told.stdout
    requests = told.stdout.split("requests that would be sent, in this order\n")[1]
    lines = [line.strip() for line in requests.splitlines()]
    steps = [line for line in lines if re.match(r"[0-9] [a-z]+ [a-z]+: ", line)]
    assert steps == [
        "1 release subscriber: take",
        "2 hold subscriber: give",
        "3 hold number: give",
    ]
    sent = [line for line in lines if re.match(r"(PATCH|POST|PUT|DELETE) ", line)]
    assert sent == [
        f"PATCH {system.url}/subscribers/{OLD}",
        f"PATCH {system.url}/subscribers/{NEW}",
        f"POST {system.url}/subscribers/{NEW}/number",
    ]
    assert told.stdout.endswith("4 reads sent. Nothing was written.\n")
    assert Counter(request.method for request in system.requests) == {"GET": 4}


def test_if_nothing_differs_no_request_is_shown(page: Path, system: ScriptedServer) -> None:
    number = {"msisdn": "420700000001"}
    system.default = held(**{OLD: {"status": "active"}, "number": number})
    told = explained(page, event("sim-updated", imsi=OLD), "--read", url=system.url).stdout
    assert "nothing differs: no request would be sent for the resources\n" in told
    assert "PATCH" not in told


@pytest.mark.parametrize(("file", "sent"), PAIRS, ids=lambda file: file.stem)
def test_for_no_event_of_the_catalogue_anything_is_written(
    file: Path, sent: Path, system: ScriptedServer
) -> None:
    """A system with an HTTP API; for that of another protocol see the real osmo-hlr below."""
    told = explained(file, sent.read_text(), "--read", **made_up(file, system.url))
    assert told.exit_code == 0, told.output
    writing = [
        r for r in system.requests if r.method != "GET" and not r.path.endswith(READ_BY_POST)
    ]
    assert writing == []


def made_up(file: Path, url: str) -> dict[str, str]:
    """The variables of a mapping file with the values of its tests, at this address."""
    mapping = load(file)
    values = settings_of_tests(mapping, {}).items()
    return {
        mapping.settings[name].variable: text.replace("http://system.test", url)
        for name, value in values
        if (text := json.dumps(value) if isinstance(value, dict) else str(value or ""))
    }


@pytest.mark.parametrize("sent", EVENTS, ids=lambda file: file.stem)
@pytest.mark.parametrize("answer", ["none", "other", "503", "text"])
def test_whatever_the_system_holds_resources_are_only_read(
    sent: Path, answer: str, page: Path, system: ScriptedServer
) -> None:
    answers = {"none": Scripted(404), "other": Scripted(json={"status": "x", "msisdn": "1"})}
    other = {"503": Scripted(503), "text": Scripted(body=b"<html>")}
    system.default = (answers | other)[answer]
    told = explained(page, sent.read_text(), "--read", url=system.url)
    assert told.exit_code == 0, told.output
    assert system.requests
    assert {request.method for request in system.requests} == {"GET"}


@pytest.mark.parametrize("sent", EVENTS, ids=lambda file: file.stem)
def test_look_ups_of_plain_calls_are_read_up_to_the_first_that_writes(
    sent: Path, tmp_path: Path, system: ScriptedServer
) -> None:
    system.default = Scripted(json={"id": 7})
    file = written(tmp_path, CALLS)
    told = explained(file, sent.read_text(), "--read", url=system.url)
    assert told.exit_code == 0, told.output
    assert [f"{request.method} {request.path}" for request in system.requests] == [
        "GET /one",
        "POST /search",
    ]
    assert system.requests[1].json == {"id": 7}


@pytest.mark.parametrize("sent", EVENTS, ids=lambda file: file.stem)
def test_a_real_hlr_is_only_read(sent: Path, tmp_path: Path) -> None:
    file = ROOT / "mappings" / "osmo-hlr.yaml"
    with running(tmp_path) as hlr:
        with closing(sqlite3.connect(tmp_path / "hlr.db", timeout=5)) as database, database:
            database.execute("INSERT INTO subscriber (imsi, msisdn) VALUES (?, '42')", (OLD,))
        before = hlr.subscribers()
        told = explained(file, sent.read_text(), "--read", OSMO_HLR_HOST=hlr.host)
        assert told.exit_code == 0, told.output
        assert "Nothing was written." in told.stdout
        assert hlr.subscribers() == before
    assert "requests that would be sent, in this order" in told.stdout
    assert '"42"' in told.stdout or "SET subscriber.delete" in told.stdout


async def test_a_call_that_may_write_never_reaches_the_system(system: ScriptedServer) -> None:
    async with client(system.url) as opened:
        guarded = ReadOnly(opened)
        with pytest.raises(NotReadOnly):
            await guarded.send(POST, turn_of(5))
    assert system.requests == []


def test_a_read_that_fails_gives_the_answer_that_nsps_would_get(
    page: Path, system: ScriptedServer
) -> None:
    system.default = Scripted(503)
    told = explained(page, event("sim-updated", imsi=OLD), "--read", url=system.url)
    assert "found: not compared: the event ends before\n" in told.stdout
    assert "answer 503\n" in told.stdout
    assert "requests that would be sent" not in told.stdout


@pytest.mark.parametrize("note", ["none", "same", "other"])
@pytest.mark.parametrize("owner", ["acme", "other"])
@pytest.mark.parametrize("key", [SECRET[7:], "other"])
def test_no_secret_is_shown_whatever_the_system_holds(
    key: str, owner: str, note: str, tmp_path: Path, system: ScriptedServer
) -> None:
    notes: dict[str, Any] = {"none": {}, "same": {"text": "hello"}, "other": {"text": SECRET}}
    found = {f"records_{OLD}": {"key": key, "owner": owner}}
    if note != "none":
        found[f"notes_{OLD}"] = notes[note]
    system.default = held(**found)
    file = written(tmp_path, SECRETS)
    told = explained(file, event("sim-updated", imsi=OLD), "--read", url=system.url)
    assert told.exit_code == 0, told.output
    assert system.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in told.output
    assert SECRET[7:] not in told.output
    requests = told.stdout.split("requests that would be sent, in this order\n")
    sent = "PATCH" in requests[-1] and len(requests) > 1
    veiled = "not shown: it depends on a secret" in told.stdout
    assert (sent, veiled) == (key == "other", key != "other" and owner == "other")
    assert ("PUT" in requests[-1], '"found": "***"' in requests[-1]) == ((note == "other",) * 2)


def test_what_the_system_holds_can_be_given_in_a_file(page: Path, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    found.write_text(json.dumps({f"imsi:{OLD}": {"subscriber": {"status": "active"}}}))
    told = explained(page, event("sim-updated", imsi=OLD), "--found", str(found)).stdout
    requests = told.split("requests that would be sent, in this order\n")[1]
    assert "1 hold number: give\n    POST http" in requests
    assert "2 " not in requests
    assert told.endswith("Nothing was sent.\n")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("[]", "must be an object"),
        ("{", "Expecting property name"),
        ('{"imsi:1": 1}', "`imsi:1` must be an object"),
        ('{"imsi:1": {"subscriber": {}}}', "uses no resource `subscriber` of `imsi:1`"),
        (f'{{"imsi:{OLD}": {{"subscribers": {{}}}}}}', "uses no resource `subscribers`"),
        (f'{{"imsi:{OLD}": {{"subscriber": 1}}}}', "must be an object with its fields, or null"),
    ],
)
def test_a_file_that_does_not_fit_the_event_says_why(
    given: str, why: str, page: Path, tmp_path: Path
) -> None:
    found = tmp_path / "found.json"
    found.write_text(given)
    told = explained(page, event("sim-updated", imsi=OLD), "--found", str(found))
    assert told.exit_code == 2
    assert why in told.stderr


def test_a_missing_setting_ends_the_command_before_anything_is_read(
    page: Path, system: ScriptedServer
) -> None:
    told = explained(page, event("sim-updated"), "--read", url="")
    assert told.exit_code == 2
    assert "HSS_API_URL" in told.stderr
    assert system.requests == []


def test_reads_of_a_rule_are_sent_and_the_write_has_the_values_of_their_replies(
    tmp_path: Path, system: ScriptedServer
) -> None:
    file = written(tmp_path, CALLS)
    system.default = held(one={"id": 7}, search={"id": 8})
    told = explained(file, event("sim-updated", imsi=OLD), "--read", url=system.url).stdout
    assert '"id": 7' in told.split("\ncall 2")[1]
    third = told.split("\ncall 3")[1].split("\ncall 4")[0]
    assert '"id": 8' in third
    assert "after the reply of" not in third
    assert "reply:" not in third
    assert told.count("  reply: applied: HTTP 200\n") == 2
    assert [request.method for request in system.requests] == ["GET", "POST"]
