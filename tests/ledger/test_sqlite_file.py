"""The SQLite ledger's file: what cannot work stops the start, and only its owner reads it."""

import os
import resource
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.ledger.records import Claim, Duplicate
from connector.ledger.sqlite import SqliteLedger
from connector.ledger.sqlite_file import check
from connector.settings import BadSettings
from tests.support.ledgers import claim_request

NOBODY = 65534
SQLITE = (
    b"SQLite format 3\0" + (4096).to_bytes(2, "big") + b"\1\1\0\x40\x20\x20"
)  # the beginning of a file
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


def made(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for statement in statements:
            file.execute(statement)


def problem(path: Path, patience: float = 5) -> str:
    with pytest.raises(BadSettings) as refused:
        check(path, patience)
    (told,) = refused.value.problems
    return told


def rights(folder: Path) -> dict[str, int]:
    """The rights of each file in a folder, by its name."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def open_to_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o664)


def newer(path: Path) -> None:
    made(path, "PRAGMA user_version = 2")


def other_version_1(path: Path) -> None:
    made(path, "CREATE TABLE events (id, day, what)", "PRAGMA user_version = 1")


def other_version_0(path: Path) -> None:
    made(path, "CREATE TABLE events (id, day)")


def half(path: Path) -> None:
    check(path)
    made(path, "DROP TABLE leases")


def damaged(path: Path) -> None:
    check(path)
    good = path.read_bytes()
    path.write_bytes(good[:100] + b"\xff" * 1000 + good[1100:])


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "garbage": (lambda path: path.write_text("something else\n" * 100), "not a SQLite database"),
    "a directory": (lambda path: path.mkdir(), "is not a file: name a file"),
    "a pipe": (os.mkfifo, "is not a file: name a file"),
    "read-only": (lambda path: path.touch(0o400), "is read-only: give its owner the right"),
    "a newer schema": (newer, "it has version 2, and this connector knows versions up to 1"),
    "another program's": (other_version_0, "another program has made its table `events`"),
    "another program's version": (other_version_1, "its table `events` is not the ledger's"),
    "a table is missing": (half, "its table `leases` is not the ledger's"),
    "damaged": (damaged, "is damaged: put back a copy"),
}


@pytest.mark.parametrize(("make", "told"), UNUSABLE.values(), ids=[*UNUSABLE])
def test_a_file_that_cannot_work_is_a_sentence(
    tmp_path: Path, make: Callable[[Path], object], told: str
) -> None:
    path = tmp_path / "ledger"
    make(path)
    found = problem(path)
    assert found.startswith("LEDGER_URL: ")
    assert str(path) in found
    assert told in found


def test_damage_at_the_root_of_any_table_or_index_is_a_sentence(tmp_path: Path) -> None:
    """Each event reads and writes all of them; damage further down meets some events only."""
    good = tmp_path / "good"
    check(good)
    with closing(sqlite3.connect(good)) as file:
        size = file.execute("PRAGMA page_size").fetchone()[0]
        roots = [root for (root,) in file.execute("SELECT rootpage FROM sqlite_master")]
    assert len(roots) == 10
    content = good.read_bytes()
    for root in roots:
        path = tmp_path / f"damaged at {root}"
        begin, end = size * (root - 1), size * root
        path.write_bytes(content[:begin] + b"\xff" * size + content[end:])
        with pytest.raises(BadSettings, match="is damaged"):
            check(path)


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    told = problem(tmp_path / "nowhere" / "ledger")
    assert told == (
        f"LEDGER_URL: there is no directory {tmp_path}/nowhere: create it, or name another file"
    )


def test_a_file_that_stays_locked_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    check(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "is kept locked by another process: end that process" in problem(path, 0.05)
    check(path)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 4096, 20_000])
def test_a_disk_without_room_for_a_new_file_is_a_sentence(tmp_path: Path, size: int) -> None:
    with room_for(size):
        assert "the disk" in problem(tmp_path / "ledger")


def test_a_disk_without_room_for_one_more_page_is_a_sentence(tmp_path: Path) -> None:
    """Another process has the file open, so that nothing but the commit needs room."""
    path = tmp_path / "ledger"
    check(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_autocheckpoint = 0")
        for number in range(20):
            other.execute("REPLACE INTO events VALUES (?, NULL, 0)", (str(number),))
        with room_for(Path(f"{path}-wal").stat().st_size):
            assert "the disk" in problem(path)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user can reach; pytest's own is for one user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@needs_root
def test_a_directory_that_this_user_cannot_write_is_a_sentence(shared: Path) -> None:
    with acting_as(NOBODY):
        assert "cannot write to the directory" in problem(shared / "ledger")


@needs_root
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
def test_a_file_of_another_user_is_a_sentence(shared: Path, mode: int) -> None:
    shared.chmod(0o777)
    path = shared / "ledger"
    check(path)
    path.chmod(mode)
    with acting_as(NOBODY):
        assert "belongs to another user: make this user its owner" in problem(path)


@needs_root
def test_a_log_file_that_another_user_left_is_a_sentence(shared: Path) -> None:
    shared.chmod(0o777)
    path = shared / "ledger"
    with acting_as(NOBODY):
        check(path)
    Path(f"{path}-wal").touch(0o600)
    with acting_as(NOBODY):
        assert "cannot be opened: check the directory, its rights" in problem(path)


@given(st.binary(max_size=200) | st.binary(max_size=2000).map(lambda raw: SQLITE + raw))
@example(b"")
@example(b"SQLite format 3\0")
@example(b"\0" * 4096)
def test_a_start_refuses_a_file_of_any_bytes_or_makes_the_ledger_work(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        path.write_bytes(content)
        try:
            check(path, patience=0)
        except BadSettings as bad:
            assert str(bad).startswith("LEDGER_URL: ")
            assert path.read_bytes() == content, "what is refused may be of value to somebody"
        else:
            check(path, patience=0)


async def test_a_start_changes_no_record(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    check(path)
    ledger = SqliteLedger(path, b"key")
    claim = await ledger.claim(claim_request())
    assert isinstance(claim, Claim)
    await ledger.settle(claim)
    check(path)
    assert await ledger.claim(claim_request()) == Duplicate()
    await ledger.close()


@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
async def test_a_new_file_and_those_beside_it_are_for_their_owner(
    tmp_path: Path, mask: int
) -> None:
    before = os.umask(mask)
    try:
        ledger = SqliteLedger(tmp_path / "ledger", b"key")
        await ledger.claim(claim_request())
        found = rights(tmp_path)
        await ledger.close()
    finally:
        os.umask(before)
    assert found == dict.fromkeys(("ledger", "ledger-wal", "ledger-shm"), 0o600)


async def test_an_old_file_and_those_beside_it_are_taken_from_others(tmp_path: Path) -> None:
    """SQLite leaves `-wal` and `-shm` behind if its process is killed."""
    first = SqliteLedger(tmp_path / "ledger", b"key")
    await first.claim(claim_request())
    open_to_all(tmp_path)
    (tmp_path / "ledger-journal").touch(0o644)
    (tmp_path / "ledger.note").touch(0o644)
    check(tmp_path / "ledger")
    found = rights(tmp_path)
    await first.close()
    assert found.pop("ledger.note") == 0o644
    assert {"ledger", "ledger-wal", "ledger-shm"} <= set(found)
    assert set(found.values()) == {0o600}
