"""The values of `system.ldap` in a deployment: where the server is, TLS, and the login."""

import ssl
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from connector.mapping.expression import Constant, Scope, Value, formed
from connector.mapping.system_entry import accepted, host, port, seconds
from connector.mapping.text import text_of
from connector.settings import BadSettings
from connector.systems.connect import CONNECT_SHARE
from connector.systems.ldap.entry import PORTS, Ldap, name, tls


class Login(NamedTuple):
    """The name and the password of a simple bind."""

    name: str
    password: str


class Place(NamedTuple):
    """Where the server is; names in calls are relative to `base`, times are in seconds.

    `context` is None without TLS.
    """

    host: str
    port: int
    tls: Literal["none", "starttls", "ldaps"]
    context: ssl.SSLContext | None
    base: str
    timeout: float
    connect_timeout: float


def place_of(ldap: Ldap, settings: Mapping[str, Any]) -> Place:
    """Compute `system.ldap` for this deployment; `settings` are the values by name.

    Raises:
        BadSettings: a value cannot be used.
    """
    scope = Scope(settings=settings)
    way = accepted("system.ldap.tls", tls, ldap.tls, scope)
    timeout = accepted("system.ldap.timeout", seconds, ldap.timeout, scope)
    connect = accepted("system.ldap.connect_timeout", seconds, ldap.connect_timeout, scope)
    return Place(
        host=accepted("system.ldap.host", host, ldap.host, scope),
        port=accepted("system.ldap.port", port, ldap.port or Constant(PORTS[way]), scope),
        tls=way,
        context=None if way == "none" else _context(_text(ldap.ca, scope)),
        base=accepted("system.ldap.base", name, ldap.base or Constant(""), scope),
        timeout=timeout,
        connect_timeout=min(connect, CONNECT_SHARE * timeout),
    )


def login_of(ldap: Ldap, settings: Mapping[str, Any]) -> Login | None:
    """The login as it is now; None for an anonymous connection. A rotated secret takes effect.

    Raises:
        BadSettings: the name or the password is missing; servers take a bind without a password
            for an anonymous one.
    """
    if ldap.bind_dn is None:
        return None
    scope = Scope(settings=settings)
    found = {"bind_dn": _text(ldap.bind_dn, scope), "password": _text(ldap.password, scope)}
    missing = [key for key, text in found.items() if not text]
    if missing:
        raise BadSettings([f"system.ldap.{key}: is missing: check its secret" for key in missing])
    return Login(found["bind_dn"] or "", found["password"] or "")


def _context(ca: str | None) -> ssl.SSLContext:
    """A context that trusts `ca` alone, or the machine's authorities without it."""
    try:
        return ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError):
        raise BadSettings(["system.ldap.ca: must be certificates in PEM format"]) from None


def _text(value: Value | None, scope: Scope) -> str | None:
    """The text of a value; None if it is not in the mapping file, or has no text."""
    try:
        return formed(value, scope, text_of) if value is not None else None
    except ValueError:
        return None
