"""The table of result codes (RFC 4511, appendix A; RFC 4528): names, outcomes, ends."""

from typing import NamedTuple

from connector.outcome import Outcome
from connector.system import End
from connector.systems.ldap.result import REFERRAL

SUCCESS = 0
CREDENTIALS = "API Core refused the connector's credentials: check the secret that it uses"
_RIGHTS = "API Core does not allow this to the connector's user"
_REFERRAL = "API Core refers to another server: the connector does not follow referrals"
_CONTROL = "API Core does not have the assertion control (RFC 4528) that `assert` needs"
_UNKNOWN = "API Core refused the request"


class Meaning(NamedTuple):
    """What a result code means. `end` is `UNKNOWN` if the server may have done something."""

    name: str
    outcome: Outcome
    reason: str | None = None
    end: End = End.ANSWERED
    refused: bool = False


_FAILED, _REJECTED, _AWAY = Outcome.FAILED, Outcome.REJECTED, Outcome.UNAVAILABLE
# A violated constraint is not final: a number that another entry has may be free soon. What the
# schema forbids is final.
CODES = {
    SUCCESS: Meaning("success", Outcome.APPLIED),
    1: Meaning("operationsError", _FAILED),
    2: Meaning("protocolError", _FAILED),
    3: Meaning("timeLimitExceeded", _AWAY, end=End.UNKNOWN),
    4: Meaning("sizeLimitExceeded", _FAILED),
    7: Meaning("authMethodNotSupported", _FAILED),
    8: Meaning("strongerAuthRequired", _FAILED),
    REFERRAL: Meaning("referral", _FAILED, _REFERRAL),
    11: Meaning("adminLimitExceeded", _FAILED),
    12: Meaning("unavailableCriticalExtension", _FAILED, _CONTROL),
    13: Meaning("confidentialityRequired", _FAILED),
    16: Meaning("noSuchAttribute", _FAILED),
    17: Meaning("undefinedAttributeType", _REJECTED),
    18: Meaning("inappropriateMatching", _REJECTED),
    19: Meaning("constraintViolation", _FAILED),
    20: Meaning("attributeOrValueExists", _FAILED),
    21: Meaning("invalidAttributeSyntax", _REJECTED),
    32: Meaning("noSuchObject", Outcome.UNKNOWN_RESOURCE),
    33: Meaning("aliasProblem", _FAILED),
    34: Meaning("invalidDNSyntax", _REJECTED),
    36: Meaning("aliasDereferencingProblem", _FAILED),
    48: Meaning("inappropriateAuthentication", _FAILED, CREDENTIALS, refused=True),
    49: Meaning("invalidCredentials", _FAILED, CREDENTIALS, refused=True),
    50: Meaning("insufficientAccessRights", _FAILED, _RIGHTS),
    51: Meaning("busy", _AWAY),
    52: Meaning("unavailable", _AWAY, end=End.UNKNOWN),
    53: Meaning("unwillingToPerform", _AWAY),
    54: Meaning("loopDetect", _FAILED),
    64: Meaning("namingViolation", _REJECTED),
    65: Meaning("objectClassViolation", _REJECTED),
    66: Meaning("notAllowedOnNonLeaf", _FAILED),
    67: Meaning("notAllowedOnRDN", _REJECTED),
    68: Meaning("entryAlreadyExists", _FAILED),
    69: Meaning("objectClassModsProhibited", _REJECTED),
    71: Meaning("affectsMultipleDSAs", _FAILED),
    80: Meaning("other", _FAILED, end=End.UNKNOWN),
    122: Meaning("assertionFailed", _FAILED),
}
_OTHER = Meaning("unknown", _FAILED, _UNKNOWN, End.UNKNOWN)


def of_code(code: int) -> Meaning:
    """What a result code means by the protocol's own rule; the mapping can override it."""
    return CODES.get(code, _OTHER)
