"""`connector inspect`: the command, as a person starts it."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connector_tools.program import Program, free_port
from tests.support import ROOT
from tests.tools.records.lines import line

COMMAND = [sys.executable, "-m", "connector_tools.cli", "inspect"]
EVENT = ROOT / "mappings" / "events" / "sim-updated.json"


@contextmanager
def started(*arguments: str) -> Iterator[tuple[Program, str, str]]:
    """The program, what it told at its start, and its URL."""
    port = free_port()
    program = Program([*COMMAND, *arguments, "--port", str(port)], {})
    program.start()
    try:
        told = ""
        while "Ctrl-C stops" not in told:
            text = program.line(60)
            assert text is not None, told
            told += f"{text}\n"
        yield program, told, f"http://127.0.0.1:{port}"
    finally:
        program.stop()


def test_an_event_is_printed_and_is_on_the_page() -> None:
    with started("wtl-hlr-hss") as (program, told, url):
        (token,) = re.findall(r"Bearer (\S+)'", told)
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(f"{url}/process-event", content=EVENT.read_bytes(), headers=headers)
        assert answer.status_code == 202
        assert "imsi:***********0001  applied     1 call" in str(program.line(20))
        shown = httpx.get(f"{url}/api/events").json()["events"]
        assert [one["outcome"] for one in shown] == ["applied"]
        page = httpx.get(url).text
        key = re.search(r'name="inspector-key" content="([^"]{16,})"', page)
        assert key and "%" not in key[1]
    assert program.process.returncode == 0


def test_the_terminal_says_whether_a_changed_file_serves(tmp_path: Path) -> None:
    """A person who edits in an editor of their own looks at the terminal, not at the page."""
    shutil.copytree(ROOT / "mappings" / "events", tmp_path / "events")
    file = Path(shutil.copy(ROOT / "mappings" / "wtl-hlr-hss.yaml", tmp_path))
    with started(str(file)) as (program, _, _url):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("rules:", "ruls:", 1), encoding="utf-8")
        assert "did you mean `rules`?" in str(program.line(20))
        assert "the old file goes on serving" in str(program.line(20))
        file.write_text(text.replace("summary:", "summary: New.", 1), encoding="utf-8")
        assert "was changed, and serves now." in str(program.line(20))


def test_ctrl_c_stops_it_also_while_a_page_is_open() -> None:
    with started("wtl-hlr-hss") as (program, _, url):
        with httpx.stream("GET", f"{url}/api/stream", timeout=30) as stream:
            assert next(stream.iter_lines()) == ": welcome"
            program.process.send_signal(signal.SIGINT)
            program.process.wait(20)
        assert program.line(5) == "Stopped."
    assert program.process.returncode == 0


def test_a_history_is_shown_and_nothing_is_served(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_text(json.dumps(line(1, outcome="applied", status=202, event_id="a")))
    with started("wtl-hlr-hss", "--history", str(log)) as (_, told, url):
        assert "1 record, read-only" in told
        assert httpx.get(f"{url}/api/state").json()["source"] == "history"
        assert httpx.post(f"{url}/process-event", content="{}").status_code == 404


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=ROOT, timeout=120
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-file.yaml"], "there is no mapping file `no-such-file.yaml`"),
        (["wtl-hlr-hss", "--counterpart", "none.py"], "none.py"),
        (["wtl-hlr-hss", "--history", "none.json"], "cannot read none.json"),
        (["wtl-hlr-hss", "--history", str(EVENT)], "no record of a connector"),
        (["wtl-hlr-hss", "--real"], "WTL_API_URL"),
    ],
)
def test_what_cannot_be_shown_ends_with_one_line(arguments: list[str], said: str) -> None:
    ended = run(*arguments, "--port", str(free_port()))
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
