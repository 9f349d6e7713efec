"""`make demo`: a subscriber's life, and that a line that is wrong is told."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace

import pytest

from connector_tools.stack.demo import DemoStep, Observation, differences, play, report, steps
from connector_tools.stack.stack import Stack
from tests.support import ROOT
from tests.support.stack import SECONDS, environment, paste


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "connector_tools.stack.demo"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        cwd=ROOT,
        env=environment(COLUMNS="40"),
    )


def test_the_demo_shows_a_subscribers_life_with_every_line_as_it_must_be(
    demo: subprocess.CompletedProcess[str],
) -> None:
    served = "granted 420700000001"
    assert demo.returncode == 0, demo.stdout + demo.stderr
    _, *rows, last = demo.stdout.splitlines()
    assert last == "12 of 12 lines are as they must be"
    cells = [re.split(r" {2,}", row) for row in rows]
    assert [(row[1][:3], *row[2:]) for row in cells] == [
        ("202", "ignored", "no record", "no record", "ok"),
        ("202", "applied", f"{served} mobile-m", "no record", "ok"),
        ("202", "applied", f"{served} mobile-l", "no record", "ok"),
        ("202", "applied", "barred 420700000001 mobile-l", "no record", "ok"),
        ("202", "applied", f"{served} mobile-l", "no record", "ok"),
        ("202", "duplicate", f"{served} mobile-l", "no record", "ok"),
        ("202", "superseded", f"{served} mobile-l", "no record", "ok"),
        ("401", "unauthorized", f"{served} mobile-l", "no record", "ok"),
        ("503", "unavailable", f"{served} mobile-l", "no record", "ok"),
        ("202", "applied", "barred (no number) mobile-l", f"{served} mobile-l", "ok"),
        ("202", "applied", "barred (no number) mobile-l", "barred (no number) mobile-l", "ok"),
        ("202", "applied", "no record", "barred (no number) mobile-l", "ok"),
    ]


def test_the_demo_tells_each_answer_in_full_and_aligned_where_nobody_looks(
    demo: subprocess.CompletedProcess[str],
) -> None:
    head, *rows, _ = demo.stdout.splitlines()
    assert "\x1b" not in demo.stdout
    assert "202 Event ignored: superseded by a newer event" in demo.stdout
    for name in ("answer", "outcome", "HLR: old SIM", "HLR: new SIM"):
        start = head.index(name)
        assert {row[start - 2 : start] for row in rows} == {"  "}
        assert " " not in {row[start] for row in rows}


def as_it_must_be(step: DemoStep) -> Observation:
    return Observation(step.status, "a message", step.outcome, step.old, step.new)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"status": 500}, "status is 500, not 202"),
        ({"outcome": "failed"}, "outcome is 'failed', not 'applied'"),
        ({"old": "no record"}, "old is 'no record', not 'barred (no number) mobile-l'"),
        ({"new": "no record"}, "new is 'no record', not 'granted 420700000001 mobile-l'"),
    ],
)
def test_whatever_is_not_as_it_must_be_is_told(wrong: dict[str, int | str], told: str) -> None:
    step = next(step for step in steps() if step.name == "the retry after it")
    assert list(differences(step, as_it_must_be(step))) == []
    seen = replace(as_it_must_be(step), **wrong)  # type: ignore[arg-type]
    assert list(differences(step, seen)) == [told]


def test_one_wrong_line_fails_the_demo_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [(step, as_it_must_be(step)) for step in steps()]
    assert report(lines) == 0
    step, seen = lines[5]
    lines[5] = step, replace(seen, outcome="applied")
    assert report(lines) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-2] == f"WRONG  {step.name}: outcome is 'applied', not 'duplicate'"
    assert told[-1] == "11 of 12 lines are as they must be"


def test_an_hlr_that_does_not_do_as_it_should_fails_the_demo(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Here somebody else's SIM holds the number, so that the HLR refuses it."""
    with Stack() as stack:
        thief = {"action": "insert", "imsi": "001010000000009", "msisdn": ["420700000001"]}
        token = f"Authorization: Bearer {stack.hlr_token}"
        to = f"curl --noproxy '*' -sS -H '{token}' {stack.hlr_url}/prov"
        stolen = paste(f"{to} -d {shlex.quote(json.dumps(thief))}")
        assert json.loads(stolen.stdout) == {"result": True}
        assert report(play(stack)) == 1
    told = capsys.readouterr().out
    assert "WRONG  SIM assigned to an account: status is 500, not 202, outcome is 'failed'" in told
    assert "WRONG  a wrong token: status" not in told
