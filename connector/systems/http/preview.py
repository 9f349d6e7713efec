"""An HTTP request for people to read."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from connector.mapping.expression import Scope, formed
from connector.mapping.protocol import Preview
from connector.mapping.session import HIDDEN, UNKNOWN_SESSION
from connector.mapping.text import text_of
from connector.systems.http.call import MEDIA_TYPES, HttpCall
from connector.systems.http.credentials import hidden
from connector.systems.http.entry import ServerEntry
from connector.systems.http.request import request


def preview(call: HttpCall, entry: ServerEntry, settings: Mapping[str, Any]) -> Preview:
    """The request of a call, with a body that is easy to read and with hidden credentials.

    `settings` have `***` in place of each secret.
    """
    scope = Scope(settings=settings, session=UNKNOWN_SESSION)
    base_url = formed(entry.server.base_url, scope, text_of).rstrip("/")
    if getattr(entry.session, "base_url", None):
        base_url = HIDDEN  # the reply to the login decides it
    made = request(call, base_url, entry.server, hidden(entry.server.auth), scope)
    url = made.url.replace(quote(HIDDEN), HIDDEN)
    return Preview(f"{made.method} {url}", made.headers, _body(call, made.body.decode()))


def _body(call: HttpCall, body: str) -> str:
    if call.content_type == MEDIA_TYPES["json"]:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    if call.content_type == MEDIA_TYPES["form"]:
        pairs = parse_qsl(body, keep_blank_values=True)
        return "\n".join(f"{name}={value}" for name, value in pairs)
    return body
