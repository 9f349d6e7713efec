"""The entry `system.http` of a mapping file."""

import re
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from connector.mapping.document import Loc
from connector.mapping.entry import TEXT, AnyText, Compiled, Entry, text_value
from connector.mapping.expression import Scope, Value, compile_value
from connector.mapping.session import SESSION
from connector.mapping.system_entry import Limits, SystemEntry, Tls
from connector.mapping.text import in_header, text_of
from connector.outcome import Outcome
from connector.system import Reply
from connector.systems.http.call import HeaderName, HttpCall

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


class SessionKind(Entry):
    """The base of the kinds of `auth` whose values are known only when a request is made."""

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of the values that expressions read as `session.NAME`."""
        raise NotImplementedError

    def names_at(self, loc: Loc) -> dict[str, tuple[str, ...]]:
        """The names, with their fields, that an expression at this path below the kind may read.

        All may read `settings`, too.
        """
        raise NotImplementedError


_KINDS_MODULE = "connector.systems.http.session.entry"


class LazyKind:
    """Makes pydantic validate a kind of `auth` with a class that is imported only if it is used.

    `name` is the name of the class, `module` where it is.
    """

    def __init__(self, name: str, module: str = _KINDS_MODULE) -> None:
        self.name = name
        self.module = module

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            lambda raw, info: self.model.model_validate(raw, context=info.context)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(self.model.__pydantic_core_schema__)

    @property
    def model(self) -> type[Entry]:
        """The class."""
        found: type[Entry] = getattr(import_module(self.module), self.name)
        return found


_KINDS = ("basic", "bearer", "api_key", "oauth2", "assertion", "login", "wsse")


def _listed(raw: object) -> object:
    return raw if isinstance(raw, list | tuple) else [raw]


class Auth(Entry):
    """How the connector authenticates to the external system; exactly one kind."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in _KINDS]})

    basic: Basic | None = None
    bearer: TokenText | None = None
    api_key: Annotated[tuple[ApiKey, ...], BeforeValidator(_listed, ApiKey | list[ApiKey])] = ()
    oauth2: Annotated[SessionKind, LazyKind("OAuth2")] | None = Field(
        None, description="A token from a token endpoint (RFC 6749)."
    )
    assertion: Annotated[SessionKind, LazyKind("Assertion")] | None = Field(
        None, description="A token for a signed assertion (RFC 7523)."
    )
    login: Annotated[SessionKind, LazyKind("Login")] | None = Field(
        None, description="A session that login requests begin."
    )
    wsse: Annotated[SessionKind, LazyKind("Wsse")] | None = Field(
        None, description="User name and password digest in each message (WS-Security)."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Auth":
        if sum(bool(getattr(self, kind)) for kind in _KINDS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(f'`{kind}`' for kind in _KINDS)}")
        return self

    @property
    def session(self) -> SessionKind | None:
        """The kind, if its values are known only when a request is made."""
        return self.oauth2 or self.assertion or self.login or self.wsse


class HttpServer(Limits):
    """An external system that is reached over HTTP; the base of each protocol's own entry."""

    base_url: UrlText
    auth: Auth | None = None
    tls: Tls | None = None
    http2: bool = False
    headers: dict[HeaderName, HeaderText] = {}

    def outgoing(self, call: HttpCall, scope: Scope) -> HttpCall:
        """A call as it is sent; `scope` has the settings and the session.

        Raises:
            ValueError: an expression of the entry fails, or its value has no text.
        """
        return call


class Http(HttpServer):
    """An external system that speaks HTTP."""

    reply: Literal["json", "any"] = "json"


class ServerEntry(SystemEntry):
    """A system that is reached over HTTP; the base for HTTP itself and protocols on top of it."""

    @property
    def server(self) -> HttpServer:
        """The entry below the name of the protocol."""
        found: HttpServer = getattr(self, self.protocol)
        return found

    def understood(self, reply: Reply, *, is_json: bool) -> tuple[Reply, str | None]:
        """The reply as the protocol reads it, and why it cannot be one of this system, or None.

        `reply` has the outcome of its HTTP status; `is_json` is true if its body is JSON or blank.
        """
        return reply, None

    @property
    def session(self) -> SessionKind | None:
        """The kind of `auth` whose values expressions read as `session.NAME`; None without one."""
        return self.server.auth.session if self.server.auth else None

    @property
    def session_fields(self) -> tuple[str, ...] | None:
        """See `SystemEntry`."""
        return self.session.gives if self.session else None

    def names_at(self, loc: Loc) -> dict[str, tuple[str, ...]]:
        """See `SystemEntry`."""
        if self.session is None:
            return {}
        if loc[:3] == ("system", self.protocol, "headers"):
            return {SESSION: self.session.gives}
        in_kind = loc[:3] == ("system", self.protocol, "auth") and len(loc) > 4
        return self.session.names_at(loc[4:]) if in_kind else {}


class HttpSystemEntry(ServerEntry):
    """An external system over HTTP, and what its replies mean."""

    protocol = "http"

    http: Http

    def understood(self, reply: Reply, *, is_json: bool) -> tuple[Reply, str | None]:
        """See `ServerEntry`."""
        wanted = self.http.reply == "json" and reply.outcome is Outcome.APPLIED
        return reply, "API Core's reply is not JSON" if wanted and not is_json else None
