"""Finds the key of the hashes that stand for subscribers, where the function itself would.

The first of these that is there: the place that the person names, `HASH_KEY` in the environment,
the place that `SECRETS` names, `API_TOKEN` in the environment. In a place, the key is the secret
`HASH_KEY`; without it, each token of `API_TOKEN` makes one, because a deployment with the memory
ledger has hashes of the token before a rotation, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.pipeline import hash_key
from connector.secrets import Environment, Files, SecretsUnreachable, Source
from connector.settings import (
    API_TOKEN,
    HASH_KEY,
    BadSettings,
    FileSecrets,
    GoogleSecrets,
    Settings,
    read,
)
from connector.tokens import split
from connector_tools.records.record import CannotRead

_NEEDED = ("SECRETS", "GOOGLE_CLOUD_PROJECT", "SECRET_MANAGER_EMULATOR_HOST")
_NO_KEY = (
    "the key of the hashes is not here: set HASH_KEY, or name its place with "
    "--secrets gcp:PREFIX or --secrets file:DIR"
)


@dataclass(frozen=True, slots=True)
class HashKeys:
    """The keys to look for, and where they come from, for a person."""

    keys: tuple[bytes, ...] = field(repr=False)
    origin: str


async def find_keys(environ: Mapping[str, str], place: str | None = None) -> HashKeys:
    """Find the keys; `place` is a spelling of `SECRETS` that a person gave.

    Raises:
        CannotRead: there is no key, or its place cannot be read.
    """
    own = Environment(environ)
    if place is None and (secret := await own.read(HASH_KEY)):
        return _keys(secret[:1], f"{HASH_KEY} of the environment")
    settings = _settings(environ, place)
    try:
        if settings.SECRETS != "env" and (found := await _in_place(settings)):
            return found
    except SecretsUnreachable as error:
        raise CannotRead(f"the key of the hashes cannot be read: {error}") from error
    if place is None and (tokens := split(await own.read(API_TOKEN))):
        return _keys(tokens, f"{API_TOKEN} of the environment")
    raise CannotRead(_NO_KEY if place is None else f"{HASH_KEY} and {API_TOKEN} are not in {place}")


def _settings(environ: Mapping[str, str], place: str | None) -> Settings:
    given = {name: environ.get(name, "") for name in _NEEDED}
    try:
        return read(given | ({"SECRETS": place} if place else {}))
    except BadSettings as bad:
        raise CannotRead(str(bad)) from None


async def _in_place(settings: Settings) -> HashKeys | None:
    source, where = _source(settings)
    try:
        if secret := await source.read(HASH_KEY):
            return _keys(secret[:1], f"{HASH_KEY} {where}")
        tokens = split(await source.read(API_TOKEN))
        return _keys(tokens, f"{API_TOKEN} {where}") if tokens else None
    finally:
        await source.close()


def _source(settings: Settings) -> tuple[Source, str]:
    match settings.SECRETS:
        case GoogleSecrets(prefix):
            # Google's client takes half a second to import.
            from connector.secret_manager import SecretManager  # noqa: PLC0415 - see above

            emulator = settings.SECRET_MANAGER_EMULATOR_HOST
            project = settings.GOOGLE_CLOUD_PROJECT
            named = f"with the prefix {prefix}" if prefix else "without a prefix"
            return SecretManager(project, prefix, emulator), f"of Secret Manager, {named}"
        case FileSecrets(directory):
            return Files(directory), f"in {directory}"
        case _:  # pragma: no cover - the caller reads the environment itself
            raise AssertionError(settings.SECRETS)


def _keys(secrets: tuple[str, ...], origin: str) -> HashKeys:
    return HashKeys(tuple(hash_key(secret) for secret in secrets if secret), origin)
