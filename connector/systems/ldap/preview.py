"""An LDAP request for people to read."""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.mapping.expression import Constant, Scope, formed
from connector.mapping.protocol import Preview
from connector.mapping.text import text_of
from connector.systems.ldap.call import LdapCall
from connector.systems.ldap.entry import LdapSystemEntry
from connector.systems.ldap.names import under
from connector.systems.ldap.values import Attribute


def preview(call: LdapCall, entry: LdapSystemEntry, settings: Mapping[str, Any]) -> Preview:
    """The request of a call with its full name; the login has no part in it."""
    base = formed(entry.ldap.base or Constant(""), Scope(settings=settings), text_of)
    return Preview(f"{call.method} {under(base, call.dn)}", body="\n".join(_lines(call)))


def _lines(call: LdapCall) -> Iterator[str]:
    if call.read_only:
        yield f"scope {call.scope}"
        yield f"filter {call.filter}"
        yield f"attributes {', '.join((*call.texts, *call.lists)) or 'none'}"
    if call.assertion is not None:
        yield f"assert {call.assertion}"
    yield from map(_line, call.attributes)
    for kind, attribute in call.changes:
        yield f"{kind} {_line(attribute)}"


def _line(attribute: Attribute) -> str:
    texts = [value.decode(errors="backslashreplace") for value in attribute.values]
    if attribute.name.startswith("="):  # an expression that is not known yet
        return attribute.name
    return f"{attribute.name}: {', '.join(texts) or 'no value'}"
