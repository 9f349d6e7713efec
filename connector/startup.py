"""Makes a pipeline from the environment, or one message that lists everything that is wrong.

`start` runs before the server listens and needs neither an event loop nor the network. So a bad
setting or mapping file stops the deployment, not the first event. `Startup.serve` runs in the
worker, and opens what needs an event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from connector import log, tokens
from connector.ledger import key_check
from connector.ledger.records import Ledger, LedgerStore, LedgerUnavailable
from connector.mapping.document import BadMapping
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.mapping.setting_values import SettingValues
from connector.pipeline import Pipeline, hash_key
from connector.secrets import Environment, Files, Secrets, SecretsUnreachable, Source
from connector.settings import (
    API_TOKEN,
    HASH_KEY,
    LEDGER_PASSWORD,
    BadSettings,
    FileSecrets,
    FirestoreUrl,
    GoogleSecrets,
    PostgresqlUrl,
    Settings,
    SqliteUrl,
    read,
)
from connector.system import System

if TYPE_CHECKING:
    from connector.blast_guard import BlastGuard
    from connector.shadow import Shadow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Startup:
    """Everything that was read at the start; `main.py` makes it, the worker serves it.

    `values` are the values of the mapping file's settings. `shadow` is the mapping file that plans
    beside it, with its values.
    """

    settings: Settings
    mapping: MappingFile
    secrets: Secrets
    values: SettingValues
    environ: Mapping[str, str] = field(repr=False)
    shadow: tuple[MappingFile, SettingValues] | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The bearer tokens that are accepted now; the HTTP door checks against them."""
        return tokens.split(self.secrets.all(API_TOKEN))

    def check(self) -> None:
        """Check everything that depends on the secrets.

        Raises:
            BadSettings: names all secrets and settings that are missing or wrong.
        """
        problems = _secret_problems(self.settings, self.secrets)
        sound = len(problems)
        _collect(problems, self.values.check)
        if self.shadow:
            _collect(problems, self.shadow[1].check)
        if len(problems) == sound:
            _collect(problems, self._client)
        if problems:
            raise BadSettings(problems)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Pipeline]:
        """Open secrets, ledger and system, give the pipeline to the worker, and close them after.

        Raises:
            BadSettings: see `check`. Secrets of Secret Manager are checked only here, and so are
                Firestore and PostgreSQL.
            SecretsUnreachable: the secrets cannot be read.
        """
        async with self.secrets:
            self.check()
            self.secrets.check_with(self._problem)
            key = hash_key(self.secrets.get(HASH_KEY) or self.tokens[0])
            ledger = await open_ledger(self.settings, key, self.secrets)
            try:
                checked = await _checked(ledger, key)
                async with self._client() as system, self._beside() as shadow:
                    self._note()
                    yield Pipeline(
                        mapping=self.mapping,
                        settings=self.values,
                        ledger=checked,
                        system=system,
                        budget=self.settings.EVENT_BUDGET,
                        hash_key=key,
                        seal=self._seal(),
                        watch=shadow.note if shadow else None,
                        blast_guard=self._blast_guard(ledger),
                    )
            finally:
                await ledger.close()

    def _note(self) -> None:
        """Log what is allowed but should be known of a function that starts."""
        for level, notice in tokens.notices(self.tokens, self.secrets.get(HASH_KEY)):
            log.write(level, notice, connector=self.mapping.name)

    def _problem(self, name: str, values: tuple[str, ...]) -> str | None:
        """Why new values of a secret cannot be used, as `connector.secrets.Problem`."""
        secrets = self.secrets.trial(name, values)
        computed = SettingValues(self.mapping, self.environ, secrets)
        try:
            replace(self, secrets=secrets, values=computed).check()
        except BadSettings as bad:
            return str(bad)
        return None

    def _blast_guard(self, store: LedgerStore) -> "BlastGuard | None":
        limit = self.settings.BLAST_LIMIT
        if limit is None:
            return None
        from connector.blast_guard import BlastGuard  # noqa: PLC0415 - only if it is used

        return BlastGuard(limit, store)

    def _seal(self) -> Callable[[bytes], bytes | None] | None:
        """Encrypts the events that the ledger keeps; None if it keeps none."""
        if not self.settings.KEEP_STATE:
            return None
        from connector.ledger.sealed import seal, sealing_key  # noqa: PLC0415 - 40 ms

        return partial(seal, sealing_key(self.secrets.get(HASH_KEY) or ""))

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator["Shadow | None"]:
        """The comparison with the shadow's mapping file, if there is one."""
        if self.shadow is None:
            yield None
            return
        from connector.shadow import Shadow  # noqa: PLC0415 - only if it is used

        shadow = Shadow(*self.shadow)
        try:
            yield shadow
        finally:
            await shadow.finish()

    def _client(self) -> System:
        return self.mapping.protocol.client(self.mapping.system, self.values, self.secrets)


def start(environ: Mapping[str, str]) -> Startup:
    """Read settings, mapping file and secrets.

    Secrets of Secret Manager are read only in `Startup.serve`, because its client must be made
    after the server has forked.

    Raises:
        BadSettings: lists all problems of settings, mapping file and secrets.
    """
    problems: list[str] = []
    settings = _collect(problems, lambda: read(environ))
    path = settings.MAPPING_FILE if settings else _mapping_file(environ)
    mapping = _collect(problems, lambda: load(path))
    known = settings or Settings()
    problems += _place_problems(known)
    beside = known.SHADOW_MAPPING_FILE
    shadow = _collect(problems, lambda: load(beside)) if beside else None
    secrets = function_secrets(known, [one for one in (mapping, shadow) if one], environ)
    readable = not isinstance(known.SECRETS, GoogleSecrets)
    if readable:
        unread = len(problems)
        _collect(problems, lambda: asyncio.run(secrets.load()))
        readable = len(problems) == unread
    if mapping:
        values = SettingValues(mapping, environ, secrets)
        planned = (shadow, SettingValues(shadow, environ, secrets)) if shadow else None
        startup = Startup(known, mapping, secrets, values, environ, planned)
        if readable:
            _collect(problems, startup.check)
        if not problems:
            return startup
    elif readable:
        problems += _secret_problems(known, secrets)
    raise BadSettings(problems)


def _place_problems(settings: Settings) -> list[str]:
    match settings.LEDGER_URL:
        case SqliteUrl(path):
            from connector.ledger.sqlite_file import place_problem  # noqa: PLC0415 - as below

            found = place_problem(path)
            return [f"LEDGER_URL: {found}"] if found else []
        case PostgresqlUrl() as url:
            from connector.ledger import postgresql_place  # noqa: PLC0415 - as below

            found = postgresql_place.place_problem(url)
            return [f"LEDGER_URL: {found}"] if found else []
        case _:
            return []


def check_ledger(settings: Settings) -> None:
    """Check that the ledger's file can be used; the worker calls this before the server forks.

    It makes a new file and migrates an old one, so it is not a part of `start`, which tools call.
    Firestore and PostgreSQL are checked in `Startup.serve`.

    Raises:
        BadSettings: the file cannot be used.
    """
    match settings.LEDGER_URL:
        case SqliteUrl(path):
            from connector.ledger.sqlite_file import check  # noqa: PLC0415 - only if it is used

            check(path)


def _secret_problems(settings: Settings, secrets: Secrets) -> list[str]:
    """What is wrong with the function's own secrets."""
    found = tokens.split(secrets.all(API_TOKEN))
    return [
        *tokens.token_problems(found, deployed=settings.K_SERVICE is not None),
        *tokens.key_problems(secrets.get(HASH_KEY), required=settings.LEDGER_URL != "memory:"),
    ]


def function_secrets(
    settings: Settings, mappings: Iterable[MappingFile], environ: Mapping[str, str]
) -> Secrets:
    """The secrets of the function and of its mapping files; nothing is read yet.

    `start` calls it, and the commands that look into the ledger.
    """
    names = [API_TOKEN, HASH_KEY]
    if isinstance(settings.LEDGER_URL, PostgresqlUrl):
        names.append(LEDGER_PASSWORD)
    for mapping in mappings:
        names += [entry.secret for entry in mapping.settings.values() if entry.secret]

    def source() -> Source:
        match settings.SECRETS:
            case "env":
                return Environment(environ)
            case FileSecrets(directory):
                return Files(directory)
            case GoogleSecrets(prefix):
                # The import takes 0.5 s, and gRPC does not survive the server's fork.
                from connector.secret_manager import SecretManager  # noqa: PLC0415 - see above

                emulator = settings.SECRET_MANAGER_EMULATOR_HOST
                return SecretManager(settings.GOOGLE_CLOUD_PROJECT, prefix, emulator)

    return Secrets(source, names, None if settings.SECRETS == "env" else settings.SECRETS_REFRESH)


async def open_ledger(settings: Settings, key: bytes, secrets: Secrets) -> LedgerStore:
    """The store that the setting names; only its module is imported (cold start).

    `Startup.serve` calls it, and the commands that look into the ledger.

    Raises:
        BadSettings: it can never be used as it is.
    """
    match settings.LEDGER_URL:
        case "memory:":
            from connector.ledger.memory import MemoryLedger  # noqa: PLC0415 - see above

            return MemoryLedger()
        case SqliteUrl(path):
            from connector.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - see above

            return SqliteLedger(path, key)
        case FirestoreUrl(project, database):
            from connector.ledger.firestore import FirestoreLedger  # noqa: PLC0415 - see above

            project = project or settings.GOOGLE_CLOUD_PROJECT
            ledger = FirestoreLedger(key, project=project, database=database)
            await ledger.check()
            return ledger
        case PostgresqlUrl() as url:
            return await _postgresql(url, key, secrets)


async def _postgresql(url: PostgresqlUrl, key: bytes, secrets: Secrets) -> LedgerStore:
    from connector.ledger.postgresql import PostgresqlLedger  # noqa: PLC0415 - see above
    from connector.ledger.postgresql_database import Login  # noqa: PLC0415 - see above

    login = Login(
        password=lambda: secrets.get(LEDGER_PASSWORD),
        renew=lambda: secrets.renewed(secrets.generation),
    )
    ledger = PostgresqlLedger(url, key, login)
    try:
        await ledger.check()
    except BaseException:
        await ledger.close()
        raise
    return ledger


async def _checked(ledger: LedgerStore, key: bytes) -> Ledger:
    """The ledger, if it was written with this key; if it cannot be reached, it is checked later.

    Raises:
        BadSettings: it was written with another key.
    """
    try:
        if await key_check.has_key(ledger, key):
            return ledger
    except LedgerUnavailable:
        return key_check.UncheckedLedger(ledger, key)
    raise BadSettings([key_check.OTHER_KEY])


def _mapping_file(environ: Mapping[str, str]) -> Path:
    """The mapping file to check if other settings are wrong: one message lists all problems."""
    default = Settings.model_fields["MAPPING_FILE"].default
    return Path(environ.get("MAPPING_FILE", "").strip() or default)


def _collect(problems: list[str], step: Callable[[], T]) -> T | None:
    """Do a step of the start; if it fails, add what is wrong to `problems` and return None."""
    try:
        return step()
    except BadSettings as bad:
        problems.extend(bad.problems)
    except BadMapping as bad:
        problems.extend(str(found) for found in bad.lints)
    except SecretsUnreachable as error:
        problems.append(f"secrets cannot be read: {error}")
    return None
