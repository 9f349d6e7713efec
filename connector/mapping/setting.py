"""The entries `settings` of a mapping file, and their values in a deployment."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from connector.mapping.entry import Entry
from connector.mapping.pattern import compiled
from connector.settings import BadSettings

_NAME = "^[A-Za-z0-9_-]+$"  # a variable, a file, or a secret of Secret Manager


def _text_or_number(default: object) -> object:
    if isinstance(default, bool) or not isinstance(default, str | int | float | None):
        raise ValueError("must be text or a number: put it in quotes")
    return default


class Setting(Entry):
    """A value that differs between deployments: from the environment or from the secrets."""

    env: Annotated[str, Field(pattern=_NAME)] | None = Field(
        None, description="Environment variable that holds it."
    )
    secret: Annotated[str, Field(pattern=_NAME)] | None = Field(
        None, description="Secret that holds it; never logged."
    )
    default: Annotated[str | int | float | None, BeforeValidator(_text_or_number)] = Field(
        None, description="Used if it is not set."
    )
    optional: bool = Field(False, description="May be missing; the value is none then.")
    type: Literal["text", "number", "url", "email", "pattern", "pem", "json"] = Field(
        "text",
        description="Checked at start; `pattern` is a regular expression, `pem` are keys and "
        "certificates in PEM format, `json` is an object such as the key file of a service "
        "account.",
    )
    matches: str | None = Field(None, description="Regular expression that it must match.")

    @model_validator(mode="after")
    def _one_source(self) -> "Setting":
        if (self.env is None) == (self.secret is None):
            raise ValueError("needs either `env` or `secret`")
        return self

    @field_validator("matches")
    @classmethod
    def _is_pattern(cls, matches: str | None) -> str | None:
        compiled(matches or "")
        return matches

    @property
    def variable(self) -> str:
        """The name of the environment variable or of the secret."""
        return self.env or self.secret or ""


def resolve(
    mapping: str, settings: Mapping[str, Setting], read: Callable[[Setting], str | None]
) -> dict[str, Any]:
    """The values of a mapping's settings by name, each with its type.

    `mapping` is the mapping's name, for messages. `read` returns a setting's text from the
    environment or the secrets; None if it is not set.

    Raises:
        BadSettings: settings are missing or wrong; the problems name them all, without values.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, setting in settings.items():
        raw = read(setting) or setting.default
        if raw is None and not setting.optional:
            problems.append(f"{setting.variable}: is required by {mapping} ({name})")
            continue
        try:
            values[name] = None if raw is None else typed(setting, str(raw).strip())
        except ValueError as error:
            problems.append(f"{setting.variable}: {error}")
    if problems:
        raise BadSettings(problems)
    return values


def hidden_texts(value: object) -> list[str]:
    """The texts of a secret that nothing may show: its own, or those inside of a `json` object."""
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return [text for item in items for text in hidden_texts(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def typed(setting: Setting, text: str) -> str | float | dict[str, Any]:
    """The value of a setting, with its type, from its text; the check calls it for defaults.

    Raises:
        ValueError: the text is not of the type; the message does not repeat it.
    """
    if setting.type == "pem":
        return _pem(text)
    if setting.type == "json":
        return _json(text)
    if text.startswith("-----BEGIN "):
        raise ValueError("is in PEM format: the setting needs `type: pem`")
    if not text.isprintable():
        raise ValueError(
            "must not have control characters or a byte order mark (BOM): write one line of UTF-8"
        )
    if setting.matches and not compiled(setting.matches).matches(text):
        raise ValueError(f"must match {setting.matches}")
    if setting.type == "number":
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
            raise ValueError("must be a number")
        return float(text)
    if setting.type == "url" and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("must be a URL such as https://host/path, without a user and a query")
    if setting.type == "email" and not re.fullmatch(r"[^\s@,;<>]+@[^\s@,;<>]+", text):
        raise ValueError("must be one address such as name@example.com")
    if setting.type == "pattern":
        compiled(text)
    return text


def _pem(text: str) -> str:
    """The blocks of a text in PEM format (RFC 7468), without what exports write around them.

    Its line breaks can be escaped, as in JSON.

    Raises:
        ValueError: it has no block.
    """
    text = text.replace("\\n", "\n").replace("\r", "")
    blocks = re.finditer(r"-----BEGIN ([A-Z0-9 ]+)-----\n[\x21-\x7e \n]*?-----END \1-----", text)
    found = "\n".join(block[0] for block in blocks)
    if not found:
        raise ValueError("must be in PEM format, with lines such as -----BEGIN PRIVATE KEY-----")
    return found


def _json(text: str) -> dict[str, Any]:
    """The object of a JSON document.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("must be a JSON object")
    return found
