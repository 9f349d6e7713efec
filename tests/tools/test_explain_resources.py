"""`connector explain` shows resources before the system is asked, and what depends on it."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tests.support import ROOT
from tests.support.command_line import app
from tests.support.events import event
from tests.support.mapping_files import HEAD, write

OLD, NEW = "001010000000001", "001010000000002"
FILE = """
resources:
  keys:
    of: [imsi]
    read: {get: "/keys/{{ imsi }}"}
    require: [{that: found, outcome: unknown_resource, because: the AuC has no keys}]
  line:
    of: [imsi]
    read: {get: "/lines/{{ imsi }}"}
    want: {number: =account.msisdn}
    released: {number: =none}
    create: {post: /lines, json: =want}
    change: {when: found.open, patch: "/lines/{{ found.id }}", json: =changed}
    remove: {delete: "/lines/{{ found.id }}"}
  plan:
    of: [imsi]
    read: {get: "/plans/{{ line.id }}"}
    want: "={'name': line.plan}"
    released: =none
    create: {post: /plans, json: =want}
    change: {put: /plans, json: =want}
    remove: {delete: "/plans/{{ found.id }}"}
rules:
  - name: a SIM was swapped
    on: SIM/Replaced
    require: [{that: account, because: account_info is null}]
    release: {imsi: =prev_sim.imsi}
    hold: {imsi: =sim.imsi}
"""
TOLD = f"""\
release line (line 11)
  subject imsi:{OLD}
  left out if the SIM belongs to another account by now
  read GET http://system.test/lines/{OLD}
  wanted {{"number": null}}
  change, if it differs
    depends on what is found; only if found.open
    PATCH http://system.test/lines/{{{{ found.id }}}}
    "=changed"

release plan (line 19)
  subject imsi:{OLD}
  left out if the SIM belongs to another account by now
  read GET http://system.test/plans/{{{{ line.id }}}}
    depends on what is found
  wanted absent  =none
  remove, if there is one
    depends on what is found
    DELETE http://system.test/plans/{{{{ found.id }}}}

hold keys (line 7)
  subject imsi:{NEW}
  only read
  read GET http://system.test/keys/{NEW}
  require found, else unknown_resource

hold line (line 11)
  subject imsi:{NEW}
  read GET http://system.test/lines/{NEW}
  wanted {{"number": "420700000001"}}
  create, if there is none
    POST http://system.test/lines
    {{
      "number": "420700000001"
    }}
  change, if it differs
    depends on what is found; only if found.open
    PATCH http://system.test/lines/{{{{ found.id }}}}
    "=changed"

hold plan (line 19)
  subject imsi:{NEW}
  read GET http://system.test/plans/{{{{ line.id }}}}
    depends on what is found
  wanted depends on what is found  ={{'name': line.plan}}
  create, if there is none
    depends on what is found
    POST http://system.test/plans
    "=want"
  change, if it differs
    depends on what is found
    PUT http://system.test/plans
    "=want"
  remove, if there is one
    depends on what is found
    DELETE http://system.test/plans/{{{{ found.id }}}}

order
  first all reads, as they stand above
  then what takes service or a number away: release plan, release line, hold
    plan, hold line
  then what gives: hold line, hold plan

answer 202, if the system confirms each call
Nothing was sent.
"""


def explained(folder: Path, file: str, given: Any, *options: str) -> str:
    path = write(folder, HEAD + file)
    told = CliRunner().invoke(
        app,
        ["explain", str(path), "-", *options],
        input=json.dumps(given),
        env={"API_TOKEN": None, "HASH_KEY": None},
    )
    assert told.exit_code == 0, told.output
    return told.stdout


def without_headers(text: str) -> str:
    lines = text.splitlines(keepends=True)
    names = ("User-Agent:", "Accept-Encoding:", "Content-Type:")
    return "".join(line for line in lines if not line.strip().startswith(names))


def test_it_shows_what_is_wanted_and_what_can_be_sent(tmp_path: Path) -> None:
    told = without_headers(explained(tmp_path, FILE, event("sim-replaced", imsi=NEW)))
    assert told.startswith("reads 5 resources (release line, release plan, hold keys, hold line, ")
    assert told[told.index("\nrelease line") + 1 :] == TOLD


def test_a_resource_below_an_absent_one_counts_as_absent(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    found.write_text(json.dumps({f"imsi:{NEW}": {"keys": {"k": 1}, "plan": {"name": "x"}}}))
    given = event("sim-replaced", imsi=NEW)
    told = explained(tmp_path, FILE, given, "--found", str(found)).split("hold plan", 1)[1]
    assert "not read, because the system does not hold what it needs: `line`\n" in told
    assert "2 hold plan: give\n    what is needed then, read once the" in told


def test_a_precondition_that_is_not_met_shows_the_answer(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    found.write_text("{}")
    given = event("sim-replaced", imsi=NEW)
    told = explained(tmp_path, FILE, given, "--found", str(found))
    assert "answer 404\n" in told
    assert "the AuC has no keys" in told
    assert "requests that would be sent" not in told


def test_every_line_of_the_catalogue_that_is_shown_is_plain_when_piped(tmp_path: Path) -> None:
    arguments = ["explain", str(ROOT / "mappings" / "osmo-hlr.yaml"), "-"]
    given = json.dumps(event("sim-replaced", imsi=NEW))
    told = CliRunner().invoke(app, arguments, input=given)
    assert "\x1b" not in told.stdout
    assert told.stdout.count("SET subscriber.") == 7


REPLIES = {
    f"GET /keys/{NEW}": {"json": {"k": 1}},
    "GET /lines/*": {"status": 404},
    "POST /lines": {"status": 500},
}


def test_replies_to_calls_that_write_are_played_too(tmp_path: Path) -> None:
    """The resource is shown as it is before the write, and the answer is that of the replies."""
    replies = tmp_path / "replies.json"
    replies.write_text(json.dumps(REPLIES))
    given = event("sim-replaced", imsi=NEW)
    told = explained(tmp_path, FILE, given, "--replies", str(replies))
    assert told.startswith("failed: ")
    assert "  1 hold line: give\n    POST http://system.test/lines\n" in told
    assert '    number  "420700000001"         differs' in told
    assert "answer 500\n" in told
    assert "no request fits `POST /lines`" not in told


def test_a_list_of_replies_has_those_of_the_writes_in_their_order(tmp_path: Path) -> None:
    line: dict[str, Any] = {"json": {"id": 7, "number": "420700000001", "plan": "x"}}
    absent: dict[str, Any] = {"status": 404}
    done: dict[str, Any] = {"json": {}}
    replies = tmp_path / "replies.json"
    replies.write_text(json.dumps([absent, {"json": {"k": 1}}, absent, done, line, absent, done]))
    given = event("sim-replaced", imsi=NEW)
    told = explained(tmp_path, FILE, given, "--replies", str(replies))
    assert told.startswith("2 requests: POST /lines, ")
    assert told.endswith("answer 202, if the system confirms each call\nNothing was sent.\n")
    assert "the system holds none\n" in told  # as before the write
