"""Makes a pipeline from the environment, or one message that lists everything that is wrong.

`start` runs before the server listens and needs neither an event loop nor the network. So a bad
setting or mapping file stops the deployment, not the first event. `Startup.serve` runs in the
worker, and opens what needs an event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from connector.ledger.records import Ledger
from connector.mapping.document import BadMapping
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.mapping.setting_values import SettingValues
from connector.pipeline import Pipeline, hash_key
from connector.secrets import Environment, Files, Secrets, SecretsUnreachable, Source
from connector.settings import (
    API_TOKEN,
    HASH_KEY,
    BadSettings,
    FileSecrets,
    FirestoreUrl,
    GoogleSecrets,
    Settings,
    SqliteUrl,
    read,
)
from connector.system import System

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Startup:
    """Everything that was read at the start; `main.py` makes it, the worker serves it.

    `values` are the values of the mapping file's settings.
    """

    settings: Settings
    mapping: MappingFile
    secrets: Secrets
    values: SettingValues

    @property
    def tokens(self) -> tuple[str, ...]:
        """The bearer tokens that are accepted now; the HTTP door checks against them."""
        return _tokens(self.secrets)

    def check(self) -> None:
        """Check everything that depends on the secrets.

        Raises:
            BadSettings: names all secrets and settings that are missing or wrong.
        """
        problems = _token_problems(self.secrets)
        if self.settings.LEDGER_URL != "memory:" and not self.secrets.get(HASH_KEY):
            problems.append(f"{HASH_KEY}: is required with a ledger that outlives the process")
        match self.settings.LEDGER_URL:
            case SqliteUrl(path) if not path.parent.is_dir():
                problems.append(f"LEDGER_URL: there is no directory {path.parent}")
        sound = len(problems)
        _collect(problems, self.values.check)
        if len(problems) == sound:
            _collect(problems, self._client)
        if problems:
            raise BadSettings(problems)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Pipeline]:
        """Open secrets, ledger and system, give the pipeline to the worker, and close them after.

        Raises:
            BadSettings: see `check`. Secrets of Secret Manager are checked only here.
            SecretsUnreachable: the secrets cannot be read.
        """
        async with self.secrets:
            self.check()
            key = hash_key(self.secrets.get(HASH_KEY) or self.tokens[0])
            ledger = _ledger(self.settings, key)
            try:
                async with self._client() as system:
                    yield Pipeline(
                        mapping=self.mapping,
                        settings=self.values,
                        ledger=ledger,
                        system=system,
                        budget=self.settings.EVENT_BUDGET,
                        hash_key=key,
                    )
            finally:
                await ledger.close()

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
    secrets = _secrets(known, mapping, environ)
    readable = not isinstance(known.SECRETS, GoogleSecrets)
    if readable:
        _collect(problems, lambda: asyncio.run(secrets.load()))
    if mapping:
        startup = Startup(known, mapping, secrets, SettingValues(mapping, environ, secrets))
        if readable:
            _collect(problems, startup.check)
        if not problems:
            return startup
    elif readable:
        problems += _token_problems(secrets)
    raise BadSettings(problems)


def _tokens(secrets: Secrets) -> tuple[str, ...]:
    return tuple(token.strip() for value in secrets.all(API_TOKEN) for token in value.split(","))


def _token_problems(secrets: Secrets) -> list[str]:
    tokens = _tokens(secrets)
    if not tokens:
        return [f"{API_TOKEN}: is required"]
    if not all(tokens):
        return [f"{API_TOKEN}: must be one or several tokens, none of them empty"]
    return []


def _secrets(
    settings: Settings, mapping: MappingFile | None, environ: Mapping[str, str]
) -> Secrets:
    """The secrets of the function and of its mapping file; nothing is read yet."""
    names = [API_TOKEN, HASH_KEY]
    if mapping:
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


def _ledger(settings: Settings, key: bytes) -> Ledger:
    """The store that the setting names. Only this store's module is imported (cold start)."""
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
            return FirestoreLedger(key, project=project, database=database)


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
