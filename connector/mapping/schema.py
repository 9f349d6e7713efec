"""The mapping file: one external system, which events matter to it, and what to send.

These models are the file's schema (`connector schema` prints it) and, once validated, the
compiled mapping: expressions are compiled where they stand. What the schema cannot say (names,
reachability, settings) is checked by `lint`.
"""

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from connector.mapping.document import Document, Loc
from connector.mapping.entry import AnyText, AnyValue, Condition, Entry, Name, used
from connector.mapping.expression import Constant, Expression, Scope
from connector.mapping.http_call import HeaderName, HeaderText
from connector.mapping.rule import Rule
from connector.outcome import Outcome
from connector.settings import BadSettings

_LONGEST_REASON = 500  # characters


class Setting(Entry):
    """What differs between deployments: read from the environment or from the secrets at start."""

    env: str | None = Field(None, description="Environment variable that holds it.")
    secret: str | None = Field(None, description="Secret that holds it; never logged.")
    default: str | int | float | None = Field(None, description="Used if it is not set.")
    optional: bool = Field(False, description="May be missing; it is none then.")
    type: Literal["text", "number", "url", "pattern"] = Field(
        "text", description="Checked at start; `pattern` is a regular expression."
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
        _check_pattern(matches or "")
        return matches

    @property
    def variable(self) -> str:
        """The name of the variable or of the secret."""
        return self.env or self.secret or ""


class Basic(Entry):
    """User name and password (RFC 7617)."""

    username: AnyText
    password: AnyText


class ApiKey(Entry):
    """A key in a header or in the query."""

    header: HeaderName | None = None
    query: str | None = None
    value: AnyText

    @model_validator(mode="after")
    def _one_place(self) -> "ApiKey":
        if (self.header is None) == (self.query is None):
            raise ValueError("needs either `header` or `query`")
        return self


class Auth(Entry):
    """How the connector proves to the external system who it is; one of the three."""

    basic: Basic | None = None
    bearer: AnyText | None = None
    api_key: ApiKey | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Auth":
        if sum(kind is not None for kind in (self.basic, self.bearer, self.api_key)) != 1:
            raise ValueError("needs exactly one of `basic`, `bearer`, `api_key`")
        return self


class Breaker(Entry):
    """Stops calling a system that is down: open after so many failures in a row, then probe."""

    after: Annotated[int, Field(ge=1)] = 10
    pause: AnyValue = Field(default_factory=lambda: Constant("10s"))


class ReplyRule(Entry):
    """What a reply means when its HTTP status does not tell; the first that matches decides."""

    if_: Condition = Field(alias="if")
    outcome: Literal[
        Outcome.APPLIED,
        Outcome.REJECTED,
        Outcome.UNKNOWN_RESOURCE,
        Outcome.THROTTLED,
        Outcome.FAILED,
        Outcome.UNAVAILABLE,
    ]
    because: AnyText | None = None

    def reason(self, scope: Scope) -> str | None:
        """What `because` says of a reply, cut, since a system may write a page; None if nothing.

        Raises:
            EvaluationError: the reply lacks what it reads.
        """
        because = self.because.evaluate(scope) if self.because else None
        return None if because in (None, "") else str(because)[:_LONGEST_REASON]


class Limits(Entry):
    """What every kind of external system is protected by, and given up after."""

    timeout: AnyValue = Field(
        default_factory=lambda: Constant("30s"), description="For a reply, per attempt (30s)."
    )
    connect_timeout: AnyValue = Field(
        default_factory=lambda: Constant("5s"), description="For a connection (5s)."
    )
    rate_limit: Annotated[str, Field(pattern=r"^[1-9][0-9]*/s$")] | None = Field(
        None, description="Calls per second and instance, e.g. `50/s`; more are answered 429."
    )
    concurrency: Annotated[int, Field(ge=1)] = Field(
        250, description="Calls at once per instance; more are answered 429."
    )
    breaker: Breaker = Field(default_factory=Breaker)


class Http(Limits):
    """An external system that speaks HTTP."""

    base_url: AnyText
    auth: Auth | None = None
    headers: dict[HeaderName, HeaderText] = {}
    reply: Literal["json", "any"] = Field(
        "json", description="What a successful reply with a body must be."
    )


class Ctrl(Limits):
    """An external system that speaks Osmocom's control interface, such as osmo-hlr."""

    host: AnyText
    port: AnyValue = Field(default_factory=lambda: Constant(4259))


class System(Entry):
    """The client for the external system, by its protocol."""

    http: Http | None = None
    ctrl: Ctrl | None = None
    replies: tuple[ReplyRule, ...] = ()

    @model_validator(mode="after")
    def _one_protocol(self) -> "System":
        if (self.http is None) == (self.ctrl is None):
            raise ValueError("needs exactly one of `http`, `ctrl`")
        return self

    @property
    def protocol(self) -> str:
        """The key of the one that is there."""
        return "http" if self.http else "ctrl"


class ScriptedReply(Entry):
    """A reply of the external system in a test; 200 with `{}`, or `OK`, if nothing is said."""

    status: int = 200
    headers: dict[str, str] = {}
    json_: Any = Field(None, alias="json")
    text: str | None = None
    value: str | None = Field(None, description="Of a system with `ctrl`.")
    error: str | None = Field(None, description="Of a system with `ctrl`: it refuses.")


class ExpectedCall(Entry):
    """A call that a test expects; what is not named is not compared."""

    get: str | None = None
    post: str | None = None
    put: str | None = None
    patch: str | None = None
    delete: str | None = None
    ctrl_get: str | None = None
    ctrl_set: str | None = None
    value: str | None = None
    query: dict[str, str] | None = None
    headers: dict[str, str] | None = None
    json_: Any = Field(None, alias="json")
    form: dict[str, str] | None = None
    text: str | None = None
    xml: str | None = None


class Case(Entry):
    """A test of the mapping: an event, and what must become of it."""

    name: str
    event: str = Field(description="File with the event, relative to the mapping.")
    change: dict[str, Any] = Field({}, description="Values by dotted path, set before the test.")
    remove: tuple[str, ...] = Field((), description="Dotted paths, removed before the test.")
    settings: dict[str, Any] = {}
    replies: tuple[ScriptedReply, ...] = Field((), description="In the order of the calls.")
    calls: tuple[ExpectedCall, ...] = ()
    outcome: Outcome
    because: str | None = Field(None, description="Text that the answer must contain.")


class Mapping(Entry):
    """One external system: which events matter to it, and what to send."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    summary: str
    settings: dict[Name, Setting] = {}
    system: System
    values: dict[Name, AnyValue] = {}
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    tests: tuple[Case, ...] = ()
    _document: Document = PrivateAttr()

    @property
    def document(self) -> Document:
        """The file that it was read from."""
        return self._document

    @cached_property
    def expressions(self) -> tuple[tuple[Loc, Expression], ...]:
        """Every expression with its path in the file; what stands in `tests` is data."""
        parts = {"system": self.system, "values": self.values, "rules": self.rules}
        return tuple(found for name, part in parts.items() for found in used(part, (name,)))

    def of(self, document: Document) -> "Mapping":
        """Note the file that it was read from; returns itself."""
        self._document = document
        return self


def resolve(mapping: Mapping, read: Callable[[Setting], str | None]) -> dict[str, Any]:
    """The values of the mapping's settings, each with its type.

    `read` gives what the environment or the secrets hold for a setting, None if nothing.

    Raises:
        BadSettings: every setting that is missing or wrong, without its value.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, setting in mapping.settings.items():
        raw = read(setting) or setting.default
        if raw is None and not setting.optional:
            problems.append(f"{setting.variable}: is required by {mapping.name} ({name})")
            continue
        try:
            values[name] = None if raw is None else _typed(setting, str(raw).strip())
        except ValueError as error:
            problems.append(f"{setting.variable}: {error}")
    if problems:
        raise BadSettings(problems)
    return values


def _typed(setting: Setting, text: str) -> str | float:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    if setting.matches and not re.fullmatch(setting.matches, text):
        raise ValueError(f"must match {setting.matches}")
    if setting.type == "number":
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
            raise ValueError("must be a number")
        return float(text)
    if setting.type == "url" and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("must be a URL such as https://host/path, without a user and a query")
    if setting.type == "pattern":
        _check_pattern(text)
    return text


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:  # `a{99999999999}`; 1000 levels
        raise ValueError(f"must be a regular expression: {error}") from None


def seconds(value: object) -> float:
    """A duration in seconds: a number, or text such as `30s`, `500ms`, `2m`.

    Raises:
        ValueError: it is none of these, or not above zero.
    """
    if isinstance(value, str):
        parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)", value.strip())
        if not parts:
            raise ValueError("must be a duration such as 30s, 500ms or 2m")
        value = float(parts[1]) * {"ms": 0.001, "s": 1, "m": 60}[parts[2]]
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError("must be a duration above zero")
    return float(value)


def schema() -> dict[str, Any]:
    """The JSON Schema of the mapping file, for editors."""
    found = Mapping.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def directory(mapping: Mapping) -> Path:
    """Where the mapping's files lie; the events of its tests are named from there."""
    return mapping.document.path.parent
