"""The entry `system` of a mapping file: the keys that it has for every protocol."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field, model_validator

from connector.mapping.document import Loc
from connector.mapping.entry import TEXT, AnyText, Compiled, Entry, text_value
from connector.mapping.expression import Constant, Scope, Value, compile_value
from connector.mapping.reply_rule import ReplyRule
from connector.mapping.text import text_of
from connector.settings import BadSettings

T = TypeVar("T")

_LONGEST_DURATION = 86_400  # seconds


def seconds(value: object) -> float:
    """The seconds of a duration: of a number, or of text such as `30s`, `500ms`, `2m`.

    Raises:
        ValueError: `value` is not a duration, or not above zero.
    """
    if isinstance(value, str):
        parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)", value.strip())
        if not parts:
            raise ValueError("must be a duration such as 30s, 500ms or 2m")
        value = float(parts[1]) * {"ms": 0.001, "s": 1, "m": 60}[parts[2]]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a duration such as 30s, 500ms or 2m")
    if not 0 < value <= _LONGEST_DURATION:
        raise ValueError("must be a duration above zero, and of a day at most")
    return float(value)


def accepted(name: str, accepts: Callable[[Any], T], value: Value, scope: Scope) -> T:
    """The value of the place `name` under `system`, as `accepts` returns it.

    Clients call it when they are made. `scope` has the settings of the deployment.

    Raises:
        BadSettings: the place does not accept the value.
    """
    try:
        return accepts(value.evaluate(scope))
    except ValueError as error:
        raise BadSettings([f"{name}: {error}"]) from None


Duration = Annotated[Value, Compiled(compile_value, {}, seconds)]
"""Seconds as a number, or text such as `30s`; or an expression of the settings."""


def host(value: object) -> str:
    """The name or address of the external system.

    Raises:
        ValueError: it is empty or has blanks.
    """
    text = text_of(value)
    if not text or any(char.isspace() for char in text):
        raise ValueError("must be a name or an address")
    return text


def port(value: object) -> int:
    """The port of the external system.

    Raises:
        ValueError: it is not a number of a port.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 65_536:
        raise ValueError("must be a number from 1 to 65535")
    return int(value)


HostText = Annotated[Value, Compiled(text_value, TEXT, host)]
Port = Annotated[Value, Compiled(compile_value, {}, port)]


class BreakerEntry(Entry):
    """The circuit breaker: it opens after `after` failures in a row and probes after `pause`."""

    after: Annotated[int, Field(ge=1, strict=True)] = 10
    pause: Duration = Field(default_factory=lambda: Constant("10s"))


class Limits(Entry):
    """Timeouts, limits and circuit breaker; the base of each protocol's own entry."""

    timeout: Duration = Field(
        default_factory=lambda: Constant("30s"),
        description="Longest wait for a reply, per attempt (30s).",
    )
    connect_timeout: Duration = Field(
        default_factory=lambda: Constant("5s"), description="Longest wait for a connection (5s)."
    )
    rate_limit: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}/s$")] | None = Field(
        None, description="Requests per second and instance, e.g. `50/s`; events above it wait."
    )
    concurrency: Annotated[int, Field(ge=1, strict=True)] = Field(
        250, description="Events at once per instance, each with one call at a time; others wait."
    )
    breaker: BreakerEntry = Field(default_factory=BreakerEntry)


class Tls(Entry):
    """The connector's own certificate, and the authorities that it trusts; all in PEM format."""

    certificate: AnyText | None = None
    key: AnyText | None = None
    password: AnyText | None = None
    ca: AnyText | None = None

    @model_validator(mode="after")
    def _of_use(self) -> "Tls":
        if self.certificate is None and self.ca is None:
            raise ValueError("needs `certificate` or `ca`")
        if self.certificate is None and (self.key or self.password):
            raise ValueError("`key` and `password` need `certificate`")
        return self


class SystemEntry(Entry):
    """The external system; each protocol adds a key with its own name."""

    protocol: ClassVar[str]

    replies: tuple[ReplyRule, ...] = ()

    @property
    def session_fields(self) -> tuple[str, ...] | None:
        """The fields of the name `session` in expressions of calls; None if there is no session."""
        return None

    @property
    def namespaces(self) -> Mapping[str, str] | None:
        """The namespaces by the prefixes of XML in this file; None if it cannot declare any."""
        return None

    def names_at(self, loc: Loc) -> dict[str, tuple[str, ...]]:
        """The names that an expression at `loc` may read besides `settings`, with their fields.

        `loc` is a path in the protocol's own part of the entry, such as `system.http.headers`.
        """
        return {}
