"""Answers from an OpenAPI document: the address, the login, and the requests of a subscriber."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from connector_tools.starter import words
from connector_tools.starter.openapi_document import BadDocument, Document, Node
from connector_tools.starter.openapi_fields import Fields, setting_name

_METHODS = ("put", "patch", "post", "delete")
_SUBSCRIBER = re.compile(r"subscriber|sim|imsi|customer|user|account|device|line|member", re.I)
_PLACE = re.compile(r"\{([^{}]+)\}")
_CREDENTIALS = ("token", "username", "password", "key", "token_url", "client_id", "client_secret")


class Operation(NamedTuple):
    """A request of the document: its method, its path as it stands there, its description."""

    method: str
    path: str
    node: Node

    @property
    def places(self) -> list[str]:
        """The parameters in its path."""
        return _PLACE.findall(self.path)


class Suggestion(NamedTuple):
    """Answers as in a file of answers, and the guesses that an author must confirm."""

    answers: dict[str, Any]
    to_check: list[str]


def suggestion(document: Document) -> Suggestion:
    """What a document says about the questions of `connector new`.

    Raises:
        BadDocument: it has no request that stores anything, or its references are broken.
    """
    notes: list[str] = []
    found: dict[str, Any] = {}
    if url := _url(document, notes):
        found["url"] = url
    found["auth"] = _auth(document, notes)
    found |= _requests(document, notes)
    return Suggestion(found, list(dict.fromkeys(notes)))


def operations(document: Document) -> Iterator[Operation]:
    """Yield the requests of the document that change something."""
    for path in document.object(document.root, "paths"):
        if not str(path).startswith("/"):  # YAML also has numbers as keys
            continue
        for method in _METHODS:
            node = document.get(document.root, "paths", path, method)
            if isinstance(node, dict):
                yield Operation(method, path, node)


def _url(document: Document, notes: list[str]) -> str | None:
    """The address of the first server, with the defaults of its variables."""
    server = document.object(document.root, "servers", 0)
    url = str(server.get("url") or "")
    for name in _PLACE.findall(url):
        default = document.object(server, "variables", name).get("default")
        if default is None:
            notes.append(f"the address of the system has a variable without a default: {url}")
            return None
        url = url.replace(f"{{{name}}}", str(default))
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and re.fullmatch(r"[!-~]+", url):
        return url.rstrip("/")
    if url.startswith("/") and url != "/" and re.fullmatch(r"/[\w./-]*", url):
        notes.append(f"the document has no host: the address of the system ends with {url}")
        return "https://api.example.com" + url.rstrip("/")
    return None


def _auth(document: Document, notes: list[str]) -> dict[str, Any]:
    """The first login of the document that can be used."""
    schemes = document.object(document.root, "components", "securitySchemes")
    wanted: dict[str, Any] = {}
    for one in document.list(document.root, "security"):
        wanted |= one if isinstance(one, dict) else {}
    refused = []
    for name in [*wanted, *schemes]:
        scheme = document.object(schemes, name)
        if found := _kind_of_auth(document, scheme, document.list(wanted, name)):
            return found
        refused.append(f"{scheme.get('type')} `{name}`")
    if refused:
        notes.append(f"the login {refused[0]} must be written by hand: see docs/mapping.md")
    return {"kind": "none"}


def _kind_of_auth(document: Document, scheme: Node, scopes: list[Any]) -> dict[str, Any] | None:
    """The login of a scheme, with the scopes that the document asks for; None if it has no kind."""
    match scheme.get("type"), str(scheme.get("scheme", "")).lower(), scheme.get("in"):
        case "http", "bearer", _:
            return {"kind": "bearer"}
        case "http", "basic", _:
            return {"kind": "basic"}
        case "apiKey", _, ("header" | "query") as place:
            return {"kind": "api_key", "place": place, "name": str(scheme.get("name"))}
    flow = document.object(scheme, "flows", "clientCredentials")
    if scheme.get("type") == "oauth2" and flow.get("tokenUrl"):
        names = " ".join(map(str, scopes or document.object(flow, "scopes")))
        return {"kind": "oauth2", "url": str(flow["tokenUrl"]), "scope": names or None}
    return None


def _requests(document: Document, notes: list[str]) -> dict[str, Any]:
    """The requests with which a subscriber is stored, created and removed."""
    all_of_them = list(operations(document))
    items = sorted(
        (one for one in all_of_them if one.places and one.path.endswith("}")), key=_likeness
    )
    stored = [one for one in items if one.method in ("put", "patch")]
    collections = sorted(
        (one for one in all_of_them if one.method == "post" and _is_collection(one)), key=_likeness
    )
    save = next(iter(stored or collections), None)
    if save is None:
        raise BadDocument("it has no request that stores something: a PUT, PATCH or POST")
    collection = save.path.rsplit("/", 1)[0]
    fields = Fields(document, _CREDENTIALS, notes.append)
    found: dict[str, Any] = {"save": _request(document, save, fields, notes)}
    create = next((one for one in collections if one.path == collection and save.places), None)
    if create:
        found["create"] = _request(document, create, fields, notes)
    remove = [one for one in items if one.method == "delete"]
    same = [
        one for one in remove if one.path == save.path or one.path.rsplit("/", 1)[0] == save.path
    ]
    found["remove"] = _request(document, same[0], fields, notes) if same else None
    return found


def _likeness(one: Operation) -> tuple[int, int, int]:
    """How little a request looks like one about a subscriber; the least comes first."""
    unlike = 0 if re.search(r"imsi", one.path, re.I) else 1 if _SUBSCRIBER.search(one.path) else 2
    return unlike, len(one.places), {"put": 0, "patch": 1}.get(one.method, 2)


def _is_collection(one: Operation) -> bool:
    return not one.path.endswith("}")


def _request(
    document: Document, one: Operation, fields: Fields, notes: list[str]
) -> dict[str, Any]:
    path = one.path.rstrip("/") or "/"
    for name in one.places:
        last = path.rstrip("/").endswith(f"{{{name}}}")
        path = path.replace(f"{{{name}}}", _place(name, last=last, notes=notes, path=one.path))
    found: dict[str, Any] = {"method": one.method, "path": path}
    if one.method != "delete":
        body = document.object(one.node, "requestBody", "content")
        kinds = [kind for kind in body if "json" in kind]
        if body and not kinds:
            notes.append(f"the body of {one.path} is {next(iter(body))}: write it by hand")
        found["fields"] = fields.of(document.get(body, kinds[0], "schema")) if kinds else {}
        _identify(found, one, notes)
    return found


def _place(name: str, *, last: bool, notes: list[str], path: str) -> str:
    word = words.guess(name)
    if word in words.IN_PATHS:
        return f"{{{word}}}"
    if last:
        notes.append(f"`{{{name}}}` of {path} is the IMSI")
        return "{imsi}"
    setting = setting_name(name, {*_CREDENTIALS, "url", "timeout"})
    notes.append(f"`{{{name}}}` of {path} is the setting `{setting}`")
    return f"{{{words.SETTING}{setting}}}"


def _identify(found: dict[str, Any], one: Operation, notes: list[str]) -> None:
    """Add the IMSI to a body without one, if the path does not have it either."""
    texts = [found["path"], *map(str, found["fields"].values())]
    if not any(word in text for word in ("{imsi}", "{iccid}", "=imsi", "=iccid") for text in texts):
        found["fields"] = {"imsi": "=imsi", **found["fields"]}
        notes.append(f"{one.path} names no IMSI in the document: it is the field `imsi`")
