"""A real slapd for the tests, and calls to it; a machine without slapd skips them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.mapping.expression import Scope
from connector.system import Renewal, Reply
from connector.systems.ldap.call import LdapCall, LdapCallEntry
from connector.systems.ldap.client import LdapSystem
from connector.systems.ldap.entry import LdapSystemEntry
from connector.systems.ldap.wire import open_connection
from connector_tools.counterparts.hss_ldap import BASE, USER, HssLdap
from connector_tools.counterparts.real.slapd import HOST
from connector_tools.program import NotInstalled
from tests.support.calls import turn_of

IMSI, NUMBER = "001010000000077", "420700000077"
NAME = f"imsi={IMSI}"
SUBSCRIBER = {"objectClass": "hssSubscriber", "imsi": IMSI, "hssBarred": "FALSE"}


@contextmanager
def running(folder: Path, certificate: Path | None = None) -> Iterator[HssLdap]:
    hss = HssLdap(folder, (certificate, certificate) if certificate else None)
    try:
        hss.start()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    try:
        yield hss
    finally:
        hss.stop()


def client(
    hss: HssLdap,
    settings: Mapping[str, Any] | None = None,
    renewal: Renewal | None = None,
    replies: tuple[Mapping[str, Any], ...] = (),
    **ldap: Any,
) -> LdapSystem:
    """A client as a mapping with this `system.ldap` makes it; to be opened."""
    written = {
        "host": HOST,
        "port": hss.slapd.port,
        "base": BASE,
        "bind_dn": USER,
        "password": hss.password,
        "timeout": "500ms",
        **ldap,
    }
    entry = LdapSystemEntry.model_validate({"ldap": written, "replies": list(replies)})
    return LdapSystem(entry, settings or {}, open_connection, renewal)


def call(names: Mapping[str, Any] | None = None, **keys: Any) -> LdapCall:
    """The call of an entry with these keys, computed with these names."""
    return LdapCallEntry.model_validate(keys).render(Scope(names or {}))


def add(**more: Any) -> LdapCall:
    return call(ldap_add=NAME, attributes={**SUBSCRIBER, **more})


def search(**more: Any) -> LdapCall:
    return call(ldap_search=NAME, **more)


async def send(system: LdapSystem, wanted: LdapCall, budget: float = 5) -> Reply:
    turn = turn_of(budget)
    try:
        return await system.send(wanted, turn)
    finally:
        system.leave(turn)
