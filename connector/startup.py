"""From the environment to a pipeline that is ready to serve, or one message of all that is wrong.

Nothing here needs an event loop or a network: it runs before the server listens, so that a bad
setting or mapping stops the deployment and not the first event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from connector import lint, secrets
from connector.document import BadMapping
from connector.http_system import HttpSystem
from connector.ledger import Ledger
from connector.ledger_memory import MemoryLedger
from connector.mapping import Mapping as MappingFile
from connector.mapping import Setting, resolve
from connector.pipeline import Pipeline, hash_key
from connector.settings import BadSettings, Settings, read

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ready:
    """What a door needs: the function's settings and the pipeline."""

    settings: Settings
    pipeline: Pipeline


def start(environ: Mapping[str, str]) -> Ready:
    """Read settings, secrets and mapping, and put the pipeline together.

    Raises:
        BadSettings: all problems of settings and mapping, in one.
    """
    problems: list[str] = []
    settings = _collect(problems, lambda: read(environ))
    path = settings.MAPPING_FILE if settings else _mapping_file(environ)
    mapping = _collect(problems, lambda: lint.load(path))
    values = _collect(problems, lambda: setting_values(mapping, environ)) if mapping else None
    if settings is None or mapping is None or values is None:
        raise BadSettings(problems)
    return Ready(settings, _pipeline(settings, mapping, values))


def setting_values(mapping: MappingFile, environ: Mapping[str, str]) -> dict[str, Any]:
    """The values of a mapping's settings from the environment and the secrets.

    Raises:
        BadSettings: each that is missing or wrong.
    """
    secret = secrets.from_environment(environ)

    def value(setting: Setting) -> str | None:
        if setting.secret:
            return secret(setting.secret)
        return environ.get(setting.variable, "").strip() or None

    return resolve(mapping, value)


def _pipeline(settings: Settings, mapping: MappingFile, values: dict[str, Any]) -> Pipeline:
    key = settings.LOG_HASH_KEY or settings.API_TOKEN[0]
    ledger: Ledger = MemoryLedger()
    return Pipeline(
        mapping=mapping,
        settings=values,
        ledger=ledger,
        system=HttpSystem(mapping.system, values),
        budget=settings.EVENT_BUDGET,
        hash_key=hash_key(key.get_secret_value()),
    )


def _mapping_file(environ: Mapping[str, str]) -> Path:
    """The mapping to check although other settings are wrong, so that all is told at once."""
    default = Settings.model_fields["MAPPING_FILE"].default
    return Path(environ.get("MAPPING_FILE", "").strip() or default)


def _collect(problems: list[str], step: Callable[[], T]) -> T | None:
    try:
        return step()
    except BadSettings as bad:
        problems.extend(bad.problems)
    except BadMapping as bad:
        problems.extend(str(found) for found in bad.lints)
    return None
