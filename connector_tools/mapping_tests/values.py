"""The values of a mapping's settings in its tests."""

from typing import Any

from connector.mapping.schema import MappingFile
from connector.mapping.setting import resolve
from connector_tools.made_up_key import made_up_key

_BASE_URL = "http://system.test"


def test_settings(mapping: MappingFile, overrides: dict[str, Any]) -> dict[str, Any]:
    """The values of settings in tests: `overrides`, else defaults, else made-up values.

    Raises:
        BadSettings: a value is wrong.
        ValueError: `overrides` has a name that the mapping does not have.
    """
    made_up = {"url": _BASE_URL, "number": "10", "pattern": ".*"}
    names = {id(setting): name for name, setting in mapping.settings.items()}
    unknown = ", ".join(f"`{name}`" for name in overrides if name not in mapping.settings)
    if unknown:
        raise ValueError(f"the mapping has no setting {unknown}")

    def value(setting: Any) -> str | None:
        name = names[id(setting)]
        if name in overrides:
            return str(overrides[name])
        if setting.default is not None or setting.optional:
            return None
        if setting.type == "pem":
            return made_up_key()
        return made_up.get(setting.type, f"test-{name}")

    return resolve(mapping.name, mapping.settings, value)
