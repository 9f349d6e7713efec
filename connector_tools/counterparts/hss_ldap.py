"""The HSS of `mappings/hss-ldap.yaml`: a real slapd with a schema for subscribers.

The connector logs in as a user of its own, who may write below `ou=subscribers` only. The overlay
`unique` gives each number to one subscriber.
"""

from pathlib import Path
from secrets import token_hex

from connector_tools.counterparts.counterpart import Counterpart, Record
from connector_tools.counterparts.real.slapd import HOST, Contents, Slapd

SUFFIX = "dc=operator,dc=example"
BASE = f"ou=subscribers,{SUFFIX}"
USER = f"cn=connector,{SUFFIX}"
_FULL = 1  # bytes; the database keeps what it holds
# The arc of object identifiers is that for documentation (RFC 5612).
_SCHEMA = """\
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'imsi' EQUALITY numericStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.36{15} SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'msisdn' EQUALITY numericStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.36{15} SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.3 NAME 'hssBarred' EQUALITY booleanMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.4 NAME 'hssProfile' EQUALITY caseExactMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{64} SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.5 NAME 'hssVisited' EQUALITY caseIgnoreMatch
  SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'hssSubscriber' SUP top STRUCTURAL
  MUST ( imsi $ hssBarred ) MAY ( msisdn $ hssProfile $ hssVisited ) )
"""
_SETTINGS = f"""\
index imsi,msisdn eq
overlay unique
unique_uri "ldap:///{BASE}?msisdn?sub"
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="{BASE}" by dn.exact="{USER}" write by * none
access to * by users read by * none
"""
_ENTRIES = f"""\
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: operator
dc: operator

dn: {BASE}
objectClass: organizationalUnit
ou: subscribers

dn: {USER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: connector
userPassword: {{password}}
"""
_PASSWORD = f"""\
dn: {USER}
changetype: modify
replace: userPassword
userPassword: {{password}}
"""


class HssLdap(Counterpart):
    """The HSS, which a simulation suspends, kills, fills, and makes read-only."""

    mapping = "hss-ldap"
    what = "a real slapd with a schema for subscribers"
    outages = ("stopped", "suspended", "killed", "read-only", "full")

    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None) -> None:
        super().__init__(folder)
        self.password = token_hex(16)
        entries = _ENTRIES.format(password=self.password)
        contents = Contents(SUFFIX, entries, _SCHEMA, _SETTINGS)
        self.slapd = Slapd(folder, contents, tls)

    def start(self) -> None:
        """See `Counterpart`."""
        self.slapd.start()

    def stop(self) -> None:
        """See `Counterpart`."""
        self.slapd.kill()

    @property
    def place(self) -> tuple[str, int]:
        """See `Counterpart`."""
        return HOST, self.slapd.port

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "HSS_LDAP_HOST": host,
            "HSS_LDAP_PORT": str(port),
            "HSS_LDAP_TLS": "none",
            "HSS_LDAP_BASE": BASE,
            "HSS_LDAP_BIND_DN": USER,
            "HSS_LDAP_PASSWORD": self.password,
            "HSS_LDAP_TIMEOUT": "2",
        }

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`; the profile has the name of the product."""
        return {
            entry["imsi"][0]: {
                "served": entry["hssBarred"] == ["FALSE"],
                "number": entry.get("msisdn", [None])[0],
                "product": entry.get("hssProfile", [None])[0],
            }
            for entry in self.slapd.entries()
            if "hssSubscriber" in entry["objectClass"]
        }

    def begin(self, outage: str) -> None:
        """See `Counterpart`."""
        match outage:
            case "stopped":
                self.slapd.stop()
            case "suspended":
                self.slapd.suspend()
            case "killed":
                self.slapd.kill()
            case "read-only":
                self.slapd.stop()
                self.slapd.start(readonly=True)
            case "full":
                self.slapd.stop()
                self.slapd.start(size=_FULL)
            case _:
                super().begin(outage)

    def end(self) -> None:
        """See `Counterpart`."""
        self.slapd.resume()
        if self.slapd.restricted:
            self.slapd.stop()
        self.slapd.start()

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`; a server ends for the change, so its connections end, too."""
        self.password = token_hex(16)
        self.slapd.resume()
        self.slapd.stop()
        self.slapd.change(_PASSWORD.format(password=self.password))
        self.slapd.start()
        return {"HSS_LDAP_PASSWORD": self.password}


COUNTERPART = HssLdap
