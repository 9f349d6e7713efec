"""`connector run MAPPING`: a function and the counterpart of a mapping file."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connector_tools.program import Program, free_port
from tests.support import ROOT
from tests.support.mapping_files import change

COMMAND = [sys.executable, "-m", "connector_tools.cli", "run"]
EVENT = ROOT / "mappings" / "events" / "sim-updated.json"


def test_an_event_is_shown_with_what_the_system_then_holds() -> None:
    port = free_port()
    program = Program([*COMMAND, "wtl-hlr-hss", "--port", str(port)], {})
    program.start()
    try:
        told = ""
        while "Ctrl-C stops both" not in told:
            told += f"{program.line(60)}\n"
        (token,) = re.findall(r"Token +(\S+)", told)
        answer = httpx.post(
            f"http://127.0.0.1:{port}/process-event",
            content=EVENT.read_bytes(),
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 202
        shown = "\n".join(str(program.line(20)) for _ in range(6))
        assert "applied" in shown
        assert "\n  POST http://" in shown
        assert '"420700000001"' in shown
        assert "\n    -> 200 " in shown
        assert (
            "\n  001010000000001: served True, number 420700000001, product cs-pp-20250319" in shown
        )
        assert token not in shown
    finally:
        program.stop()
    assert program.process.returncode == 0


def test_the_example_is_an_event_for_which_the_mapping_has_a_rule() -> None:
    program = Program([*COMMAND, "stalker-iptv", "--port", str(free_port())], {})
    program.start()
    try:
        told = ""
        while "Ctrl-C stops both" not in told:
            told += f"{program.line(60)}\n"
    finally:
        program.stop()
    assert "mappings/events/subscriber-" in told


@contextmanager
def running(*arguments: str) -> Iterator[tuple[Program, str, str]]:
    """A program that serves, with its URL and its token."""
    port = free_port()
    program = Program([*COMMAND, *arguments, "--port", str(port)], {})
    program.start()
    try:
        told = ""
        while "Ctrl-C stops both" not in told:
            line = program.line(60)
            assert line is not None, told
            told += f"{line}\n"
        (token,) = re.findall(r"Token +(\S+)", told)
        yield program, f"http://127.0.0.1:{port}/process-event", token
    finally:
        program.stop()
    assert program.process.returncode == 0


def post(url: str, token: str, event: Path) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(url, content=event.read_bytes(), headers=headers, timeout=20).status_code


def lines_until(program: Program, end: str) -> str:
    told = ""
    while end not in told:
        line = program.line(20)
        assert line is not None, told
        told += f"{line}\n"
    return told


def test_a_file_of_ones_own_is_served_with_the_replies_of_its_tests(mapping: Path) -> None:
    with running(str(mapping)) as (program, url, token):
        assert post(url, token, mapping.parent / "event.json") == 202
        told = lines_until(program, "->")
    assert "applied" in told
    assert "PUT http://system.test/sims/001010000000001" in told


def test_the_line_that_sends_an_event_can_be_pasted(mapping: Path) -> None:
    port = free_port()
    program = Program([*COMMAND, str(mapping), "--port", str(port)], {})
    program.start()
    try:
        told = lines_until(program, "Ctrl-C stops both")
        (line,) = re.findall(r"(?m)^  connector (send .*)$", told)
        done = subprocess.run(
            [*COMMAND[:-1], *shlex.split(line)], capture_output=True, text=True, check=False
        )
    finally:
        program.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 event: 1 accepted, 0 not" in done.stdout


def test_a_changed_file_is_served_and_the_difference_told(mapping: Path) -> None:
    with running(str(mapping), "--watch") as (program, url, token):
        change(mapping, 'put: "/sims/', 'put: "/cards/')
        told = lines_until(program, "PUT")
        assert "crm.yaml was changed, and serves now.\nDifferent for the example event:" in told
        assert post(url, token, mapping.parent / "event.json") == 202
        assert "/cards/001010000000001" in lines_until(program, "    ->")


def test_a_file_with_errors_is_not_served_and_the_old_one_goes_on(mapping: Path) -> None:
    with running(str(mapping), "--watch") as (program, url, token):
        change(mapping, "imsi:{{ sim.imsi }}", "imsi:{{ sim.imsy }}")
        told = lines_until(program, "goes on serving: it has errors")
        assert re.search(r"crm\.yaml:\d+:\d+: error: .*did you mean `.*imsi`", told)
        assert post(url, token, mapping.parent / "event.json") == 202
        assert "/sims/001010000000001" in lines_until(program, "->")


def test_without_watch_a_changed_file_is_not_read(mapping: Path) -> None:
    with running(str(mapping)) as (program, url, token):
        change(mapping, 'put: "/sims/', 'put: "/cards/')
        assert program.line(3) is None
        assert post(url, token, mapping.parent / "event.json") == 202
        assert "/sims/001010000000001" in lines_until(program, "->")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.yaml"], "there is no mapping file `nothing.yaml`"),
        (["wtl-hlr-hss", "--counterpart", "nothing.py"], "there is no file nothing.py"),
        (["--watch"], "name a mapping file"),
        (["mappings/README.md"], "README.md:4:27: error: not YAML"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments: list[str], told: str) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_a_partners_own_counterpart_is_run_from_its_file(tmp_path: Path) -> None:
    """The page's example, with a mapping file of a few lines."""
    page = (ROOT / "docs" / "counterparts.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"(?ms)^```python counterpart\.py\n(.*?)^```$", page)
    assert len(code.splitlines()) <= 55
    (tmp_path / "counterpart.py").write_text(code)
    (tmp_path / "panel.yaml").write_text(PANEL)
    done = subprocess.run(
        [
            *(*COMMAND[:-1], "simulate", "mapping", "panel.yaml", "--counterpart"),
            *("counterpart.py", "--events", "60", "--subscribers", "10", "--rate", "2"),
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "panel with a stand-in of my panel" in done.stdout
    assert "Converged: 0 of " in done.stdout


PANEL = """\
name: panel
summary: Keeps the subscribers of a panel in step with PortaBilling.
settings:
  url: {env: PANEL_URL, type: url}
  token: {secret: PANEL_TOKEN}
system:
  http: {base_url: =settings.url, auth: {bearer: =settings.token}, timeout: 2s}
  replies: [{if: reply.status == 409, outcome: failed, because: another SIM has the number}]
values:
  open: =account.bill_status == 'open'
  out: [blocked, customer_blocked, suspended, customer_suspended, closed, inactive, expired,
    customer_provisionally_terminated, not_yet_active]
  served: =open and not account.blocked and account.status not in out
  number: =account.msisdn if account.bill_status in ['open', 'suspended']
  old: =prev_sim.i_account
  left: =prev_sim.imsi and prev_sim.imsi != sim.imsi and old in [none, event.i_account]
rules:
  - name: a subscriber changed
    on: [SIM/Created, SIM/Updated]
    ignore: [{if: not sim.i_account, because: the SIM has no account yet}]
    require: &known
      - {that: sim.imsi is imsi, because: IMSI must be 15 digits}
      - {that: account, because: the account is missing}
    calls: &tell
      - subject: imsi:{{ sim.imsi }}
        put: /subscribers/{{ sim.imsi }}
        json: {imsi: =sim.imsi, number: =number, active: =served}
  - name: a SIM was taken away
    on: SIM/Replaced
    when: not sim.imsi
    ignore: [{if: not left, because: no SIM was taken away}]
    require: [{that: prev_sim.imsi is imsi, because: IMSI must be 15 digits}]
    calls:
      - &release
        subject: imsi:{{ prev_sim.imsi }}
        releases: true
        put: /subscribers/{{ prev_sim.imsi }}
        json: {imsi: =prev_sim.imsi, number: null, active: false}
  - name: a SIM was swapped
    on: SIM/Replaced
    when: left
    require:
      - {that: prev_sim.imsi is imsi, because: IMSI must be 15 digits}
      - {that: sim.imsi is imsi, because: IMSI must be 15 digits}
      - {that: account, because: the account is missing}
    calls:
      - *release
      - subject: imsi:{{ sim.imsi }}
        put: /subscribers/{{ sim.imsi }}
        json: {imsi: =sim.imsi, number: =number, active: =served}
  - name: a SIM was assigned
    on: SIM/Replaced
    require: *known
    calls: *tell
  - name: a SIM left the inventory
    on: SIM/Deleted
    require: [{that: sim.imsi is imsi, because: IMSI must be 15 digits}]
    calls:
      - subject: imsi:{{ sim.imsi }}
        delete: /subscribers/{{ sim.imsi }}
        accept: [404]
"""
