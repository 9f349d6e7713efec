"""The files of Docker Compose and Docker Swarm, without a Docker engine.

Their form is checked with the JSON schema of the Compose Specification (`compose_spec.json`, from
Docker Compose 1.29.2, Apache-2.0). Their settings are read as the connector reads them. And the
function of each file runs as nearly as this machine can do it: as the image's user, without
capabilities, on a file system that cannot be written but for /data and /tmp, with secrets as files.
Not covered: Docker itself, the network between containers, and how Swarm places and replaces tasks.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft7Validator

from connector import settings
from connector_tools.program import free_port, kept_environment
from tests.support import ROOT
from tests.support.events import event
from tests.support.function import TOKEN
from tests.support.postgresql import PASSWORD, new_database, shared
from tests.support.scripted import ScriptedServer

pytestmark = pytest.mark.deployment

FOLDER = ROOT / "containers"
FILES = sorted(file.name for file in FOLDER.glob("*.yaml"))
STACKS = [name for name in FILES if name.startswith("stack")]
USER = "10001"
SECRETS = {
    "API_TOKEN": TOKEN,
    "HASH_KEY": "a-key-of-the-tests",
    "WTL_API_TOKEN": "token",
    "LEDGER_PASSWORD": PASSWORD,
}
# The stage of the Dockerfile that makes the image of the function.
IMAGE = (ROOT / "Dockerfile").read_text().partition(" AS function\n")[2].partition("\nFROM ")[0]


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


def service(name: str) -> dict[str, Any]:
    (found,) = document(name)["services"].values()
    return dict(found)


def replicas(name: str) -> int:
    return int(service(name).get("deploy", {}).get("replicas", 1))


def image_environment() -> dict[str, str]:
    """What the Dockerfile sets."""
    return dict(re.findall(r"(?m)^ENV (\w+)=(.*)$", IMAGE))


def environment(name: str, slot: int = 1) -> dict[str, str]:
    """The variables of a container: those of the image, and those of the file, filled in."""
    given = {key: str(value) for key, value in service(name)["environment"].items()}
    filled = {key: value.replace("{{.Task.Slot}}", str(slot)) for key, value in given.items()}
    return image_environment() | filled


def seconds(text: str) -> float:
    """The seconds of a duration as Compose writes it."""
    number = re.fullmatch(r"(\d+)s", text)
    assert number, text
    return float(number[1])


def test_there_is_a_file_for_each_way() -> None:
    assert FILES == ["docker-compose.yaml", "stack-postgresql.yaml", "stack.yaml"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_the_form_of_the_compose_specification(name: str) -> None:
    schema = json.loads(Path(__file__).with_name("compose_spec.json").read_text())
    problems = [error.message for error in Draft7Validator(schema).iter_errors(document(name))]
    assert problems == []
    broken = document(name) | {"servces": {}}
    assert list(Draft7Validator(schema).iter_errors(broken))


@pytest.mark.parametrize("name", FILES)
def test_each_replica_of_a_file_may_start(name: str) -> None:
    for slot in range(1, replicas(name) + 1):
        settings.read(environment(name, slot))


@pytest.mark.parametrize("name", STACKS)
def test_the_replica_after_those_of_a_stack_starts_only_with_a_ledger_that_it_can_share(
    name: str,
) -> None:
    """As after `docker service scale`: Swarm tells each replica its number."""
    more = environment(name, replicas(name) + 1)
    if settings.read(environment(name)).shares_ledger:
        settings.read(more)
        return
    with pytest.raises(settings.BadSettings, match="REPLICA: must be 1 with a ledger in memory"):
        settings.read(more)


@pytest.mark.parametrize("name", FILES)
def test_a_ledger_that_cannot_be_shared_has_one_instance_at_a_time(name: str) -> None:
    """Also during an update."""
    found = service(name)
    if settings.read(environment(name)).shares_ledger:
        assert replicas(name) > 1
        return
    assert replicas(name) == 1
    if name in STACKS:
        deploy = found["deploy"]
        assert deploy["update_config"]["order"] == "stop-first"
        assert deploy["rollback_config"]["order"] == "stop-first"
        assert deploy["placement"]["constraints"], "the volume exists on one node only"
    else:
        assert found["container_name"], "Docker Compose scales a service without a name"


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_sqlite_is_on_a_volume_that_remains(name: str) -> None:
    url = settings.read(environment(name)).LEDGER_URL
    volumes = {entry["target"]: entry for entry in service(name)["volumes"]}
    if isinstance(url, settings.SqliteUrl):
        assert volumes[str(url.path.parent)]["type"] == "volume"
        assert volumes[str(url.path.parent)]["source"] in document(name)["volumes"]
    else:
        assert "volumes" not in document(name)


@pytest.mark.parametrize("name", FILES)
def test_events_in_flight_end_before_a_container_is_killed(name: str) -> None:
    """`connector/doors/server.py` gives them the budget and five seconds."""
    budget = settings.read(environment(name)).EVENT_BUDGET
    assert seconds(service(name)["stop_grace_period"]) > budget + 5


@pytest.mark.parametrize("name", FILES)
def test_a_container_can_do_no_more_than_it_needs(name: str) -> None:
    found = service(name)
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert "cap_add" not in found
    assert "privileged" not in found
    assert {"max-size", "max-file"} <= found["logging"]["options"].keys()
    tmpfs = [entry["target"] for entry in found["volumes"] if entry["type"] == "tmpfs"]
    assert tmpfs == ["/tmp"]  # noqa: S108 - in the container
    if name in STACKS:  # Swarm ignores security_opt; docs/outside-google.md names the daemon's
        assert "security_opt" not in found
        assert "no-new-privileges" in (ROOT / "docs" / "outside-google.md").read_text()
        assert found["deploy"]["resources"]["limits"]["memory"]
    else:
        assert found["security_opt"] == ["no-new-privileges:true"]
        assert found["mem_limit"]


@pytest.mark.parametrize("name", FILES)
def test_secrets_are_files_that_only_the_user_of_the_image_can_read(name: str) -> None:
    environ = environment(name)
    assert environ["SECRETS"] == "file:/run/secrets"
    assert not SECRETS.keys() & environ.keys()
    wanted = {"API_TOKEN", "HASH_KEY", "WTL_API_TOKEN"}
    if isinstance(settings.read(environ).LEDGER_URL, settings.PostgresqlUrl):
        wanted.add("LEDGER_PASSWORD")
    given = service(name)["secrets"]
    assert document(name)["secrets"].keys() == wanted
    if name in STACKS:
        assert {one["source"] for one in given} == wanted
        assert {(one["uid"], one["mode"]) for one in given} == {(USER, 0o400)}
        assert f"--uid {USER}" in IMAGE
    else:
        assert set(given) == wanted


@pytest.mark.parametrize("name", FILES)
def test_the_health_check_is_that_of_the_image(name: str) -> None:
    image = re.search(r"HEALTHCHECK .* CMD (\[.*\])", IMAGE)
    assert image
    assert service(name)["healthcheck"]["test"] == ["CMD", *json.loads(image[1])]


_SET_UP = """
set -e
mount --bind / {root}
mount -o remount,ro,bind {root}
mount --bind {data} {root}{data}
mount -t tmpfs -o mode=1777 tmpfs {root}/tmp
mkdir -p {root}{place}
mount --bind {place} {root}{place}
mount -o remount,ro,bind {root}{place}
mount --bind {data} {root}{data}
{python}
cd {root}
exec chroot . setpriv --reuid={user} --regid={user} --clear-groups --no-new-privs \\
    --bounding-set=-all --inh-caps=-all sh -c 'cd {app} && exec {command}'
"""


def _reachable(root: Path) -> str:
    """Commands that let any user reach this Python, also if it is in the home of root."""
    lines = []
    for home in {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()}:
        closed = [one for one in reversed(home.parents) if not one.stat().st_mode & 0o001]
        for one in closed[:1]:
            lines += [
                f"mount -t tmpfs -o mode=755 tmpfs {root}{one}",
                f"mkdir -p {root}{home}",
                f"mount --bind {home} {root}{home}",
                f"mount -o remount,ro,bind {root}{home}",
            ]
    return "\n".join(lines)


def _can_make_namespaces() -> bool:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return False
    done = subprocess.run(["/usr/bin/unshare", "--mount", "true"], check=False, capture_output=True)
    return done.returncode == 0


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the image's user can reach: the code, the secrets, and the volume."""
    if not _can_make_namespaces():
        pytest.skip("only root can make a read-only file system for the function")
    found = Path("/var/tmp") / f"nsps-container-{os.getpid()}"  # noqa: S108 - removed at the end
    shutil.rmtree(found, ignore_errors=True)
    app, data, secrets = found / "app", found / "data", found / "secrets"
    for folder in (app, data, secrets, found / "root"):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "main.py", app)
    for package in ("connector", "mappings"):
        shutil.copytree(ROOT / package, app / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, value in SECRETS.items():
        (secrets / name).write_text(value + "\n")
        (secrets / name).chmod(0o400)
        os.chown(secrets / name, int(USER), int(USER))
    os.chown(data, int(USER), int(USER))
    yield found
    shutil.rmtree(found)


@contextmanager
def running(place: Path, environ: dict[str, str]) -> Iterator[str]:
    """Run the image's command; yields its URL."""
    port = str(free_port())
    command = json.loads(re.findall(r"(?m)^CMD (\[.*\])$", IMAGE)[-1])
    program = [sys.executable, "-m", command[0].replace("-", "_"), *command[1:]]
    app, data = place / "app", place / "data"
    script = _SET_UP.format(
        root=place / "root",
        python=_reachable(place / "root"),
        place=place,
        app=app,
        data=data,
        user=USER,
        command=shlex.join([*program, "--host", "127.0.0.1"]),
    )
    given = kept_environment() | environ | {"PORT": port, "PATH": os.environ["PATH"]}
    log = (place / "log").open("w")
    with (
        log,
        subprocess.Popen(
            ["/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            env=given,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", place / "log")
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


@pytest.mark.parametrize("name", FILES)
def test_the_function_of_a_file_serves_and_keeps_its_ledger(
    name: str, place: Path, system: ScriptedServer
) -> None:
    environ = environment(name)
    environ["WTL_API_URL"] = system.url
    environ["SECRETS"] = environ["SECRETS"].replace("/run/secrets", str(place / "secrets"))
    if environ["LEDGER_URL"].startswith("postgresql:"):
        url = new_database(shared())
        environ["LEDGER_URL"] = (
            f"postgresql://{url.user}@{url.host}:{url.port}/{url.database}?sslmode=disable"
        )
    environ["LEDGER_URL"] = environ["LEDGER_URL"].replace("//data/", f"/{place}/data/")
    posted, headers = event(), {"Authorization": f"Bearer {TOKEN}"}
    for expected in ("Event accepted for processing", "Event ignored: already applied"):
        with running(place, environ) as address:
            answer = httpx.post(address, json=posted, headers=headers, trust_env=False)
            assert answer.json() == {"message": expected}, (place / "log").read_text()
    assert len(system.requests) == 1
    assert not list((place / "app").rglob("__pycache__"))
