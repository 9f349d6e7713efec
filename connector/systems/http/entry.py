"""The entry `system.http` of a mapping file."""

import re
from typing import Annotated, Literal

from pydantic import model_validator

from connector.mapping.entry import TEXT, AnyText, Compiled, Entry, text_value
from connector.mapping.expression import Value, compile_value
from connector.mapping.system_entry import Limits, SystemEntry
from connector.mapping.text import in_header, text_of
from connector.systems.http.call import HeaderName

_URL = re.compile(
    r"https?://(?:[\w.~-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(?:/[^\s?#]*)?", re.IGNORECASE
)


def base_url(value: object) -> str:
    """The URL of the external system, without a slash at its end.

    Raises:
        ValueError: it is not a URL of a host, or has a user, a query or a fragment.
    """
    text = text_of(value)
    found = _URL.fullmatch(text)
    if not found or not text.isprintable() or int(found[1] or 1) not in range(1, 65_536):
        raise ValueError("must be a URL such as https://host/path, without a user and a query")
    return text.rstrip("/")


def _in_header(value: object) -> str:
    """Check a value that every request has in a header."""
    return in_header(text_of(value))


UrlText = Annotated[Value, Compiled(text_value, TEXT, base_url)]
HeaderText = Annotated[Value, Compiled(lambda raw: compile_value(raw, in_header), TEXT, _in_header)]
TokenText = Annotated[Value, Compiled(text_value, TEXT, _in_header)]


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
    """How the connector authenticates to the external system; one of the three."""

    basic: Basic | None = None
    bearer: TokenText | None = None
    api_key: ApiKey | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Auth":
        if sum(kind is not None for kind in (self.basic, self.bearer, self.api_key)) != 1:
            raise ValueError("needs exactly one of `basic`, `bearer`, `api_key`")
        return self


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


class Http(Limits):
    """An external system that speaks HTTP."""

    base_url: UrlText
    auth: Auth | None = None
    tls: Tls | None = None
    headers: dict[HeaderName, HeaderText] = {}
    reply: Literal["json", "any"] = "json"


class HttpSystemEntry(SystemEntry):
    """An external system over HTTP, and what its replies mean."""

    protocol = "http"

    http: Http
