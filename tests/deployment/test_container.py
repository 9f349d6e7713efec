"""The steps of the Dockerfile, carried out in a new directory, without a Docker engine.

These tests do not cover what Docker itself does: the base image, the user, the volume.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from connector_tools.documents.licences import pinned
from tests.support import ROOT
from tests.support.events import event
from tests.support.function import TOKEN, free_port
from tests.support.scripted import ScriptedServer

pytestmark = pytest.mark.deployment

STAGES = (ROOT / "Dockerfile").read_text().split("FROM ")[1:]


def steps(stage: str, instruction: str) -> list[str]:
    lines = [line for line in stage.splitlines() if line.startswith(instruction)]
    return [line.removeprefix(instruction).strip() for line in lines]


def arguments(stage: str) -> dict[str, str]:
    """The arguments of a stage with their defaults, as the steps name them."""
    pairs = (line.partition("=") for line in steps(stage, "ARG"))
    return {name: default for name, _, default in pairs}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the file system of the image: venv, app, data and run/secrets."""
    root = tmp_path_factory.mktemp("image")
    build, final = STAGES[:2]
    app = root / "app"
    app.mkdir()
    (root / "data").mkdir()
    (root / "run" / "secrets").mkdir(parents=True)
    for copied in steps(build, "COPY") + steps(final, "COPY"):
        *sources, target = copied.split()
        if sources[0].startswith("--from"):
            continue
        for source in sources:
            if source.endswith("/"):
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, app / target, ignore=ignored)
            else:
                shutil.copy(ROOT / source, app / target)
    for command in steps(build, "RUN"):
        done = command.replace("/venv", str(root / "venv")).replace("python ", f"{sys.executable} ")
        env = {**os.environ, **arguments(build)}
        subprocess.run(done, shell=True, check=True, cwd=app, env=env, capture_output=True)  # noqa: S602
    return root


def environment(image: Path) -> dict[str, str]:
    """The environment variables of the image, with paths below its directory."""
    env = {"PATH": os.environ["PATH"]}
    for setting in steps(STAGES[1], "ENV"):
        name, _, value = setting.partition("=")
        value = value.replace("/venv/bin", f"{image}/venv/bin").replace("$PATH", env["PATH"])
        env[name] = value.replace("/run/secrets", f"{image}/run/secrets").replace(
            "//data/", f"/{image}/data/"
        )
    return env


def test_the_image_reads_secrets_from_files_and_keeps_its_ledger_on_the_volume(
    image: Path, system: ScriptedServer
) -> None:
    final, port = STAGES[1], str(free_port())
    env = environment(image) | {"WTL_API_URL": system.url, "PORT": port}
    secrets = {"API_TOKEN": TOKEN, "WTL_API_TOKEN": "token", "HASH_KEY": "key"}
    for name, value in secrets.items():
        (image / "run" / "secrets" / name).write_text(value)
    command = json.loads(steps(final, "CMD")[0])
    health = json.loads(steps(final, "HEALTHCHECK")[0].partition("CMD ")[2])
    posted = event()
    for expected in ("Event accepted for processing", "Event ignored: already applied"):
        with subprocess.Popen(command, cwd=image / "app", env=env) as process:
            try:
                deadline = time.monotonic() + 30
                while subprocess.run(health, env=env, check=False, capture_output=True).returncode:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                headers = {"Authorization": f"Bearer {TOKEN}"}
                url = f"http://127.0.0.1:{port}/"
                answer = httpx.post(url, json=posted, headers=headers, trust_env=False)
                assert answer.json() == {"message": expected}
            finally:
                process.terminate()
    assert len(system.requests) == 1


def test_the_image_has_only_the_files_that_the_function_needs() -> None:
    copied = {source for line in steps(STAGES[1], "COPY") for source in line.split()[:-1]}
    copied -= {"--from=build", "/venv"}
    assert copied == {"main.py", "requirements.txt", "connector/", "mappings/"}


def test_the_build_argument_chooses_the_packages_of_a_protocol_or_a_ledger(tmp_path: Path) -> None:
    """As the comment of the Dockerfile and the pages say it."""
    build = STAGES[0]
    assert arguments(build) == {"REQUIREMENTS": "requirements.txt"}
    assert steps(build, "COPY") == ["requirements.txt ./", "requirements/ ./requirements/"]
    context = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"!requirements", "!requirements.txt"} <= set(context)
    for page in ("Dockerfile", "docs/outside-google.md"):
        named = re.findall(r'--build-arg REQUIREMENTS=(?:"(.+?)"|(\S+))', (ROOT / page).read_text())
        assert named
        files = [file for several, one in named for file in (several or one).split()]
        assert all((ROOT / file).is_file() for file in files)


def test_several_lists_of_packages_can_be_installed_together() -> None:
    """The step of the Dockerfile, with a pip that resolves and installs nothing."""
    (command,) = (step for step in steps(STAGES[0], "RUN") if "pip install" in step)
    pip = f"{sys.executable} -m pip --disable-pip-version-check install --dry-run --no-index"
    done = command.replace("/venv/bin/pip install", pip)
    env = os.environ | {"REQUIREMENTS": "requirements/ldap.txt requirements/postgresql.txt"}
    subprocess.run(done, shell=True, check=True, cwd=ROOT, env=env, capture_output=True)  # noqa: S602


def test_the_image_without_a_target_is_that_of_the_function() -> None:
    assert STAGES[1].splitlines()[0].endswith(" AS function")
    assert STAGES[-1].strip() == "function"


def test_the_image_of_the_audit_has_its_code_and_its_packages() -> None:
    packages, audit = STAGES[2:4]
    assert packages.startswith("build AS")
    assert steps(packages, "COPY") == ["requirements/cli.txt ./cli.txt"]
    assert audit.startswith("function AS audit\n")
    assert "connector_tools/ ./connector_tools/" in steps(audit, "COPY")
    assert steps(audit, "USER") == []  # that of the function
    assert "!connector_tools" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_audit_runs_with_the_packages_of_its_image() -> None:
    """The command imports nothing that only developers have."""
    [line] = steps(STAGES[3], "ENTRYPOINT")
    _, *arguments_of = json.loads(line)
    code = (
        "import runpy, sys\n"
        "sys.argv = ['audit', 'audit', '--help']\n"
        "try:\n"
        "    runpy.run_module('connector_tools.cli', run_name='__main__')\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('modules', *{name.partition('.')[0] for name in sys.modules})\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert arguments_of == ["-m", "connector_tools.cli", "audit"]
    loaded = set(ran.stdout.rpartition("modules ")[2].split())
    assert {"typer", "rich"} <= loaded & pinned(ROOT / "requirements" / "cli.txt").keys()
    assert not loaded & {"pytest", "hypothesis", "psutil", "hypercorn", "schemathesis", "aiohttp"}


def test_the_image_does_not_run_as_root() -> None:
    assert steps(STAGES[1], "USER") == ["10001"]
