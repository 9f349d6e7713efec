"""Makes the HTTP request of a call; the client and the previews share it."""

from typing import NamedTuple
from urllib.parse import urlencode

from connector.mapping.expression import Scope, formed
from connector.mapping.text import text_of
from connector.systems.http.call import HttpCall
from connector.systems.http.credentials import HttpCredentials
from connector.systems.http.entry import HttpServer


class Request(NamedTuple):
    """A request. Each header name occurs once, in the spelling of the mapping."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def request(
    call: HttpCall, base_url: str, http: HttpServer, credentials: HttpCredentials, scope: Scope
) -> Request:
    """The request of a call; a pure function. `scope` has the settings.

    Headers are merged case-insensitively, and later headers win, in this order: the connector's
    own, `system.http.headers`, the call's, the credentials.

    Raises:
        ValueError: an expression of `http` fails, or its value has no text.
    """
    call = http.outgoing(call, scope)
    headers = [("User-Agent", "nsps-connector"), ("Accept-Encoding", "identity")]
    if call.content_type:
        headers.append(("Content-Type", call.content_type))
    headers += [(name, formed(value, scope, text_of)) for name, value in http.headers.items()]
    headers += [*call.headers.items(), *credentials.headers]
    url, query = base_url + call.path, call.query + credentials.query
    if query:
        url += ("&" if "?" in call.path else "?") + urlencode(query)
    once = {name.lower(): (name, value) for name, value in headers}
    return Request(call.method, url, tuple(once.values()), call.body or b"")
