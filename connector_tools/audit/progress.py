"""How far an audit has come, so that the next run goes on there."""

import json
from pathlib import Path
from typing import Protocol

from connector.ledger.records import LedgerStore

CURSOR = "audit-cursor"
"""The note in the ledger."""


class Progress(Protocol):
    """Where the cursor is kept: the hash of the last subject that was checked, or nothing."""

    async def read(self) -> str:
        """The cursor; empty if a round begins."""

    async def write(self, cursor: str) -> None:
        """Keep the cursor."""


class BadProgress(Exception):  # noqa: N818 - it names what happened
    """The file of the progress cannot be used; the text says why."""


class FileProgress:
    """The cursor in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def read(self) -> str:
        """See `Progress`.

        Raises:
            BadProgress: the file is not one that an audit wrote.
        """
        if not self._file.exists():
            return ""
        try:
            cursor = json.loads(self._file.read_bytes())["cursor"]
            return f"{int(cursor, 16):0{len(cursor)}x}" if cursor else ""
        except (OSError, ValueError, KeyError, TypeError):
            raise BadProgress(f"{self._file}: not the progress of an audit: remove it") from None

    async def write(self, cursor: str) -> None:
        """See `Progress`.

        Raises:
            BadProgress: the file cannot be written.
        """
        try:
            new = self._file.with_suffix(".new")
            new.write_text(json.dumps({"cursor": cursor}))
            new.replace(self._file)
        except OSError as error:
            raise BadProgress(f"{self._file}: cannot be written: {error.strerror}") from None


class LedgerProgress:
    """The cursor in the ledger: all runs of a scheduled job share it."""

    def __init__(self, ledger: LedgerStore) -> None:
        self._ledger = ledger

    async def read(self) -> str:
        """See `Progress`."""
        return await self._ledger.note(CURSOR) or ""

    async def write(self, cursor: str) -> None:
        """See `Progress`."""
        await self._ledger.write_note(CURSOR, cursor)


class NoProgress:
    """Each run begins a round."""

    async def read(self) -> str:
        """See `Progress`."""
        return ""

    async def write(self, cursor: str) -> None:
        """See `Progress`."""
