"""The command line from the wheel, installed outside the repository and run in an empty folder."""

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from connector_tools.program import Program, free_port
from tests.support.wheel import installed

pytestmark = pytest.mark.deployment
Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("installed"))


def run(program: Path, folder: Path, *arguments: str) -> Run:
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_is_the_installed_program_that_runs(program: Path, tmp_path: Path) -> None:
    """Guards the other tests: the repository must not be importable there."""
    python = program.parent / "python"
    code = "import connector, connector_tools.program as p; print(connector.__file__, p.ROOT)"
    told = subprocess.run(
        [str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert [Path(one).is_relative_to(program.parent.parent) for one in told] == [True, True]


def test_the_demo_runs(program: Path, tmp_path: Path) -> None:
    done = run(program, tmp_path, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 of 12 lines are as they must be" in done.stdout


@pytest.mark.parametrize("entry", ["wtl-hlr-hss", "hss-ldap", "freeradius-sql", "notify-smtp"])
def test_an_entry_of_the_catalogue_is_checked(program: Path, tmp_path: Path, entry: str) -> None:
    done = run(program, tmp_path, "check", entry)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no lints" in done.stdout


def test_the_tests_of_an_entry_run(program: Path, tmp_path: Path) -> None:
    done = run(program, tmp_path, "test", "notify-kannel")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout


def test_a_new_mapping_is_written_checked_tested_and_explained(
    program: Path, tmp_path: Path
) -> None:
    for arguments in (
        ("new", "acme"),
        ("check", "acme.yaml"),
        ("test", "acme.yaml"),
        ("explain", "acme.yaml", "events/sim-updated.json"),
    ):
        done = run(program, tmp_path, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "PUT https://" in done.stdout or "/subscribers/001010000000001" in done.stdout


def test_the_simulation_runs(program: Path, tmp_path: Path) -> None:
    arguments = ("--events", "100", "--subscribers", "20", "--seed", "1")
    for system in ("wtl", "hss"):
        done = run(program, tmp_path, "simulate", "virtual", "--system", system, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_documents_are_printed(program: Path, tmp_path: Path) -> None:
    assert json.loads(run(program, tmp_path, "openapi").stdout)["info"]["version"] == "0.1.0"
    assert json.loads(run(program, tmp_path, "schema").stdout)["properties"]
    assert run(program, tmp_path, "--version").stdout == "connector 0.1.0\n"


def test_an_event_is_sent_to_what_runs(program: Path, tmp_path: Path) -> None:
    port = free_port()
    running = Program([str(program), "run", "wtl-hlr-hss", "--port", str(port)], {})
    running.folder = tmp_path
    running.start()
    try:
        told = ""
        while "Ctrl-C stops both" not in told:
            told += f"{running.line(60)}\n"
        (token,) = set(re.findall(r"Token +(\S+)", told))
        (event,) = set(re.findall(r"(\S+/events/\S+\.json)", told))
        assert Path(event.lstrip("@")).is_relative_to(program.parent.parent)
        answer = httpx.post(
            f"http://127.0.0.1:{port}/process-event",
            content=Path(event.lstrip("@")).read_bytes(),
            headers={"Authorization": f"Bearer {token}"},
        )
        assert (answer.status_code, answer.json()["message"]) == (
            202,
            "Event accepted for processing",
        )
    finally:
        running.stop()


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    done = run(installed(tmp_path, with_packages=False), tmp_path, "demo")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("pip install 'nsps-connector[cli]'\n")
    assert len(done.stderr.splitlines()) == 1
