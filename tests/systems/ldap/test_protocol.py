"""The room without its library, and its preview."""

import subprocess
import sys

from connector.systems.ldap.entry import LdapSystemEntry
from connector.systems.ldap.protocol import PROTOCOL
from tests.support import ROOT
from tests.support.ldap import call

ENTRY = {"ldap": {"host": "h", "base": "dc=x", "bind_dn": "cn=c", "password": "=settings.secret"}}
WITHOUT = f"""
import sys
from connector.mapping.protocol import protocol
from connector.settings import BadSettings
found = protocol("ldap")
entry = found.system_entry.model_validate({ENTRY!r})
assert not any(name.startswith("pyasn1") for name in sys.modules)
sys.modules["pyasn1"] = None
try:
    found.client(entry, {{"secret": "s"}})
except BadSettings as error:
    print(error)
"""


def test_without_its_library_the_start_names_the_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "install nsps-connector[ldap]" in done.stdout


def test_a_preview_shows_the_request_and_no_password() -> None:
    made = call(
        {"imsi": "1,2"},
        ldap_modify="imsi={{ imsi }}",
        replace={"msisdn": None, "hssVisited": ["a", "b"]},
        **{"assert": "(hssBarred=TRUE)"},
    )
    shown = PROTOCOL.preview(made, LdapSystemEntry.model_validate(ENTRY), {"secret": "***"})
    assert shown.line == r"MODIFY imsi=1\2C2,dc=x"
    assert shown.body.splitlines() == [
        "assert (hssBarred=TRUE)",
        "replace msisdn: no value",
        "replace hssVisited: a, b",
    ]
