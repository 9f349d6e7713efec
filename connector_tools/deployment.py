"""The settings of this environment for people to read, with `***` in place of secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.mapping.schema import MappingFile
from connector.mapping.session import HIDDEN
from connector.mapping.setting import Setting
from connector.settings import BadSettings
from connector_tools.explain import as_json
from connector_tools.mapping_tests import test_settings


@dataclass(frozen=True, slots=True)
class Used:
    """A setting, its value as JSON (`***` for a secret), and where the value comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """The values of a mapping's settings by name, without secrets.

    `used` has each setting with its origin; `made_up` names the settings with made-up values.
    """

    values: Mapping[str, Any]
    used: tuple[Used, ...]
    made_up: tuple[str, ...]


def deployment(mapping: MappingFile, environ: Mapping[str, str]) -> Deployment:
    """The settings of this environment; a missing setting gets the value that tests use.

    Raises:
        BadSettings: a setting is wrong.
    """
    given = {
        name: environ.get(setting.variable, "").strip()
        for name, setting in mapping.settings.items()
    }
    found = {name: value for name, value in given.items() if value}
    values = test_settings(mapping, found)
    _check(mapping, values, whole=found.keys() >= _required(mapping))
    hidden = hide(mapping, values)
    origins = {name: _origin(mapping.settings[name], name in found) for name in values}
    return Deployment(
        values=hidden,
        used=tuple(Used(name, _shown(mapping, name, hidden), origins[name]) for name in values),
        made_up=tuple(name for name in values if origins[name].startswith("made up")),
    )


def _required(mapping: MappingFile) -> set[str]:
    """The names of the settings that every deployment must give."""
    settings = mapping.settings.items()
    return {name for name, one in settings if one.default is None and not one.optional}


def _check(mapping: MappingFile, values: Mapping[str, Any], *, whole: bool) -> None:
    """Check that the system's client takes the values, as the start does.

    It need not take made-up values: a text that is made up is not the name of an entry.

    Raises:
        BadSettings: it does not, and the deployment is `whole`.
    """
    try:
        mapping.protocol.client(mapping.system, values)
    except BadSettings:
        if whole:
            raise


def hide(mapping: MappingFile, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the settings, with a placeholder for each secret."""
    return {name: _hidden(mapping.settings[name], value) for name, value in values.items()}


def _hidden(setting: Setting, value: Any) -> Any:
    """The value, or for a secret a placeholder with the type of the setting."""
    if not setting.secret or value is None:
        return value
    if setting.type == "json":
        return dict.fromkeys(value, HIDDEN)
    return {"number": 0.0, "pattern": ".*"}.get(setting.type, HIDDEN)


def _shown(mapping: MappingFile, name: str, values: Mapping[str, Any]) -> str:
    secret = mapping.settings[name].secret and values[name] is not None
    return HIDDEN if secret else as_json(values[name])


def _origin(setting: Setting, given: bool) -> str:
    if given:
        return setting.variable
    if setting.default is not None:
        return f"default, {setting.variable} is not set"
    return f"{'' if setting.optional else 'made up, '}{setting.variable} is not set"
