"""The values of a mapping's settings while the function serves; secrets can be rotated."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from connector.mapping.schema import MappingFile
from connector.mapping.setting import Setting, resolve
from connector.secrets import Secrets
from connector.settings import BadSettings


class SettingValues(Mapping[str, Any]):
    """The settings by name, computed again when the secrets change.

    If a secret is rotated to a value that the mapping refuses, the old values stay.
    """

    def __init__(self, mapping: MappingFile, environ: Mapping[str, str], secrets: Secrets) -> None:
        self._mapping = mapping
        self._environ = environ
        self._secrets = secrets
        self._generation = -1
        self._values: dict[str, Any] = {}

    def check(self) -> None:
        """Compute them.

        Raises:
            BadSettings: each setting that is missing or wrong.
        """
        self._generation = self._secrets.generation
        self._values = resolve(self._mapping.name, self._mapping.settings, self._read)

    def __getitem__(self, name: str) -> Any:
        return self._current()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> dict[str, Any]:
        if self._generation != self._secrets.generation:
            with suppress(BadSettings):  # while serving, the old values are better than none
                self.check()
        return self._values

    def _read(self, setting: Setting) -> str | None:
        if setting.secret:
            return self._secrets.get(setting.secret)
        return self._environ.get(setting.variable, "").strip() or None
