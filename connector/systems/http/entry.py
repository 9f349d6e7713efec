"""The entry `system.http` of a mapping file."""

from typing import Literal

from pydantic import model_validator

from connector.mapping.entry import AnyText, Entry
from connector.mapping.system_entry import Limits, SystemEntry
from connector.systems.http.call import HeaderName, HeaderText


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
    bearer: AnyText | None = None
    api_key: ApiKey | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Auth":
        if sum(kind is not None for kind in (self.basic, self.bearer, self.api_key)) != 1:
            raise ValueError("needs exactly one of `basic`, `bearer`, `api_key`")
        return self


class Http(Limits):
    """An external system that speaks HTTP."""

    base_url: AnyText
    auth: Auth | None = None
    headers: dict[HeaderName, HeaderText] = {}
    reply: Literal["json", "any"] = "json"


class HttpSystemEntry(SystemEntry):
    """An external system over HTTP, and what its replies mean."""

    protocol = "http"

    http: Http
