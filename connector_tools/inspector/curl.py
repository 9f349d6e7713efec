"""A call as a line of curl, with `$NAME` in place of each secret."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from connector.call import Call
from connector.mapping.expression import Scope, formed
from connector.mapping.schema import MappingFile
from connector.mapping.text import text_of
from connector.systems.http.call import HttpCall
from connector.systems.http.credentials import HttpCredentials, credentials
from connector.systems.http.entry import ServerEntry
from connector.systems.http.request import request

_MARK = "zqSECRET{}zq"  # letters only, so that no encoding changes it
_MARKS = re.compile(r"zqSECRET([0-9]+)zq")
_SESSION = "SESSION_TOKEN"


class NoCurl(Exception):  # noqa: N818 - an answer to the page
    """The call is no request of HTTP; the text says so."""


def curl(call: Call, mapping: MappingFile, shown: Mapping[str, Any]) -> str:
    """The line for a call; `shown` are the settings with `***` in place of each secret.

    Raises:
        NoCurl: the system does not speak HTTP, or a value of the request cannot be written.
    """
    entry = mapping.system
    if not isinstance(entry, ServerEntry) or not isinstance(call, HttpCall):
        raise NoCurl(f"curl cannot speak `{mapping.protocol.name}`: copy the request instead")
    names = [one.secret for one in mapping.settings.values() if one.secret]
    marked = {
        name: _MARK.format(names.index(one.secret)) if one.secret else shown.get(name)
        for name, one in mapping.settings.items()
    }
    scope = Scope(settings=marked, session=_Session(len(names)))
    auth = entry.server.auth
    try:
        proof, more = HttpCredentials(), []
        if auth and auth.basic:
            more = ["-u", _pair(auth.basic, scope)]
        elif auth:
            proof = credentials(auth, scope)
        made = request(call, _base(entry, scope), entry.server, proof, scope)
    except ValueError:
        raise NoCurl("a value of this request cannot be written without its secret") from None
    parts = ["curl", "-sS", "-X", made.method, *more]
    for name, value in made.headers:
        parts += ["-H", f"{name}: {value}"]
    if auth and auth.session and not proof.headers:
        parts += ["-H", f"Authorization: Bearer {_MARK.format(len(names))}"]
    if made.body:
        parts += ["--data-binary", made.body.decode(errors="replace")]
    parts.append(made.url)
    return " ".join(_quoted(part, [*names, _SESSION]) for part in parts)


class _Session(dict[str, str]):
    """A session of which each value is the variable `$SESSION_TOKEN`."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._mark = _MARK.format(number)

    def get(self, name: str, default: object = None) -> str:
        return self._mark


def _base(entry: ServerEntry, scope: Scope) -> str:
    return formed(entry.server.base_url, scope, text_of).rstrip("/")


def _pair(basic: Any, scope: Scope) -> str:
    return ":".join(formed(one, scope, text_of) for one in (basic.username, basic.password))


def _quoted(part: str, names: list[str]) -> str:
    """A part of the line for a shell; the secrets in it are variables."""
    pieces = _MARKS.split(part)
    found = []
    for at, piece in enumerate(pieces):
        if at % 2:
            found.append(f'"${_variable(names[int(piece)])}"')
        elif piece or len(pieces) == 1:
            found.append(shlex.quote(piece))
    return "".join(found)


def _variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)
