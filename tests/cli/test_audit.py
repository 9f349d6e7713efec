"""`connector audit` as an operator runs it."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector import log
from tests.support.audits import MAPPING, variables
from tests.support.command_line import app
from tests.support.events import event, subscriber
from tests.support.hss_server import HssServer, number_of, served

A, B, C = (subscriber(number) for number in (1, 2, 3))
PERSONAL = re.compile(f"{A}|{B}|{C}|{number_of(A)}|{number_of(B)}|Ada|example.com")
FAST = ("--rate", "1000", "--again", "0")


@pytest.fixture
def hss() -> Iterator[HssServer]:
    """An HSS that holds A as it should be, B barred, and not C."""
    with HssServer().in_thread() as server:
        for imsi in (A, B):
            server.serve(imsi, number_of(imsi))
        server.hss.subscribers[B].fields["state"] = "barred"
        yield server


@pytest.fixture
def run(hss: HssServer, tmp_path: Path) -> Any:
    """Runs the command on events of A, B and C; `events` are others, `more` are variables."""

    def audited(*options: str, events: Any = None, **more: str | None) -> Result:
        given = [served(imsi) for imsi in (A, B, C)] if events is None else events
        (tmp_path / "events.json").write_text(json.dumps(given))
        env: dict[str, str | None] = {**variables(hss, tmp_path / "ledger.db"), **more}
        line = ["audit", str(MAPPING), "--events", str(tmp_path / "events.json"), *FAST, *options]
        return CliRunner().invoke(app, line, env=env)

    return audited


def test_without_differences_the_exit_code_is_0(run: Any, hss: HssServer) -> None:
    told = run(events=[served(A)])
    assert told.exit_code == 0, told.output
    assert "1 subject checked: 0 missing, 0 extra, 0 different" in told.stdout
    assert "the round is complete" in told.stdout
    assert hss.writes == []


def test_differences_are_shown_by_kind_and_masked(run: Any, hss: HssServer) -> None:
    told = run()
    assert told.exit_code == 1, told.output
    assert "missing: 2 (the system lacks it)\n" in told.stdout
    assert 'subscriber.state: wanted "active", found "barred"\n' in told.stdout
    assert not PERSONAL.search(told.output)
    assert hss.writes == []


def test_with_clear_they_are_shown_in_full(run: Any) -> None:
    told = run("--clear")
    assert f"imsi:{B} (" in told.stdout


def test_numbers_of_other_subscribers_that_are_found_are_masked(run: Any, hss: HssServer) -> None:
    hss.hss.subscribers[A].number = "420999"
    told = run(events=[served(A)])
    assert "420999" not in told.stdout
    assert 'found "******"' in told.stdout


def test_json_has_the_counts_and_each_finding(run: Any) -> None:
    told = run("--json")
    report = json.loads(told.stdout)
    assert told.exit_code == 1
    assert report["counts"] == {
        "missing": 2,
        "extra": 0,
        "different": 1,
        "double": 0,
        "unreadable": 0,
    }
    assert report["drift"] == len(report["findings"]) == 3
    assert re.fullmatch("[0-9a-f]{16}", report["findings"][0]["subject_hash"])
    assert not PERSONAL.search(told.stdout)


def test_log_lines_have_counts_and_no_values(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log._WRITER, "stream", sys.stdout)
    told = run("--log")
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    ended = lines[-1]
    assert ended["message"] == "audit ended"
    assert (ended["severity"], ended["drift"], ended["missing"]) == ("WARNING", 3, 2)
    found = [line for line in lines if line["message"] == "audit found"]
    assert {(one["kind"], one["resource"]) for one in found} == {
        ("different", "subscriber"),
        ("missing", "subscriber"),
        ("missing", "number"),
    }
    assert all("wanted" not in one and "found" not in one for one in found)
    assert not PERSONAL.search(told.stdout)


def test_a_repair_is_only_counted_without_send(run: Any, hss: HssServer) -> None:
    told = run("--repair", "missing,different")
    assert told.exit_code == 1
    assert "would repair 2 subjects; with --send, they are repaired" in told.stdout
    assert hss.writes == []


def test_with_send_the_chosen_kinds_are_repaired(run: Any, hss: HssServer) -> None:
    hss.hss.keys.add(C)
    told = run("--repair", "missing,different", "--send")
    assert told.exit_code == 0, told.output
    assert hss.hss.subscribers[B].fields["state"] == "active"
    assert hss.hss.subscribers[C].number == number_of(C)
    assert run().exit_code == 0


def test_too_many_repairs_are_not_sent(run: Any, hss: HssServer) -> None:
    told = run("--repair", "missing,different", "--send", "--at-most", "1")
    assert told.exit_code == 1
    assert hss.writes == []


def test_what_should_not_be_there_is_removed_only_if_asked(run: Any, hss: HssServer) -> None:
    hss.serve(C, number_of(C))
    events = [served(A)]
    hss.hss.subscribers[B].fields["state"] = "active"
    assert run("--repair", "missing,different", "--send", events=events).exit_code == 1
    assert hss.writes == []
    told = run("--remove", "extra", "--send", events=events)
    assert told.exit_code == 0, told.output
    assert list(hss.hss.subscribers) == [A]


def known(folder: Path, until: str) -> str:
    file = folder / "known.yaml"
    file.write_text(
        f"- {{subject: 'imsi:{B}', resource: subscriber, because: a test SIM, owner: ops, "
        f"until: {until}}}\n"
    )
    return str(file)


def test_known_differences_do_not_count_until_their_day(run: Any, tmp_path: Path) -> None:
    events = [served(A), served(B)]
    told = run("--known", known(tmp_path, "2999-01-01"), events=events)
    assert told.exit_code == 0, told.output
    assert "a test SIM (ops, until 2999-01-01)" in told.stdout
    told = run("--known", known(tmp_path, "2026-01-01"), events=events)
    assert told.exit_code == 1
    assert "expired: a test SIM (ops, until 2026-01-01)" in told.stdout


def test_a_known_difference_that_is_gone_is_told(run: Any, tmp_path: Path) -> None:
    told = run("--known", known(tmp_path, "2999-01-01"), events=[served(A)])
    assert "no difference any more: a test SIM" in told.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {subject: x}", "0.because: Field required"),
        ("- {subject: x, why: y, because: z, owner: o, until: 2026-01-01}", "Extra inputs"),
        ("{", "not YAML"),
    ],
)
def test_a_wrong_file_of_known_differences_is_refused(
    run: Any, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "known.yaml").write_text(text)
    told = run("--known", str(tmp_path / "known.yaml"))
    assert told.exit_code == 2
    assert said in told.stderr
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "more", "said"),
    [
        (("--repair", "all"), {}, "unknown kind `all`; kinds: missing, different, double"),
        (("--remove", "missing"), {}, "only `extra` can be removed"),
        (("--send",), {"LEDGER_URL": "memory:"}, "set LEDGER_URL"),
        ((), {"HSS_API_URL": None}, "HSS_API_URL"),
        (("--known", "/no/such.yaml"), {}, "cannot read"),
        (("--progress", "/no/such/file"), {}, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    run: Any, options: tuple[str, ...], more: dict[str, str | None], said: str
) -> None:
    told = run(*options, **more)
    assert told.exit_code == 2, told.output
    assert said in told.stderr
    assert "Traceback" not in told.output
    assert len(told.stderr.splitlines()) == 1


def test_events_that_are_no_json_are_refused_with_their_place(run: Any) -> None:
    told = run(events=[7])
    assert told.exit_code == 2
    assert "event 1" in told.stderr


def test_a_ledger_that_keeps_nothing_is_told(hss: HssServer, tmp_path: Path) -> None:
    env = variables(hss, tmp_path / "ledger.db")
    told = CliRunner().invoke(app, ["audit", str(MAPPING), *FAST], env=env)
    assert told.exit_code == 2
    assert "the ledger keeps no events: set KEEP_STATE" in told.stderr


def test_a_system_that_is_away_ends_the_audit(run: Any, hss: HssServer) -> None:
    hss.status = 503
    events = [served(subscriber(number)) for number in range(1, 40)]
    told = run(events=events)
    assert told.exit_code == 2, told.output
    assert "the external system does not answer" in told.stderr


def test_rules_that_cannot_be_audited_are_told_once(run: Any) -> None:
    told = run(events=[served(A), event("subscriber-updated"), event("subscriber-updated")])
    line = "not compared: 2: rule `a customer is told`: only plain calls, so the system can only"
    assert told.stdout.count(line) == 1
