"""Opens the file of the SQLite ledger, and says at the start what is wrong with it.

The tables have a version: docs/decisions/0017-sqlite-schema-version.md. The file, and what SQLite
keeps beside it, can be read by its owner only: docs/decisions/0025-starts-that-fail.md.
"""

import os
import sqlite3
import stat
import time
from contextlib import closing, suppress
from math import ceil
from pathlib import Path

from connector.ledger.mounts import network_file_system
from connector.ledger.records import LedgerUnavailable
from connector.settings import BadSettings

_VERSION = 1  # of these tables; a file keeps the version of its own in `PRAGMA user_version`
_TABLES = """
CREATE TABLE events (id TEXT PRIMARY KEY, snapshot TEXT, expires REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE subjects (
    id TEXT PRIMARY KEY, snapshot TEXT, owner TEXT, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE leases (
    id TEXT PRIMARY KEY, token TEXT NOT NULL, expires REAL NOT NULL, snapshot TEXT
) WITHOUT ROWID;
CREATE INDEX events_expire ON events (expires);
CREATE INDEX subjects_expire ON subjects (expires);
CREATE INDEX leases_expire ON leases (expires)
"""
# Tables that are added to a file of this version: a connector that does not know them still works
# with the file, so one can go back (docs/decisions/0047-what-a-ledger-keeps.md).
_ADDED = """
CREATE TABLE IF NOT EXISTS kept (
    id TEXT PRIMARY KEY, state BLOB NOT NULL, expires REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kept_expire ON kept (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
    id TEXT PRIMARY KEY, period INTEGER NOT NULL, value INTEGER NOT NULL
) WITHOUT ROWID
"""
_COLUMNS = {
    "events": ["id", "snapshot", "expires"],
    "subjects": ["id", "snapshot", "owner", "expires"],
    "leases": ["id", "token", "expires", "snapshot"],
    "kept": ["id", "state", "expires"],
    "notes": ["id", "text"],
    "counters": ["id", "period", "value"],
}
# Version 0 had one more column in `events`, which was always "applied". The table is copied because
# DROP COLUMN needs SQLite 3.35, and Red Hat Enterprise Linux 9 has 3.34.
_COLUMNS_0 = ["id", "outcome", "snapshot", "expires"]
_FROM_0 = """
ALTER TABLE events RENAME TO events_0;
CREATE TABLE events (id TEXT PRIMARY KEY, snapshot TEXT, expires REAL NOT NULL) WITHOUT ROWID;
INSERT INTO events SELECT id, snapshot, expires FROM events_0;
DROP TABLE events_0;
CREATE INDEX events_expire ON events (expires)
"""

_PATIENCE = 10.0  # seconds that a start waits while another process writes to the file
_OTHERS = 0o077  # the rights of the group and of all others
_BESIDE = ("", "-wal", "-shm", "-journal")  # the file, and what SQLite keeps beside it
_MENDS = {  # by SQLite's error code: what is wrong, and what to do
    sqlite3.SQLITE_NOTADB: "is not a SQLite database: name another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "is damaged: put back a copy of it, or move it away to begin a new one",
    sqlite3.SQLITE_BUSY: "is kept locked by another process: end that process, then start again",
    sqlite3.SQLITE_LOCKED: "is kept locked by another process: end that process, then start again",
    sqlite3.SQLITE_READONLY: "cannot be written: give this user the right to write it",
    sqlite3.SQLITE_PERM: "cannot be opened: give this user the right to read and write it",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check the directory, its rights and the disk",
    sqlite3.SQLITE_FULL: "cannot be written because the disk is full: make room",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk, its free space and quotas",
}


def check(path: Path, patience: float = _PATIENCE) -> None:
    """Open the file as the first event would, write to it, and close it; a start calls this.

    It makes a new file and migrates an old one. It waits `patience` seconds for other processes.

    Raises:
        BadSettings: the file cannot be used. The message says why, and what to do.
    """
    try:
        problem = place_problem(path)
        if problem is None:
            _write(path, time.monotonic() + patience)
    except LedgerUnavailable as error:
        problem = f"{path}: {error}"
    except sqlite3.Error as error:
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        problem = f"{path} {_MENDS.get(code & 0xFF, f'cannot be used: {error}')}"
    except OSError as error:
        problem = f"{path} cannot be used: {error.strerror}"
    if problem:
        raise BadSettings([f"LEDGER_URL: {problem}"])


def open_file(path: Path, deadline: float) -> sqlite3.Connection:
    """Open the file, or make it, with rights for its owner only.

    It waits for other processes until the deadline (monotonic clock). The connection uses WAL,
    which allows readers beside a writer, and FULL, which survives a power cut.

    Raises:
        LedgerUnavailable: a newer connector has written the file.
        sqlite3.Error: the file cannot be opened, or others still hold it at the deadline.
    """
    _keep_private(path)
    file = sqlite3.connect(path, timeout=_left(deadline), isolation_level=None)
    try:
        _version(file)  # first, so that nothing is written to a file that is refused
        _turn_to_wal(file, deadline)
    except BaseException:
        file.close()
        raise
    return file


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the file for reading only: it makes no file, and changes no tables and no rights.

    Raises:
        LedgerUnavailable: a newer connector has written the file.
        sqlite3.Error: the file cannot be opened.
    """
    place = f"{path.absolute().as_uri()}?mode=ro"
    file = sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None, uri=True)
    try:
        _version(file)
    except BaseException:
        file.close()
        raise
    return file


def begin(file: sqlite3.Connection, deadline: float) -> None:
    """Begin a transaction on a file with the tables of this version; it migrates older ones.

    It waits for other processes until the deadline (monotonic clock).

    Raises:
        LedgerUnavailable: a newer connector, or another program, has written the file.
        sqlite3.Error: the file cannot be used, or others still hold it at the deadline.
    """
    file.execute(f"PRAGMA busy_timeout = {ceil(_left(deadline) * 1000)}")
    file.execute("BEGIN IMMEDIATE")
    if _version(file) < _VERSION:
        _migrate(file)


def add_tables(file: sqlite3.Connection) -> None:
    """Make the tables that were added since version 1, as part of the caller's transaction."""
    for statement in _ADDED.split(";"):
        file.execute(statement)


def is_busy(error: Exception) -> bool:
    """Whether the only trouble is that others hold the file."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF == sqlite3.SQLITE_BUSY


def place_problem(path: Path) -> str | None:
    """What is wrong with the place of the file, as far as rights and kinds tell; None if nothing.

    It opens and changes nothing.
    """
    try:
        return _folder_problem(path) or (_file_problem(path) if path.exists() else None)
    except OSError as error:  # a name is too long, or a directory above must not be searched
        return (
            f"{path} cannot be used: {error.strerror}: name another file, or give this user rights"
        )


def _folder_problem(path: Path) -> str | None:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no directory {folder}: create it, or name another file"
    if not _may(folder, os.R_OK | os.W_OK | os.X_OK):
        return f"this user cannot write to the directory {folder}: SQLite keeps more files there"
    if kind := network_file_system(folder):
        return (
            f"{folder} is on a network file system ({kind}), where SQLite cannot lock a file "
            "against other machines: use a disk of this machine, or name a ledger that machines "
            "share (postgresql:, firestore:)"
        )
    return None


def _file_problem(path: Path) -> str | None:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a file: name a file"
    if found.st_uid != os.geteuid() != 0:
        return f"{path} belongs to another user: make this user its owner (chown)"
    if not found.st_mode & stat.S_IWUSR or not _may(path, os.R_OK | os.W_OK):
        return f"{path} is read-only: give its owner the right to write it (chmod u+rw)"
    return None


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=True)


def _write(path: Path, deadline: float) -> None:
    """Check the tables, and write what is there already: a full disk shows only in a commit."""
    with closing(open_file(path, deadline)) as file:
        begin(file, deadline)
        add_tables(file)
        for table, columns in _COLUMNS.items():
            if _columns(file, table) != columns:
                raise LedgerUnavailable(
                    f"its table `{table}` is not the ledger's: name another file in LEDGER_URL"
                )
            _try_row(file, table, len(columns))
        file.execute(f"PRAGMA user_version = {_VERSION}")
        file.execute("COMMIT")


def _try_row(file: sqlite3.Connection, table: str, columns: int) -> None:
    """Write a row and take it back: damage at the root of a table or an index fails every event."""
    file.execute("SAVEPOINT trial")
    file.execute(f"REPLACE INTO {table} VALUES ({', '.join('0' * columns)})")  # noqa: S608 - our names
    file.execute("ROLLBACK TO trial")
    file.execute("RELEASE trial")


def _keep_private(path: Path) -> None:
    """Make the file if there is none, and take the rights of others from it.

    SQLite gives the files beside it the same rights when it makes them. An existing file is not
    opened here: closing it would end the locks that this process has on it.
    """
    with suppress(OSError):  # it exists; or SQLite says what is wrong
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for each in (Path(f"{path}{ending}") for ending in _BESIDE):
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(each.stat().st_mode)
            if mode & _OTHERS and each.is_file():
                each.chmod(mode & ~_OTHERS)


def _turn_to_wal(file: sqlite3.Connection, deadline: float) -> None:
    """Turn the file to WAL. If two processes do this at once, SQLite fails instead of waiting.

    So this tries again until the deadline.
    """
    while True:
        try:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = FULL")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0)


def _version(file: sqlite3.Connection) -> int:
    """The version of the file's tables; 0 if it has none.

    Raises:
        LedgerUnavailable: it is newer than this connector.
    """
    (version,) = file.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise LedgerUnavailable(
            f"it has version {version}, and this connector knows versions up to {_VERSION}: "
            "use the newer connector, or name another file in LEDGER_URL"
        )
    return int(version)


def _columns(file: sqlite3.Connection, table: str) -> list[str]:
    return [column for _, column, *_ in file.execute(f"PRAGMA table_info ({table})")]


def _migrate(file: sqlite3.Connection) -> None:
    """Make the tables of this version, or change those of version 0 into them.

    It is part of the caller's transaction: another process sees all of it or nothing.

    Raises:
        LedgerUnavailable: another program has made the file.
    """
    columns = _columns(file, "events")
    if columns not in ([], _COLUMNS_0):
        raise LedgerUnavailable(
            "another program has made its table `events`: name another file in LEDGER_URL"
        )
    for statement in (_FROM_0 if columns else _TABLES).split(";"):
        file.execute(statement)
    file.execute(f"PRAGMA user_version = {_VERSION}")
