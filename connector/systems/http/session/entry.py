"""The kinds of `system.http.auth` that need a login, or values made for each request.

`connector.systems.http.entry` imports this module only if a mapping file names such a kind.
"""

import re
from typing import Annotated, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import Field, model_validator

from connector.mapping.document import Loc
from connector.mapping.entry import TEXT, AnyText, AnyValue, Compiled, Condition, Name, text_value
from connector.mapping.expression import Value
from connector.mapping.protocol import AnyScriptedReply
from connector.mapping.session import SESSION
from connector.mapping.text import text_of
from connector.systems.http.call import HttpCallEntry, HttpRequestEntry, RequestEntry
from connector.systems.http.entry import SessionKind

_Names = dict[str, tuple[str, ...]]

REPLY: _Names = {"reply": HttpCallEntry.reply_fields}
_LOGIN_REPLY: _Names = {"reply": (*HttpCallEntry.reply_fields, "cookies")}
_ENDPOINT = re.compile(
    r"https?://(?:[\w.~-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(?:/[^\s?#]*)?(?:\?[^\s#]*)?",
    re.IGNORECASE,
)


def endpoint(value: object) -> str:
    """The URL of a token endpoint; unlike a base URL it can have a query.

    Raises:
        ValueError: it is not a URL of a host, or has a user or a fragment.
    """
    text = text_of(value)
    found = _ENDPOINT.fullmatch(text)
    if not found or not text.isprintable() or int(found[1] or 1) not in range(1, 65_536):
        raise ValueError("must be a URL such as https://host/token, without a user")
    return text


EndpointText = Annotated[Value, Compiled(text_value, TEXT, endpoint)]


class LoginKind(SessionKind):
    """The base of the kinds that log in, and so have a session that ends."""

    lifetime: AnyValue | None = Field(
        None,
        description="How long a session lives: seconds, or text such as `9m`; an expression can "
        "read the login's `reply`.",
    )
    expired_when: Condition | None = Field(
        None, description="A `reply` to a call, besides 401, that says that the session has ended."
    )


class TokenKind(LoginKind):
    """The base of the kinds that get a token from a token endpoint."""

    url: EndpointText
    scope: AnyText | None = None
    audience: AnyText | None = None
    base_url: AnyText | None = Field(
        None,
        description="The base URL of calls, if the `reply` with the token decides it, such as "
        "`=reply.json.instance_url`.",
    )
    example: AnyScriptedReply | None = Field(
        None, description="The reply with the token; tests of the file read it for `base_url`."
    )
    form: dict[str, AnyValue] = Field({}, description="More fields of the request for a token.")

    @model_validator(mode="after")
    def _has_example(self) -> Self:
        if self.base_url is not None and self.example is None:
            raise ValueError("needs an `example`: the reply that `base_url` reads in tests")
        return self

    @property
    def gives(self) -> tuple[str, ...]:
        """See `SessionKind`."""
        return ("token",)

    def names_at(self, loc: Loc) -> _Names:
        """See `SessionKind`."""
        of: dict[str | int, _Names] = {
            "lifetime": _LOGIN_REPLY,
            "expired_when": REPLY,
            "base_url": _LOGIN_REPLY,
        }
        return of.get(loc[0], {})


class OAuth2(TokenKind):
    """A token from a token endpoint (RFC 6749); it is sent as `Authorization: Bearer ...`."""

    grant: Literal["client_credentials", "password", "refresh_token"] = "client_credentials"
    client_id: AnyText | None = None
    client_secret: AnyText | None = None
    client: Literal["basic", "body"] = Field(
        "basic", description="Where the request has the client's id and secret."
    )
    username: AnyText | None = None
    password: AnyText | None = None
    refresh_token: AnyText | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "client_credentials": ("client_id", "client_secret"),
            "password": ("username", "password"),
            "refresh_token": ("refresh_token",),
        }
        missing = [name for name in needed[self.grant] if getattr(self, name) is None]
        if missing:
            names = " and ".join(f"`{name}`" for name in missing)
            raise ValueError(f"needs {names} for the grant {self.grant}")
        if self.client_secret is not None and self.client_id is None:
            raise ValueError("needs `client_id` if it has `client_secret`")
        return self


class Assertion(TokenKind):
    """A token for a JSON Web Token that the connector signs with RS256 (RFC 7523)."""

    key: AnyText = Field(description="The private key, in PEM format.")
    key_id: AnyText | None = None
    claims: dict[str, AnyValue] = Field(
        description="Claims; the connector adds `iat`, `exp` and `jti`."
    )


class TakingRequest(RequestEntry):
    """A request of a login, and the values to take from its reply; the base of each protocol's."""

    take: dict[Name, AnyValue] = Field(
        {}, description="Values of the `reply` by name, for `session.NAME`."
    )
    example: AnyScriptedReply | None = Field(
        None, description="A reply as the system sends it; tests of the file log in with it."
    )

    @model_validator(mode="after")
    def _has_example(self) -> Self:
        if self.take and self.example is None:
            raise ValueError("needs an `example`: the reply that `take` reads in tests")
        return self


class LoginRequest(TakingRequest, HttpRequestEntry):
    """A request of a login over HTTP."""


TakingOf = TypeVar("TakingOf", bound=TakingRequest)
RequestOf = TypeVar("RequestOf", bound=RequestEntry)


class LoginOf(LoginKind, Generic[TakingOf, RequestOf]):
    """A session that one or several requests begin; the base of each protocol's own entry."""

    fields: ClassVar[tuple[str, ...]]
    """The fields of a reply."""

    requests: Annotated[tuple[TakingOf, ...], Field(min_length=1)]
    base_url: AnyText | None = Field(
        None, description="The base URL of calls, if the login's reply decides it."
    )
    logout: RequestOf | None = Field(
        None, description="The request that ends the session when the connector stops."
    )
    sessions: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="Sessions that the system allows this user; one for each instance."
    )

    @property
    def gives(self) -> tuple[str, ...]:
        """See `SessionKind`."""
        return self._taken(len(self.requests))

    def names_at(self, loc: Loc) -> _Names:
        """See `SessionKind`."""
        match loc:
            case ("expired_when",):
                return {"reply": self.fields}
            case ("requests", int(index), key, *_):
                before = self._taken(index)
                names: _Names = {SESSION: before} if before else {}
                return names | (self._reply if key == "take" else {})
            case ("lifetime", *_):
                return {SESSION: self.gives, **self._reply}
        return {SESSION: self.gives}

    @property
    def _reply(self) -> _Names:
        return {"reply": (*self.fields, "cookies")}

    def _taken(self, index: int) -> tuple[str, ...]:
        """The names of the values that the requests before this one take, in order."""
        names = [name for request in self.requests[:index] for name in request.take]
        return tuple(dict.fromkeys(names))


class Login(LoginOf[LoginRequest, HttpRequestEntry]):
    """A session that one or several requests begin; cookies are kept with it."""

    fields = HttpCallEntry.reply_fields


class Wsse(SessionKind):
    """User name and password in each message, as a WS-Security UsernameToken."""

    username: AnyText
    password: AnyText
    plain: bool = Field(False, description="Send the password itself in place of its digest.")

    @property
    def gives(self) -> tuple[str, ...]:
        """See `SessionKind`."""
        return ("security", "username", "digest", "nonce", "created")

    def names_at(self, loc: Loc) -> _Names:
        """See `SessionKind`."""
        return {}
