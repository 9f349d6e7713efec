"""Reading secrets from environment and files, and the cache."""

import asyncio
import os
from pathlib import Path

import pytest

from connector.secrets import Environment, Files, Secrets, SecretsUnreachable


class Shelf:
    """A source of secrets that tests change, or put `down`."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[str, ...]] = {"A": ("one",)}
        self.down = False
        self.unreadable: set[str] = set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.reads = 0

    async def read(self, name: str) -> tuple[str, ...]:
        self.reads += 1
        await asyncio.sleep(0)
        await self.answers.wait()
        if self.down or name in self.unreadable:
            raise SecretsUnreachable(f"no {name}")
        return self.values.get(name, ())

    async def close(self) -> None:
        self.down = True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_the_environment_has_one_value_or_none() -> None:
    source = Environment({"A": " one ", "EMPTY": " "})
    assert await source.read("A") == ("one",)
    assert await source.read("EMPTY") == await source.read("MISSING") == ()


async def test_a_directory_has_a_file_for_each_secret(tmp_path: Path) -> None:
    (tmp_path / "A").write_text("one\n")
    source = Files(tmp_path)
    assert await source.read("A") == ("one",)
    assert await source.read("MISSING") == ()


async def test_a_file_that_cannot_be_read_is_not_a_missing_secret(tmp_path: Path) -> None:
    (tmp_path / "A").write_bytes(b"\xff\xfe")
    (tmp_path / "B").mkdir()
    for name in ("A", "B"):
        with pytest.raises(SecretsUnreachable, match=name):
            await Files(tmp_path).read(name)


@pytest.mark.parametrize("kind", ["pipe", "endless", "directory"])
async def test_only_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    """Reading a pipe waits for a writer, and nothing else would be answered meanwhile."""
    path = tmp_path / "API_TOKEN"
    make = {
        "pipe": os.mkfifo,
        "endless": lambda at: at.symlink_to("/dev/zero"),
        "directory": os.mkdir,
    }
    make[kind](path)
    with pytest.raises(SecretsUnreachable, match="is not a file"):
        await Files(tmp_path).read("API_TOKEN")


async def test_values_are_cached_and_a_change_is_a_new_generation() -> None:
    shelf = Shelf()
    secrets = Secrets(lambda: shelf, ["A", "B"])
    await secrets.load()
    first = secrets.generation
    assert (secrets.get("A"), secrets.all("A"), secrets.get("B")) == ("one", ("one",), None)
    shelf.values["A"] = ("two", "one")
    assert secrets.get("A") == "one"
    await secrets.load()
    assert (secrets.get("A"), secrets.all("A")) == ("two", ("two", "one"))
    assert secrets.generation == first + 1
    await secrets.load()
    assert secrets.generation == first + 1


async def test_a_renewal_reads_at_most_every_30_seconds() -> None:
    shelf, clock = Shelf(), Clock()
    secrets = Secrets(lambda: shelf, ["A"], clock=clock)
    await secrets.load()
    assert not await secrets.renewed(secrets.generation)
    shelf.values["A"] = ("two",)
    clock.now = 29
    assert not await secrets.renewed(secrets.generation)
    assert shelf.reads == 2
    clock.now = 30
    used = secrets.generation
    assert await secrets.renewed(used)
    assert secrets.get("A") == "two"


async def test_a_renewal_from_an_older_generation_reads_nothing() -> None:
    shelf, clock = Shelf(), Clock()
    secrets = Secrets(lambda: shelf, ["A"], clock=clock)
    await secrets.load()
    used = secrets.generation
    shelf.values["A"] = ("two",)
    renewed = await asyncio.gather(*(secrets.renewed(used) for _ in range(10)))
    assert renewed == [True] * 10
    assert shelf.reads == 2


@pytest.mark.parametrize("trouble", ["unreachable", "missing", "unusable"])
async def test_a_secret_keeps_its_last_good_value_with_one_warning(
    caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    shelf = Shelf()
    secrets = Secrets(lambda: shelf, ["A", "B"])
    await secrets.load()
    secrets.check_with(lambda name, values: f"{name} is bad" if "bad" in values else None)
    shelf.values["B"] = ("other",)
    if trouble == "unreachable":
        shelf.unreadable = {"A"}
    else:
        shelf.values["A"] = ("bad", "one") if trouble == "unusable" else ()
    for _ in range(3):
        await secrets.load()
    assert (secrets.all("A"), secrets.all("B")) == (("one",), ("other",))
    assert secrets.generation == 2, "the other secret has changed once"
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert warning.__dict__["fields"]["secret"] == "A"
    shelf.unreadable, shelf.values["A"] = set(), ("two", "one")
    await secrets.load()
    assert secrets.all("A") == ("two", "one")
    shelf.values["A"] = ()
    await secrets.load()
    assert secrets.get("A") == "two"
    assert len(caplog.records) == 2, "the second time is a change"


async def test_each_unusable_value_has_its_warning(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    secrets = Secrets(lambda: shelf, ["A"])
    await secrets.load()
    secrets.check_with(lambda name, values: "bad")
    for value in ("two", "two", "three"):
        shelf.values["A"] = (value,)
        await secrets.load()
    assert len(caplog.records) == 2
    assert not any(value in caplog.text for value in ("two", "three"))


async def test_a_reading_goes_on_if_its_caller_no_longer_waits() -> None:
    shelf = Shelf()
    async with Secrets(lambda: shelf, ["A"]) as secrets:
        shelf.answers.clear()
        shelf.values["A"] = ("two",)
        waiting = [asyncio.create_task(secrets.renewed(1)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        shelf.answers.set()
        assert await waiting[1]
        assert secrets.get("A") == "two"
    assert shelf.reads == 2


async def test_a_reading_that_is_under_way_ends_with_the_function() -> None:
    shelf = Shelf()
    async with Secrets(lambda: shelf, ["A"]) as secrets:
        shelf.answers.clear()
        waiting = asyncio.create_task(secrets.renewed(1))
        while shelf.reads < 2:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_source_that_fails_is_logged_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shelf = Shelf()
    secrets = Secrets(lambda: shelf, ["A"])
    await secrets.load()
    shelf.down = True
    assert not await secrets.renewed(secrets.generation)
    assert secrets.get("A") == "one"
    assert "cannot be read" in caplog.text


async def test_if_the_source_fails_at_the_start_the_start_fails() -> None:
    shelf = Shelf()
    shelf.down = True
    with pytest.raises(SecretsUnreachable):
        async with Secrets(lambda: shelf, ["A"]):
            pass


async def test_secrets_are_read_again_in_the_background_until_the_end() -> None:
    shelf = Shelf()
    async with Secrets(lambda: shelf, ["A"], every=0.01) as secrets:
        shelf.values["A"] = ("two",)
        async with asyncio.timeout(10):
            while secrets.get("A") != "two":  # noqa: ASYNC110 - a change sets no event
                await asyncio.sleep(0.01)
    reads = shelf.reads
    await asyncio.sleep(0.05)
    assert shelf.reads == reads
