"""The values of a mapping's settings while the function serves, with rotated secrets."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from connector.mapping.schema import MappingFile
from connector.mapping.setting import Setting, resolve
from connector.secrets import Secrets
from connector.settings import BadSettings


class SettingValues(Mapping[str, Any]):
    """The values of the settings by name, computed again when the secrets change.

    If the mapping refuses the new value of a secret, all old values stay in use.
    """

    def __init__(self, mapping: MappingFile, environ: Mapping[str, str], secrets: Secrets) -> None:
        self._mapping = mapping
        self._environ = environ
        self._secrets = secrets
        self._generation = -1
        self._values: dict[str, Any] = {}

    def check(self) -> None:
        """Compute all values; `connector.startup` calls it at start.

        Raises:
            BadSettings: settings are missing or wrong; the problems name them all.
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
            with suppress(BadSettings):  # keep the old values
                self.check()
        return self._values

    def _read(self, setting: Setting) -> str | None:
        if setting.secret:
            return self._secrets.get(setting.secret)
        return self._environ.get(setting.variable, "").strip() or None
