"""Google Secret Manager: the real client, a server that speaks the real protocol, the function."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.secret_manager import SecretManager
from connector.secrets import SecretsUnreachable
from tests.support.events import event, subscriber
from tests.support.function import Function, environment, free_port
from tests.support.scripted import Scripted, ScriptedServer
from tests.support.secret_manager import SecretManagerServer


@pytest.fixture
def manager() -> Iterator[SecretManagerServer]:
    with SecretManagerServer() as server:
        server.secrets = {
            "hlr-API_TOKEN": ["oldest", "older", "newest"],
            "hlr-WTL_API_TOKEN": ["first"],
        }
        yield server


@pytest.fixture
def env(manager: SecretManagerServer, scripted: ScriptedServer) -> dict[str, str]:
    found = environment(
        scripted.url,
        SECRETS="gcp:hlr-",
        GOOGLE_CLOUD_PROJECT="demo",
        SECRET_MANAGER_EMULATOR_HOST=manager.address,
    )
    del found["API_TOKEN"], found["WTL_API_TOKEN"]
    return found


async def test_the_two_newest_enabled_versions_are_read(manager: SecretManagerServer) -> None:
    source = SecretManager("demo", "hlr-", manager.address)
    assert await source.read("API_TOKEN") == ("newest", "older")
    manager.secrets["hlr-API_TOKEN"] += [None, "next"]
    assert await source.read("API_TOKEN") == ("next", "newest")
    assert await source.read("NO_SUCH") == ()
    await source.close()


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    source = SecretManager("demo", "hlr-", f"127.0.0.1:{free_port()}")
    with pytest.raises(SecretsUnreachable, match="hlr-API_TOKEN"):
        await source.read("API_TOKEN")
    await source.close()


def test_the_function_serves_with_secrets_and_rotates_them_without_a_restart(
    manager: SecretManagerServer, env: dict[str, str], system: ScriptedServer, tmp_path: Path
) -> None:
    def credentials() -> list[str]:
        return [request.headers["authorization"] for request in system.requests]

    with Function(tmp_path / "log", env) as function:
        assert function.post(event(imsi=subscriber(1)), token="newest").status_code == 202
        assert function.post(event(imsi=subscriber(2)), token="older").status_code == 202
        assert credentials() == ["Bearer first"] * 2

        # An unknown token makes the function look once, and a new version is accepted at once.
        manager.secrets["hlr-API_TOKEN"].append("rotated")
        assert function.post(event(imsi=subscriber(3)), token="rotated").status_code == 202
        assert function.post(event(imsi=subscriber(4)), token="older").status_code == 401
        reads = manager.reads
        assert function.post(event(imsi=subscriber(5)), token="unknown").status_code == 401
        assert manager.reads == reads, "it looked again within 30 s"

        # Secret Manager is down: what is cached serves on.
        manager.stop()
        assert function.post(event(imsi=subscriber(6)), token="rotated").status_code == 202
    assert "rotated" not in function.output()
    assert "Bearer" not in function.output()


def test_a_token_that_was_rotated_to_nothing_opens_nothing(
    manager: SecretManagerServer, env: dict[str, str], system: ScriptedServer, tmp_path: Path
) -> None:
    with Function(tmp_path / "log", env) as function:
        manager.secrets["hlr-API_TOKEN"].append("next,")
        assert function.post(event(imsi=subscriber(1)), token="next").status_code == 202
        for header in ("Bearer", "Bearer ,", "bearer  "):
            headers = {"Authorization": header.rstrip(" ")}
            answer = function.post(event(imsi=subscriber(2)), token=None, headers=headers)
            assert answer.status_code == 401, header
    assert len(system.requests) == 1


def test_a_refused_credential_is_read_again_and_the_call_repeated_once(
    manager: SecretManagerServer, env: dict[str, str], system: ScriptedServer, tmp_path: Path
) -> None:
    def only_the_second(request: object) -> Scripted:
        good = system.requests[-1].headers["authorization"] == "Bearer second"
        return Scripted() if good else Scripted(status=401)

    with Function(tmp_path / "log", env) as function:
        system.default = only_the_second
        manager.secrets["hlr-WTL_API_TOKEN"].append("second")
        assert function.post(event(imsi=subscriber(1)), token="newest").status_code == 202
        sent = [request.headers["authorization"] for request in system.requests]
        assert sent == ["Bearer first", "Bearer second"]

        system.default = Scripted(status=401)
        answer = function.post(event(imsi=subscriber(2)), token="newest")
        assert answer.status_code == 500
        assert "credentials" in answer.json()["error"]
        assert len(system.requests) == 3, "nothing newer, so nothing to repeat with"


def test_the_background_reads_a_new_version_by_itself(
    manager: SecretManagerServer, env: dict[str, str], system: ScriptedServer, tmp_path: Path
) -> None:
    with Function(tmp_path / "log", env | {"SECRETS_REFRESH": "0.2"}) as function:
        manager.secrets["hlr-WTL_API_TOKEN"].append("second")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not function.lines(message="secrets changed"):
            time.sleep(0.05)
        function.post(event(imsi=subscriber(1)), token="newest")
        assert system.requests[-1].headers["authorization"] == "Bearer second"
        assert function.lines(message="secrets changed")


@pytest.mark.parametrize("fault", ["down", "missing"])
def test_the_start_fails_clearly(
    fault: str, manager: SecretManagerServer, env: dict[str, str], tmp_path: Path
) -> None:
    if fault == "down":
        manager.stop()
    else:
        del manager.secrets["hlr-WTL_API_TOKEN"]
    function = Function(tmp_path / "log", env)
    assert function.process.wait(60) != 0
    function.client.close()
    told = [line for line in function.lines() if line["severity"] == "CRITICAL"]
    assert [line["message"] for line in told] == ["the connector cannot start"]
    expected = "hlr-" if fault == "down" else "WTL_API_TOKEN: is required"
    assert expected in told[0]["cause"]
    assert any(expected in problem for problem in told[0]["problems"])
