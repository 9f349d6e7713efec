"""`connector history`, `wrong` and `caught-up`: what they print, and what they refuse."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.pubsub_v1 import PubsubMessage

from connector.event import Snapshot
from connector.ledger.records import Claim, ClaimRequest
from connector.ledger.sqlite import SqliteLedger
from connector.log import subject_hash
from connector.pipeline import hash_key
from tests.support import ROOT
from tests.support.cloud_logging import CloudLoggingServer
from tests.support.command_line import COMMAND, connector
from tests.support.function import environment
from tests.support.night_log import as_entry
from tests.support.pubsub_emulator import PubSubEmulator, running_emulator
from tests.tools.records.lines import line

SECRET = "the-key-of-the-hashes"
IMSI = "001010000000001"
HASH = subject_hash(hash_key(SECRET), f"imsi:{IMSI}")
CALLS: list[dict[str, Any]] = [
    {"method": "GET", "target": "/find/{}", "status": 200, "outcome": "applied"},
    {"method": "PUT", "target": "/cards/{}", "status": 503, "outcome": "failed"},
]
CALLS = [call | {"attempts": n, "milliseconds": 2.5} for call, n in zip(CALLS, (1, 3), strict=True)]
LINES = [
    line(30, outcome="applied", event_id="e1", event_type="SIM/Updated", subject_hash=[HASH]),
    line(
        10,
        outcome="failed",
        event_id="e1",
        event_type="SIM/Updated",
        subject_hash=[HASH],
        subject=["imsi:***********0001"],
        reason="too busy",
        cause="HTTP 503",
        calls=CALLS,
    ),
    line(20, "event queued", outcome="queued", event_id="e2", subject_hash=[HASH]),
    line(40, outcome="applied", event_id="e3", subject_hash=["other"]),
]
APPLIED = line(1, outcome="applied", event_id="e0")
FAILED = line(2, outcome="failed", event_id="e", reason="no such card 123456", subject=["imsi:*"])
OPEN = line(3, "circuit open", circuit="open")
QUEUED = line(4, "event queued", outcome="queued", event_id="q")
COMMANDS = [["history", "e1"], ["wrong"], ["caught-up"]]

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(*lines: dict[str, Any]) -> Path:
        file = tmp_path / "log"
        file.write_text("".join(json.dumps(one) + "\n" for one in lines))
        return file

    return write


def test_history_shows_each_attempt_with_its_calls_in_time_order(written: Written) -> None:
    result = connector("history", IMSI, "--from", written(*LINES), HASH_KEY=SECRET)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2026-11-29 22:00:10.000Z  e1  SIM/Updated  failed  too busy  (HTTP 503)",
        "    GET  /find/{}  200  applied  2.5 ms",
        "    PUT  /cards/{}  503  failed  2.5 ms  3 attempts",
        "2026-11-29 22:00:20.000Z  e2  -  [event queued]",
        "2026-11-29 22:00:30.000Z  e1  SIM/Updated  applied",
        "3 records, 2 attempts of 1 event",
    ]
    assert result.stderr == "connector: hashes with the key HASH_KEY of the environment\n"


def test_history_of_an_event_needs_no_key(written: Written) -> None:
    none = {"HASH_KEY": None, "API_TOKEN": None, "SECRETS": None}
    result = connector("history", "e1", "--from", written(*LINES), **none)
    assert (result.exit_code, "2 records, 2 attempts" in result.stdout) == (0, True)
    assert "Only events with this id are looked for" in result.stderr
    result = connector("history", IMSI, "--from", written(*LINES), **none)
    assert (result.exit_code, "no record found in the records" in result.stderr) == (1, True)


def test_history_says_which_tokens_it_made_keys_of(written: Written) -> None:
    environ = {"HASH_KEY": None, "API_TOKEN": f"new-token,{SECRET}"}
    result = connector("history", IMSI, "--from", written(*LINES), **environ)
    assert "3 records" in result.stdout
    assert "API_TOKEN of the environment (2 tokens)" in result.stderr


def test_history_with_a_place_that_has_no_key_ends(written: Written, tmp_path: Path) -> None:
    place = f"file:{tmp_path}"
    result = connector("history", IMSI, "--from", written(*LINES), "--secrets", place)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_history_shows_what_the_ledger_knows_now(written: Written, tmp_path: Path) -> None:
    path, key = tmp_path / "ledger", hash_key(SECRET)
    taken = datetime(2026, 11, 29, 22, tzinfo=UTC).timestamp()

    async def fill() -> None:
        ledger = SqliteLedger(path, key)
        wanted = ClaimRequest(
            ("event:e1",),
            (f"imsi:{IMSI}",),
            frozenset(),
            Snapshot(taken, 1, 1),
            12,
            False,
            True,
            60,
        )
        claim = await ledger.claim(wanted)
        assert isinstance(claim, Claim)
        await ledger.settle(claim)
        await ledger.claim(wanted._replace(identities=("event:e2",)))
        await ledger.close()

    asyncio.run(fill())
    arguments = ["history", IMSI, "--from", written(*LINES), "--ledger", f"sqlite:///{path}"]
    before = path.read_bytes()
    result = connector(*arguments, HASH_KEY=SECRET)
    owner = subject_hash(key, "i_account:12")
    (told,) = [one for one in result.stdout.splitlines() if one.startswith("ledger now")]
    assert told.startswith(
        "ledger now: imsi:***********0001, newest snapshot 2026-11-29T22:00:00.000+00:00, "
        f"owner {owner}, an event is being applied, for "
    )
    document = json.loads(connector(*arguments, "--json", HASH_KEY=SECRET).stdout)
    (now,) = document["ledger"]
    assert (now["subject_hash"], now["owner_hash"]) == (HASH, owner)
    assert 0 < now["leased_seconds"] <= 60
    assert path.read_bytes() == before
    other = connector(*arguments, HASH_KEY="another-key-of-hashes")
    assert "the ledger knows no such subject" in other.stdout


def test_a_ledger_of_another_key_is_told(written: Written, tmp_path: Path) -> None:
    async def prepare() -> None:
        ledger = SqliteLedger(tmp_path / "ledger", hash_key(SECRET))
        await ledger.write_note("hash-key", "check-of-another")
        await ledger.close()

    asyncio.run(prepare())
    arguments = ["history", IMSI, "--from", written(*LINES)]
    arguments += ["--ledger", f"sqlite:///{tmp_path / 'ledger'}"]
    other = connector(*arguments, HASH_KEY="another-key-of-hashes")
    assert "the ledger was not asked: it was written with another HASH_KEY" in other.stderr
    assert "with another HASH_KEY than the function's, none is found" in other.stderr
    assert "knows no such subject" not in other.stdout


def test_what_names_a_subscriber_is_not_sent_to_cloud_logging() -> None:
    with CloudLoggingServer([]) as server:
        for asked in (IMSI, "+420 700 000 001", f"imsi:{IMSI}", "ada@example.com", "e1"):
            arguments = ["history", asked, "--project", "p"]
            connector(*arguments, HASH_KEY=SECRET, LOGGING_EMULATOR_HOST=server.address)
        *personal, last = [request["filter"] for request in server.requests]
    assert len(personal) == 4
    assert not [text for text in personal if "event_id" in text]
    assert 'jsonPayload.event_id="e1"' in last


@pytest.mark.parametrize("command", COMMANDS)
def test_half_a_pair_of_surrogates_is_still_json(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text(json.dumps([FAILED | {"event_id": "e1", "reason": "\ud800"}]))
    result = connector(*command, "--json", "--from", file)
    assert "\ud800" in json.dumps(json.loads(result.stdout), ensure_ascii=False)


def test_an_output_in_ascii_shows_escapes(written: Written) -> None:
    file = written(FAILED | {"reason": "kůň"})
    command = [*COMMAND, "wrong", "--from", str(file)]
    environ = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environ, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    assert b"k\\u016f\\u0148" in done.stdout


@pytest.mark.parametrize("command", [["wrong"], ["caught-up"]])
def test_a_log_that_is_cut_is_no_yes(command: list[str], written: Written) -> None:
    file = written(APPLIED)
    assert connector(*command, "--from", file).exit_code == 0
    file.write_text(file.read_text() + json.dumps(FAILED)[:-5])
    result = connector(*command, "--from", file)
    assert (result.exit_code, "1 record that is cut" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory:", "LEDGER_URL=memory: can be seen by its own process only"),
        ("sqlite:////nowhere/ledger", "there is no file /nowhere/ledger"),
        ("nonsense:", "LEDGER_URL: must be"),
    ],
)
def test_a_ledger_that_cannot_be_looked_at_is_told(written: Written, url: str, told: str) -> None:
    arguments = ["history", IMSI, "--from", written(*LINES), "--ledger", url]
    result = connector(*arguments, HASH_KEY=SECRET)
    assert (result.exit_code, "3 records" in result.stdout) == (0, True)
    assert f"the ledger was not asked: {told}" in result.stderr


def test_wrong_counts_groups_first_then_shows_each_event(written: Written) -> None:
    other = FAILED | {"event_id": "f", "reason": "no such card 777777", "time": line(5)["time"]}
    result = connector("wrong", "--from", written(APPLIED, FAILED, other))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "2 events of 3 not accepted in the records, in 1 group",
        "2  failed  no such card <n>",
        "",
        "failed: no such card <n>",
        "subject  first seen            last attempt          attempts  event  outcome  reason",
        "imsi:*   2026-11-29 22:00:02Z  2026-11-29 22:00:02Z  1         e      failed   "
        "no such card 123456",
        "imsi:*   2026-11-29 22:00:05Z  2026-11-29 22:00:05Z  1         f      failed   "
        "no such card 777777",
    ]


def test_wrong_counts_requests_that_were_refused_before_an_event_was_read(
    written: Written,
) -> None:
    refused = line(1, "request refused", outcome="unauthorized", status=401)
    result = connector("wrong", "--from", written(APPLIED, refused, refused))
    assert result.exit_code == 0
    assert "2 requests refused before an event was read: unauthorized" in result.stdout


def test_wrong_cannot_tell_without_records_of_accepted_events(written: Written) -> None:
    result = connector("wrong", "--from", written())
    assert (result.exit_code, "LOG_LEVEL" in result.stderr) == (2, True)


def test_foreign_lines_are_counted_on_standard_error(written: Written) -> None:
    file = written(APPLIED)
    file.write_text("Starting\n" + file.read_text() + "{}\n")
    result = connector("wrong", "--from", file)
    assert result.exit_code == 0
    assert result.stderr == "connector: 2 lines skipped: not a record of a connector\n"


def test_a_period_and_a_connector_narrow_what_is_read(written: Written) -> None:
    file = written(APPLIED, FAILED)
    for options in (["--until", "2026-11-29T22:00:02Z"], ["--since", "2026-11-29T22:00:03Z"]):
        assert "0 events" in connector("wrong", "--from", file, *options).stdout
    assert "0 events" in connector("wrong", "--from", file, "--connector", "other").stdout
    assert "1 event " in connector("wrong", "--from", file, "--connector", "c").stdout


@pytest.mark.parametrize(
    ("lines", "code", "answer"),
    [
        ([APPLIED], 0, True),
        ([APPLIED, FAILED], 1, False),
        ([APPLIED, OPEN], 1, False),
        ([FAILED], 1, False),
        ([], 2, None),
        ([line(1, outcome="ignored", event_id="e0")], 0, True),
    ],
)
def test_caught_up_answers_yes_no_or_that_it_cannot_tell(
    written: Written, lines: list[dict[str, Any]], code: int, answer: bool | None
) -> None:
    result = connector("caught-up", "--json", "--from", written(*lines))
    assert (result.exit_code, json.loads(result.stdout)["caught_up"]) == (code, answer)


def test_caught_up_says_what_it_stands_on(written: Written) -> None:
    result = connector("caught-up", "--from", written(APPLIED, FAILED, OPEN, QUEUED))
    assert result.stdout.splitlines() == [
        "caught up: no",
        "events in the records: 3",
        "not accepted: 1, the oldest since 2026-11-29 22:00:02Z: e, failed: no such card 123456",
        "waiting on the topic: 1, the longest since 2026-11-29 22:00:04Z: q",
        "circuit: open since 2026-11-29 22:00:03Z",
        "dead letters: 0",
        "could not look at the dead letters that Pub/Sub itself made: give --subscription",
    ]


def test_caught_up_does_not_guess_about_dead_letters(written: Written) -> None:
    """Where events are queued, Pub/Sub can give up without a line in the log."""
    file = written(QUEUED, line(5, outcome="applied", event_id="q"))
    result = connector("caught-up", "--json", "--from", file)
    assert (result.exit_code, json.loads(result.stdout)["caught_up"]) == (2, None)
    with running_emulator() as address:
        pubsub = PubSubEmulator(address)
        dead = pubsub.topic("dead")
        name = pubsub.subscription("dead", dead)
        asked = ["caught-up", "--json", "--from", file, "--subscription", name]
        result = connector(*asked, PUBSUB_EMULATOR_HOST=address)
        assert (result.exit_code, json.loads(result.stdout)["dead_letters"]) == (0, 0)
        pubsub.publisher.publish(topic=dead, messages=[PubsubMessage(data=b"{}")])
        result = connector(*asked, PUBSUB_EMULATOR_HOST=address)
        assert (result.exit_code, json.loads(result.stdout)["dead_letters"]) == (1, 1)
        gone = connector(*asked[:-1], f"{name}-none", PUBSUB_EMULATOR_HOST=address)
    document = json.loads(gone.stdout)
    assert (gone.exit_code, document["caught_up"]) == (2, None)
    assert "NotFound" in document["could_not_look_at"][0]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_cloud_logging_is_read_and_its_refusal_is_one_line(command: list[str]) -> None:
    recent = datetime.now(UTC).isoformat()
    entry = as_entry(line(1, outcome="applied", event_id="e1") | {"time": recent})
    with CloudLoggingServer([entry]) as server:
        environ = {"LOGGING_EMULATOR_HOST": server.address, "HASH_KEY": SECRET}
        assert connector(*command, "--project", "p", **environ).exit_code == 0
        server.replies = [403]
        result = connector(*command, "--project", "p", **environ)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "roles/logging.viewer" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_each_command_says_where_records_can_come_from(command: list[str]) -> None:
    result = connector(*command, GOOGLE_CLOUD_PROJECT=None, HASH_KEY=SECRET)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Give --from FILE, --from - or --project ID" in result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
@pytest.mark.parametrize(
    ("options", "told"),
    [(["--since", "soon"], "is not a time"), (["--from", "/nowhere"], "cannot read /nowhere")],
)
def test_a_wrong_option_is_one_line(command: list[str], options: list[str], told: str) -> None:
    result = connector(*command, *options, HASH_KEY=SECRET)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_ctrl_c_ends_a_command_without_a_traceback(command: list[str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, *command, "--from", "-"],
        env=environment("") | {"HASH_KEY": SECRET},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    # A full pipe shows that the command reads: more than the pipe holds was taken.
    process.stdin.write((json.dumps(APPLIED) + "\n") * 2000)
    process.stdin.flush()
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
