"""What the ledger of a deployment knows of a subscriber now. Nothing is changed."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connector.ledger.key_check import written_with
from connector.ledger.records import LedgerStore, LedgerUnavailable, SubjectView
from connector.log import mask_subject, subject_hash
from connector.secrets import SecretsUnreachable
from connector.settings import BadSettings, PostgresqlUrl, Settings, SqliteUrl, read
from connector.startup import function_secrets, open_ledger
from connector_tools.records.record import CannotRead

_NEEDED = ("GOOGLE_CLOUD_PROJECT", "SECRETS", "SECRET_MANAGER_EMULATOR_HOST")


@dataclass(frozen=True, slots=True)
class SubjectNow:
    """A subject that the ledger knows, and what it knows."""

    subject: str
    view: SubjectView
    key: bytes

    @property
    def line(self) -> str:
        """For a person."""
        parts = [mask_subject(self.subject), self._applied, self._owned]
        left = self.view.leased
        parts.append(f"an event is being applied, for {left:.0f} s at most" if left else "free")
        return ", ".join(part for part in parts if part)

    @property
    def document(self) -> dict[str, Any]:
        """For a program."""
        snapshot = self.view.known.snapshot
        return {
            "subject": mask_subject(self.subject),
            "subject_hash": subject_hash(self.key, self.subject),
            "newest_snapshot": _iso(snapshot.taken) if snapshot else None,
            "owner_hash": self._owner_hash,
            "leased_seconds": round(self.view.leased, 1),
        }

    @property
    def _applied(self) -> str:
        snapshot = self.view.known.snapshot
        return f"newest snapshot {_iso(snapshot.taken)}" if snapshot else "no snapshot"

    @property
    def _owned(self) -> str:
        return f"owner {self._owner_hash}" if self._owner_hash else ""

    @property
    def _owner_hash(self) -> str | None:
        """The `account_hash` of its owner, as records have it."""
        owner = self.view.known.owner
        return None if owner is None else subject_hash(self.key, f"i_account:{owner}")


async def look(
    url: str, names: Iterable[str], keys: Iterable[bytes], environ: Mapping[str, str]
) -> list[SubjectNow]:
    """Look for these names, with each key; return the subjects that the ledger knows.

    `url` is a spelling of `LEDGER_URL`.

    Raises:
        CannotRead: the ledger cannot be looked at; the message says why.
    """
    settings = ledger_settings(url, environ)
    found = []
    for key in keys:
        try:
            async with opened(settings, key, environ) as ledger:
                if await written_with(ledger, key) is False:
                    raise CannotRead("it was written with another HASH_KEY: give the function's")
                views = [SubjectNow(name, await ledger.look(name), key) for name in names]
        except (BadSettings, LedgerUnavailable) as error:
            raise CannotRead(str(error)) from error
        found += [one for one in views if _is_known(one.view)]
    return found


@asynccontextmanager
async def opened(
    settings: Settings, key: bytes, environ: Mapping[str, str]
) -> AsyncIterator[LedgerStore]:
    """The ledger that the settings name.

    Raises:
        BadSettings: it can never be used as it is.
        CannotRead: its password cannot be read.
    """
    secrets = function_secrets(settings, (), environ)
    try:
        if isinstance(settings.LEDGER_URL, PostgresqlUrl):  # others have no password
            await secrets.load()
    except SecretsUnreachable as error:
        raise CannotRead(f"the ledger's password cannot be read: {error}") from error
    ledger = await open_ledger(settings, key, secrets)
    try:
        yield ledger
    finally:
        await ledger.close()


def ledger_settings(url: str, environ: Mapping[str, str]) -> Settings:
    """The settings of a ledger for `opened`; `url` is a spelling of `LEDGER_URL`.

    Raises:
        CannotRead: no other process can look at this ledger.
    """
    try:
        given = {name: environ.get(name, "") for name in _NEEDED}
        settings = read({**given, "LEDGER_URL": url})
    except BadSettings as bad:
        raise CannotRead(str(bad)) from None
    match settings.LEDGER_URL:
        case "memory:":
            raise CannotRead("LEDGER_URL=memory: can be seen by its own process only")
        case SqliteUrl(path) if not path.is_file():
            raise CannotRead(f"there is no file {path}: correct --ledger or LEDGER_URL")
    return settings


def _is_known(view: SubjectView) -> bool:
    known = view.known
    return known.snapshot is not None or known.owner is not None or view.leased > 0


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
