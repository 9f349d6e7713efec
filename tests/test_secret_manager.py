"""Secrets from Google Secret Manager: Google's client with a server that speaks its protocol."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials

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


async def test_a_server_that_does_not_run_is_unreachable() -> None:
    source = SecretManager("demo", "hlr-", f"127.0.0.1:{free_port()}", patience=0.5)
    with pytest.raises(SecretsUnreachable, match="hlr-API_TOKEN"):
        async with asyncio.timeout(30):
            await source.read("API_TOKEN")
    await source.close()


async def test_a_version_that_is_not_text_is_unreachable(manager: SecretManagerServer) -> None:
    """An error of another kind would end the reading in the background."""
    manager.secrets["hlr-API_TOKEN"].append("\udcff")
    source = SecretManager("demo", "hlr-", manager.address)
    with pytest.raises(SecretsUnreachable, match="hlr-API_TOKEN is not UTF-8 text"):
        await source.read("API_TOKEN")
    await source.close()


async def test_names_that_are_read_at_once_share_one_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of several clients, only the last one would be closed."""
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(google.auth, "default", lambda: (credentials, "demo"))
    source = SecretManager(None, "hlr-")
    first, second = await asyncio.gather(source._open(), source._open())
    assert first is second
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

        # An unknown token makes the function read once, so a new version is accepted at once.
        manager.secrets["hlr-API_TOKEN"].append("rotated")
        assert function.post(event(imsi=subscriber(3)), token="rotated").status_code == 202
        assert function.post(event(imsi=subscriber(4)), token="older").status_code == 401
        reads = manager.reads
        assert function.post(event(imsi=subscriber(5)), token="unknown").status_code == 401
        assert manager.reads == reads, "it read again within 30 s"

        # While Secret Manager is down, the cached secrets stay in use.
        manager.stop()
        assert function.post(event(imsi=subscriber(6)), token="rotated").status_code == 202
    assert "rotated" not in function.output()
    assert "Bearer" not in function.output()


def test_a_rotated_secret_with_an_empty_token_is_not_used(
    manager: SecretManagerServer, env: dict[str, str], system: ScriptedServer, tmp_path: Path
) -> None:
    with Function(tmp_path / "log", env) as function:
        manager.secrets["hlr-API_TOKEN"].append("next,")
        assert function.post(event(imsi=subscriber(1)), token="next").status_code == 401
        assert function.post(event(imsi=subscriber(1)), token="newest").status_code == 202
        record = function.record(secret="API_TOKEN")
        assert record["severity"] == "WARNING"
        assert record["cause"].endswith("must be one or several tokens, none of them empty")
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
        assert len(system.requests) == 3, "a call was repeated without newer credentials"


def test_a_new_version_is_read_in_the_background(
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


@pytest.mark.parametrize("fault", ["denied", "missing"])
def test_the_log_says_why_the_start_failed(
    fault: str, manager: SecretManagerServer, env: dict[str, str], tmp_path: Path
) -> None:
    if fault == "denied":
        manager.denied = True
    else:
        del manager.secrets["hlr-WTL_API_TOKEN"]
    function = Function(tmp_path / "log", env)
    assert function.process.wait(60) == 1
    function.client.close()
    told = function.lines()
    assert [line["message"] for line in told] == ["the connector cannot start"]
    expected = "PermissionDenied for hlr-" if fault == "denied" else "WTL_API_TOKEN: is required"
    assert expected in told[0]["cause"]
    assert any(expected in problem for problem in told[0]["problems"])
