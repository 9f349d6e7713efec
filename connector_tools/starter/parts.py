"""The parts of a mapping file that answers decide: settings, login, and requests."""

import base64
from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

from connector_tools.starter import words
from connector_tools.starter.answers import OWN_SETTINGS, Answers, ApiKey, Login, OAuth2, Request
from connector_tools.starter.words import Seen

Body = dict[str, Any]


class SettingLine(NamedTuple):
    """A setting: its entry in the mapping file, its variable, its default, what it is."""

    name: str
    variable: str
    secret: bool
    about: str
    kind: str = "text"
    default: Any = None

    @property
    def entry(self) -> Body:
        """The entry under `settings`."""
        found: Body = {"secret" if self.secret else "env": self.variable}
        found |= {} if self.default is None else {"default": self.default}
        return found | ({} if self.kind == "text" else {"type": self.kind})

    @property
    def in_tests(self) -> Any:
        """The value that it has in the tests of the file."""
        return self.default if self.default is not None else f"test-{self.name}"


_CREDENTIALS = {
    "token": "The token of the connector.",
    "username": "The user of the connector.",
    "password": "Its password.",
    "key": "The key of the connector.",
    "client_id": "The id of the connector as a client.",
    "client_secret": "The secret of this client.",
}


def setting_lines(answers: Answers) -> list[SettingLine]:
    """All settings of the file."""
    prefix = answers.name.upper().replace("-", "_")

    def line(name: str, about: str, **more: Any) -> SettingLine:
        secret = more.pop("secret", False)
        return SettingLine(name, f"{prefix}_{name.upper()}", secret, about, **more)

    url, timeout = OWN_SETTINGS
    found = [line(url, f"The address of the system, such as `{answers.url}`.", kind="url")]
    found.append(line(timeout, "Seconds for one request.", kind="number", default=30))
    for name in answers.credentials:
        if name == "token_url" and isinstance(answers.auth, OAuth2):
            about = f"The token endpoint, such as `{answers.auth.url}`."
            found.append(line(name, about, kind="url"))
        else:
            found.append(line(name, _CREDENTIALS[name], secret=True))
    for name, default in answers.settings.items():
        found.append(line(name, f"The field `{name}` of each subscriber.", default=default))
    for name in answers.read_settings:
        found.append(line(name, f"The value of `{name}` in requests."))
    return found


def auth(answers: Answers) -> tuple[Body, Body]:
    """The entries `auth` and `headers` of `system.http`; each is empty if it is not needed."""
    match answers.auth:
        case ApiKey(place=place, name=name):
            return {"api_key": {place: name, "value": "=settings.key"}}, {}
        case OAuth2(scope=scope):
            names = ("client_id", "client_secret")
            found = {"url": "=settings.token_url"} | {one: f"=settings.{one}" for one in names}
            return {"oauth2": found | ({"scope": scope} if scope else {})}, {}
        case Login() as login:
            return _login(login), {"Authorization": "Bearer {{ session.token }}"}
    constant: dict[str, Body] = {
        "none": {},
        "bearer": {"bearer": "=settings.token"},
        "basic": {"basic": {"username": "=settings.username", "password": "=settings.password"}},
    }
    return constant[answers.auth.kind], {}


def _login(login: Login) -> Body:
    request = {
        "post": login.path,
        "json": nested(login.user_field, "=settings.username")
        | nested(login.password_field, "=settings.password"),
        "take": {"token": f"=reply.json.{login.token}"},
        "example": {"json": nested(login.token, "t-1")},
    }
    return {"login": {"requests": [request]}}


def nested(dotted: str, value: Any) -> Body:
    """An object with a value at a dotted place: `{data: {token: t-1}}`."""
    found = reduce(lambda inner, name: {name: inner}, reversed(dotted.split(".")), value)
    return dict(found)


def proof(answers: Answers) -> Body:
    """What a request of a test has to prove who sends it: the keys of an expected call."""
    match answers.auth.kind:
        case "bearer" | "oauth2":
            return {"headers": {"authorization": "Bearer test-token"}}
        case "basic":
            text = base64.b64encode(b"test-username:test-password").decode()
            return {"headers": {"authorization": f"Basic {text}"}}
        case "login":
            return {"headers": {"authorization": "Bearer t-1"}}
        case "api_key":
            assert isinstance(answers.auth, ApiKey)  # noqa: S101 - of this kind
            if answers.auth.place == "query":
                return {"query": {answers.auth.name: "test-key"}}
            return {"headers": {answers.auth.name.lower(): "test-key"}}
    return {}


def given_call(request: Request, extra: Body | None = None) -> Body:
    """A request of a rule, for the SIM of the event; `extra` are further fields."""
    path = _path(request, lambda word: f"{{{{ {words.WORDS[word].given} }}}}")
    return _call(request, path, _mapped({**request.fields, **(extra or {})}, words.given))


def taken_call(request: Request, extra: Body | None = None) -> Body:
    """A request of a rule, for a SIM that is taken away."""
    path = _path(request, lambda word: f"{{{{ {words.WORDS[word].taken} }}}}")
    return _call(request, path, _mapped({**request.fields, **(extra or {})}, words.taken))


def expected_call(request: Request, seen: Seen, values: Body, extra: Body | None = None) -> Body:
    """The request that a test expects; `values` are those of the settings."""

    def text(word: str) -> str:
        return str(seen.value(f"={word}", values))

    body = _mapped({**request.fields, **(extra or {})}, lambda leaf: seen.value(leaf, values))
    return _call(request, _path(request, text, values), body)


def any_path(request: Request) -> str:
    """The request as a key under `system` of a test."""
    return f"{request.method.upper()} {_path(request, lambda _: '*', None, star=True)}"


def _call(request: Request, path: str, body: Body) -> Body:
    has_body = request.method != "delete" or body
    return {request.method: path} | ({"json": body} if has_body and body else {})


def _path(
    request: Request, word: Callable[[str], str], values: Body | None = None, *, star: bool = False
) -> str:
    path = request.path
    for place in request.places:
        if place.startswith(words.SETTING):
            name = place.removeprefix(words.SETTING)
            text = "*" if star else str(values[name]) if values else f"{{{{ {place} }}}}"
        else:
            text = word(place)
        path = path.replace(f"{{{place}}}", text.replace("{", "\0").replace("}", "\1"))
    return path.replace("\0", "{").replace("\1", "}")


def _mapped(value: Any, one: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(inner, one) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, one) for inner in value]
    return one(value)
