"""What an author is asked about an external system; `connector new` writes a mapping file of it."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connector.mapping.entry import NAME
from connector.mapping.schema import FILE_NAME
from connector_tools.starter import words

_PLACE = re.compile(r"\{([^{}]*)\}")
_DOTTED = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
_TOKEN = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"  # noqa: S105 - how the name of a header looks
_PATH = r"^/[!-~]*$"
OWN_SETTINGS = ("url", "timeout")

Method = Literal["put", "patch", "post", "delete"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Request(_Answer):
    """A request to the system.

    `path` has words of `words.IN_PATHS` and `settings.NAME` in braces. `fields` is the JSON body; a
    text that begins with `=` is one of the words.
    """

    method: Method
    path: str = Field(pattern=_PATH, max_length=500)
    fields: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "Request":
        if re.search(r"[?#{}]", _PLACE.sub("", self.path)):
            raise ValueError("`path` must not have `?`, `#` or a single brace")
        for place in self.places:
            if place not in words.IN_PATHS and not place.startswith(words.SETTING):
                allowed = ", ".join(f"{{{word}}}" for word in words.IN_PATHS)
                raise ValueError(
                    f"`{{{place}}}` of the path is not one of {allowed}, {{settings.NAME}}"
                )
        for leaf in leaves(self.fields):
            if found := words.problem(leaf):
                raise ValueError(found)
        return self

    @property
    def places(self) -> list[str]:
        """What stands in braces in the path."""
        return _PLACE.findall(self.path)

    @property
    def settings(self) -> Iterator[str]:
        """Yield the names of the settings that it reads."""
        texts = [f"={place}" for place in self.places]
        texts += [leaf for leaf in leaves(self.fields) if isinstance(leaf, str)]
        for text in texts:
            if text.startswith(f"={words.SETTING}"):
                yield text.removeprefix(f"={words.SETTING}")


def leaves(value: Any) -> Iterator[Any]:
    """Yield the values inside objects and lists."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


class NoAuth(_Answer):
    """The system wants no credentials."""

    kind: Literal["none"] = "none"


class Bearer(_Answer):
    """A token that never changes."""

    kind: Literal["bearer"] = "bearer"


class Basic(_Answer):
    """User name and password."""

    kind: Literal["basic"] = "basic"


class ApiKey(_Answer):
    """A key in a header or in the query, under this name."""

    kind: Literal["api_key"] = "api_key"
    place: Literal["header", "query"] = "header"
    name: str = Field("X-API-Key", pattern=_TOKEN)


class OAuth2(_Answer):
    """Client credentials: a token from a token endpoint. `url` is an example of its address."""

    kind: Literal["oauth2"] = "oauth2"
    url: str = "https://login.example.com/oauth/token"
    scope: str | None = Field(None, pattern=r"^[!-~]+( [!-~]+)*$")

    @model_validator(mode="after")
    def _check(self) -> "OAuth2":
        if self.scope and (self.scope.startswith("=") or "{{" in self.scope):
            raise ValueError("`scope` must not begin with `=` or have `{{`")
        return self


class Login(_Answer):
    """A session: a request with user and password; its reply has a token, at the place `token`."""

    kind: Literal["login"] = "login"
    path: str = Field("/login", pattern=r"^/[^{}\s]*$")
    user_field: str = Field("username", pattern=_DOTTED)
    password_field: str = Field("password", pattern=_DOTTED)
    token: str = Field("token", pattern=_DOTTED)


KINDS = ("none", "bearer", "basic", "api_key", "oauth2", "login")


def _by_kind(given: Any) -> Any:
    return {"kind": given} if isinstance(given, str) else given


Auth = Annotated[
    Annotated[NoAuth | Bearer | Basic | ApiKey | OAuth2 | Login, Field(discriminator="kind")],
    BeforeValidator(_by_kind),
]
_Name = Annotated[str, Field(pattern=NAME, max_length=60)]
_Default = Annotated[str, Field(pattern=r"^\S([^\n\r]*\S)?$")]
_SAVE = Request(
    method="put",
    path="/subscribers/{imsi}",
    fields={"imsi": "=imsi", "number": "=number", "product": "=product", "active": "=served"},
)
_REMOVE = Request(method="delete", path="/subscribers/{imsi}")


class Answers(_Answer):
    """All answers.

    `url` is an example of the system's address. `save` stores a subscriber; if `create` is given,
    it does so after a 404 of `save`, for a subscriber whom the system does not have. `remove`
    removes one; without it, a SIM that is taken away is saved without service. `rate` is in
    requests a second. `error_field` is the field of a successful reply that only failures have.
    `settings` are fields of every saved subscriber whose value differs between deployments, with
    their defaults.
    """

    name: str = Field(pattern=FILE_NAME, max_length=60)
    summary: str | None = Field(None, min_length=1, max_length=200, pattern=r"^[^\n\r\t]+$")
    url: str = Field("https://api.example.com", pattern=r"^https?://[!-~]+$", max_length=500)
    auth: Auth = Bearer()
    save: Request = _SAVE
    create: Request | None = None
    remove: Request | None = _REMOVE
    rate: int | None = Field(None, ge=1, le=10_000)
    error_field: str | None = Field(None, pattern=_DOTTED)
    settings: dict[_Name, _Default | None] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "Answers":
        if not set(self.save.places) & set(words.IN_PATHS) and not _identified(self.save):
            raise ValueError(
                "`save` names no subscriber: put {imsi} into its path or =imsi into its fields"
            )
        if self.save.method == "delete" or (self.create and self.create.method == "delete"):
            raise ValueError("`save` and `create` cannot be `delete`")
        if self.remove and not set(self.remove.places) & set(words.IN_PATHS):
            raise ValueError("`remove` names no subscriber: put {imsi} into its path")
        clash = sorted({*OWN_SETTINGS, *self.credentials} & {*self.settings, *self.read_settings})
        if clash:
            raise ValueError(
                f"the setting `{clash[0]}` has another meaning here: give it another name"
            )
        for name in self.settings:
            if name in self.save.fields:
                raise ValueError(f"`{name}` is a field of `save` and a setting: remove one of them")
        return self

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of the settings that hold credentials."""
        return {
            "none": (),
            "bearer": ("token",),
            "basic": ("username", "password"),
            "api_key": ("key",),
            "oauth2": ("token_url", "client_id", "client_secret"),
            "login": ("username", "password"),
        }[self.auth.kind]

    @property
    def read_settings(self) -> list[str]:
        """The names of further settings that requests read, beside `settings`."""
        requests = [one for one in (self.save, self.create, self.remove) if one]
        found = dict.fromkeys(name for one in requests for name in one.settings)
        return [name for name in found if name not in self.settings]

    @property
    def says_service(self) -> bool:
        """Whether a field says if a subscriber has service; without one, nothing depends on it."""
        requests = [self.save, *([self.create] if self.create else [])]
        found = (leaf for one in requests for leaf in leaves(one.fields))
        return any(
            isinstance(leaf, str) and leaf.startswith(("=served", "=blocked")) for leaf in found
        )

    @property
    def summary_text(self) -> str:
        """The sentence of the mapping file."""
        return self.summary or f"Keeps the subscribers of {self.name} in step with PortaBilling."


def _identified(request: Request) -> bool:
    return any(leaf in ("=imsi", "=iccid") for leaf in leaves(request.fields))
