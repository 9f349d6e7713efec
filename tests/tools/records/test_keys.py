"""Where the key of the hashes is found, and which comes first."""

from pathlib import Path

import pytest

from connector.pipeline import hash_key
from connector_tools.records.keys import find_keys
from connector_tools.records.record import CannotRead
from tests.support.secret_manager import SecretManagerServer

TOKEN, KEY = "token-of-nsps-0123456789", "key-of-the-hashes-0123456789"


async def test_the_environment_s_key_comes_first() -> None:
    found = await find_keys({"HASH_KEY": KEY, "API_TOKEN": TOKEN, "SECRETS": "gcp:x-"})
    assert found.keys == (hash_key(KEY),)
    assert found.origin == "HASH_KEY of the environment"


async def test_a_memory_ledger_s_key_is_made_of_each_token() -> None:
    """Records from before a rotation have the hashes of the token before."""
    found = await find_keys({"API_TOKEN": f"{TOKEN}, old-token-0123456789"})
    assert found.keys == (hash_key(TOKEN), hash_key("old-token-0123456789"))
    assert found.origin == "API_TOKEN of the environment"


async def test_secret_manager_comes_before_a_token_of_the_environment() -> None:
    """`connector send` takes API_TOKEN from the environment, too: it says nothing of the key."""
    with SecretManagerServer() as server:
        server.secrets["wtl-HASH_KEY"] = ["older key", KEY]
        environ = {
            "SECRETS": "gcp:wtl-",
            "API_TOKEN": TOKEN,
            "SECRET_MANAGER_EMULATOR_HOST": server.address,
        }
        found = await find_keys(environ)
    assert found.keys == (hash_key(KEY),)
    assert found.origin == "HASH_KEY of Secret Manager, with the prefix wtl-"


async def test_a_place_that_a_person_names_comes_before_all(tmp_path: Path) -> None:
    (tmp_path / "HASH_KEY").write_text(KEY + "\n")
    found = await find_keys({"HASH_KEY": "another key"}, f"file:{tmp_path}")
    assert found.keys == (hash_key(KEY),)
    assert found.origin == f"HASH_KEY in {tmp_path}"


async def test_tokens_of_a_place_stand_in_for_a_missing_key(tmp_path: Path) -> None:
    (tmp_path / "API_TOKEN").write_text(TOKEN)
    found = await find_keys({"SECRETS": f"file:{tmp_path}"})
    assert (found.keys, found.origin) == ((hash_key(TOKEN),), f"API_TOKEN in {tmp_path}")


@pytest.mark.parametrize(
    ("environ", "place", "told"),
    [
        ({}, None, "set HASH_KEY"),
        ({"SECRETS": "nonsense"}, None, "SECRETS: must be"),
        ({}, "gcp:sp ace", "SECRETS: must be"),
        ({}, "file:/nowhere", "there is no directory /nowhere"),
        ({"HASH_KEY": KEY}, "env", "are not in env"),
    ],
)
async def test_a_key_that_is_not_there_is_told_in_a_line(
    environ: dict[str, str], place: str | None, told: str
) -> None:
    with pytest.raises(CannotRead, match=told):
        await find_keys(environ, place)


async def test_secrets_that_may_not_be_read_are_told_without_a_value() -> None:
    with SecretManagerServer() as server:
        server.denied = True
        environ = {"SECRETS": "gcp", "SECRET_MANAGER_EMULATOR_HOST": server.address}
        with pytest.raises(CannotRead, match="cannot be read: PermissionDenied"):
            await find_keys(environ)


def test_no_key_is_printed() -> None:
    import asyncio  # noqa: PLC0415

    found = asyncio.run(find_keys({"HASH_KEY": KEY}))
    assert repr(found) == "HashKeys(origin='HASH_KEY of the environment')"
