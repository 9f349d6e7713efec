"""The values of a mapping's settings in its tests."""

import json
from typing import Any

from connector.mapping.schema import MappingFile
from connector.mapping.setting import Setting, resolve
from connector_tools.made_up_key import made_up_key

_BASE_URL = "http://system.test"
_MADE_UP = {"url": _BASE_URL, "number": "10", "pattern": ".*", "email": "name@example.com"}


def test_settings(mapping: MappingFile, overrides: dict[str, Any]) -> dict[str, Any]:
    """The values of settings in tests: `overrides`, else defaults, else made-up values.

    Raises:
        BadSettings: a value is wrong.
        ValueError: `overrides` has a name that the mapping does not have.
    """
    names = {id(setting): name for name, setting in mapping.settings.items()}
    unknown = ", ".join(f"`{name}`" for name in overrides if name not in mapping.settings)
    if unknown:
        raise ValueError(f"the mapping has no setting {unknown}")

    def value(setting: Any) -> str | None:
        name = names[id(setting)]
        return str(overrides[name]) if name in overrides else made_up(name, setting)

    return resolve(mapping.name, mapping.settings, value)


def made_up(name: str, setting: Setting) -> str | None:
    """The text of a setting that must be given and is not; None if it has a default."""
    if setting.default is not None or setting.optional:
        return None
    if setting.type == "pem":
        return made_up_key()
    if setting.type == "json":
        return _key_file()
    return _MADE_UP.get(setting.type, f"test-{name}")


def _key_file() -> str:
    """A key file such as Google's for a service account, with made-up values."""
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "test@project.test",
            "private_key": made_up_key(),
            "private_key_id": "test-key",
            "token_uri": f"{_BASE_URL}/token",
        }
    )
