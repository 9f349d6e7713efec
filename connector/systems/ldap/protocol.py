"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.expression import Constant
from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.settings import BadSettings
from connector.system import Renewal, System
from connector.systems.ldap.call import METHODS, LdapCall, LdapCallEntry
from connector.systems.ldap.client import LdapSystem
from connector.systems.ldap.entry import LdapSystemEntry
from connector.systems.ldap.place import login_of
from connector.systems.ldap.script import ExpectedLdapCall, ScriptedConnection, ScriptedLdapReply

_WITHOUT_SETTINGS = {
    "tls": Constant("none"),
    "ca": None,
    "bind_dn": None,
    "password": None,
    "base": None,
}
_MISSING = "system.ldap: the LDAP library is missing: install nsps-connector[ldap]"


class LdapProtocol(Protocol[LdapSystemEntry, LdapCall]):
    """See `Protocol`."""

    name = "ldap"
    methods = METHODS
    system_entry = LdapSystemEntry
    call_entry = LdapCallEntry
    scripted_reply = ScriptedLdapReply
    expected_call = ExpectedLdapCall

    def client(
        self, entry: LdapSystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """See `Protocol`."""
        try:
            from connector.systems.ldap.wire import open_connection  # noqa: PLC0415 - the extra
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("pyasn1"):
                raise BadSettings([_MISSING]) from None
            raise
        login_of(entry.ldap, settings)  # raises if it cannot be used
        return LdapSystem(entry, settings, open_connection, renewal)

    def scripted(
        self, entry: LdapSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`; settings that a test makes up are neither names nor certificates."""
        bare = entry.ldap.model_copy(update=_WITHOUT_SETTINGS)
        scripted = entry.model_copy(update={"ldap": bare})
        return LdapSystem(scripted, settings, ScriptedConnection(script).connect)

    def preview(
        self, call: LdapCall, entry: LdapSystemEntry, settings: Mapping[str, Any]
    ) -> Preview:
        """See `Protocol`."""
        from connector.systems.ldap.preview import preview  # noqa: PLC0415 - for tools only

        return preview(call, entry, settings)


PROTOCOL = LdapProtocol()
