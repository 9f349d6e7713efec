"""Ericsson EDA: CAI3G 1.2, whose session is an element in the SOAP header of each call.

`POST /CAI3G1.2/services/CAI3G1.2` with `SOAPAction: CAI3G#Login` and so on. `Login` gives a
`sessionId`, and each other call needs it as `SessionId` in its header. A fault comes with the HTTP
status `fault_status` (500 or 200); that of a session that is not alive has the code `ended_code`.

MOType is not looked at beyond what it names: `Subscription@...` or another. An MOId is `msisdn` or
`imsi`, and in `create...` and `set...` the key stands again as an XML attribute. The codes 1001,
1005, 1010 and 3014 are EDA's for a session; 13001 and 301 are for a subscriber who is unknown or
exists. The codes of a wrong password (1002) and of too many sessions (1004) are this stand-in's.
"""

from typing import Literal
from xml.etree.ElementTree import Element

from connector_tools.counterparts.stand_in.records import Exists, Missing, Records
from connector_tools.counterparts.stand_in.sessions import NotAllowed, Sessions, TooMany
from connector_tools.counterparts.stand_in.soap_messages import (
    Envelope,
    elements,
    fields,
    local,
    namespace,
    opened,
    sealed,
)
from tests.support.session_systems.web import Answer, Asked, SessionSystem

PATH = "/CAI3G1.2/services/CAI3G1.2"
CAI3G = "http://schemas.ericsson.com/cai3g1.2/"
PROVISIONING = "http://schemas.ericsson.com/ema/UserProvisioning/"
ENDED = ("1001", "1005", "1010", "3014")
"""The codes by which EDA says that a session is not alive."""

_KEYS = ("msisdn", "imsi")


class Refused(Exception):  # noqa: N818 - an answer to the caller
    """A fault; `code` is that of CAI3G, `inner` that of the HLR behind it."""

    def __init__(self, code: str, inner: str | None = None) -> None:
        super().__init__(code)
        self.code, self.inner = code, inner


class Eda(SessionSystem):
    """The stand-in; records have the key `msisdn:...` or `imsi:...` and the fields of the call."""

    def __init__(
        self,
        sessions: Sessions | None = None,
        fault_status: Literal[500, 200] = 500,
        ended_code: str = "3014",
    ) -> None:
        super().__init__(sessions, Records(_KEYS))
        self.fault_status = fault_status
        self.ended_code = ended_code

    async def answer(self, asked: Asked) -> Answer:
        if asked.path != PATH:
            return Answer(404)
        if asked.method != "POST":
            return Answer(405)
        try:
            body = self._carry_out(opened(asked.body), asked.headers.get("soapaction", ""))
        except Refused as refused:
            return Answer(self.fault_status, _fault(refused), "text/xml")
        return Answer(200, body, "text/xml")

    def _carry_out(self, envelope: Envelope | None, action: str) -> bytes:
        if envelope is None or namespace(envelope.content) != CAI3G:
            raise Refused("4003")
        name = local(envelope.content)
        if action.strip('"') != f"CAI3G#{name}":
            raise Refused("4001")
        if name == "Login":
            return self._login(fields(envelope.content))
        session = _session(envelope)
        if not self.sessions.check(session):
            raise Refused(self.ended_code)
        if name == "Logout":
            self.sessions.logout(str(session))
            return sealed(f"<LogoutResponse xmlns='{CAI3G}'/>")
        content = self._call(name, envelope.content)
        header = f"<c:SessionId xmlns:c='{CAI3G}'>{session}</c:SessionId>"
        return sealed(f"<c:{name}Response xmlns:c='{CAI3G}'>{content}</c:{name}Response>", header)

    def _login(self, given: dict[str, str]) -> bytes:
        try:
            name = self.sessions.login(given.get("userId"), given.get("pwd"))
        except NotAllowed:
            raise Refused("1002") from None
        except TooMany:
            raise Refused("1004") from None
        inner = f"<c:sessionId>{name}</c:sessionId><c:baseSequenceId>1</c:baseSequenceId>"
        return sealed(f"<c:LoginResponse xmlns:c='{CAI3G}'>{inner}</c:LoginResponse>")

    def _call(self, name: str, content: Element) -> str:
        """Carry out a Create, Set, Get or Delete; returns the XML in its reply."""
        key, value = _moid(content)
        try:
            match name:
                case "Create":
                    return self._create(key, value, _attributes(content, key, value))
                case "Set":
                    changes = _attributes(content, key, value)
                    self.records.change(self.records.find(key, value), changes)
                    return _repeated(key, value)
                case "Get":
                    row = self.records.get(self.records.find(key, value))
                    inner = f"<u:getResponseSubscription xmlns:u='{PROVISIONING}GsmHlr/'>"
                    inner += f"{elements(row)}</u:getResponseSubscription>"
                    return f"<c:MOAttributes>{inner}</c:MOAttributes>"
                case "Delete":
                    self.records.remove(self.records.find(key, value))
                    return _repeated(key, value)
        except Missing:
            raise Refused("4006", "13001") from None
        except Exists:
            raise Refused("4006", "301") from None
        raise Refused("4001")

    def _create(self, key: str, value: str, given: dict[str, str]) -> str:
        self.records.create(f"{key}:{value}", {key: value} | given)
        return _repeated(key, value)


def _session(envelope: Envelope) -> str | None:
    """The text of `SessionId` in the header; the namespace must be right."""
    header = envelope.header
    return None if header is None else header.findtext(f"{{{CAI3G}}}SessionId")


def _moid(content: Element) -> tuple[str, str]:
    moid = content.find(f"{{{CAI3G}}}MOId")
    given = {} if moid is None else fields(moid)
    if content.find(f"{{{CAI3G}}}MOType") is None or len(given) != 1:
        raise Refused("4004")
    key, value = next(iter(given.items()))
    if key not in _KEYS or not value.isdigit():
        raise Refused("4004")
    return key, value


def _attributes(content: Element, key: str, value: str) -> dict[str, str]:
    """The fields of `createSubscription` or `setSubscription`, which names the key again."""
    inner = content.find(f"{{{CAI3G}}}MOAttributes/*")
    if inner is None or inner.get(key) != value:
        raise Refused("4006", "13002")
    return fields(inner)


def _repeated(key: str, value: str) -> str:
    return f"<c:MOId><{key}>{value}</{key}></c:MOId>"


def _fault(refused: Refused) -> bytes:
    inner = ""
    if refused.inner:
        code = f"<u:respCode>{refused.inner}</u:respCode>"
        inner = f"<u:UserProvisioningFault xmlns:u='{PROVISIONING}'>{code}"
        inner = f"<c:details>{inner}</u:UserProvisioningFault></c:details>"
    reason = "External Error" if refused.inner else "Session Error"
    fault = (
        f"<c:Cai3gFault xmlns:c='{CAI3G}'><c:faultcode>{refused.code}</c:faultcode>"
        f"<c:faultreason><c:reasonText>{reason}</c:reasonText></c:faultreason>"
        f"<c:faultrole>MF</c:faultrole>{inner}</c:Cai3gFault>"
    )
    return sealed(
        "<S:Fault><faultcode>S:Server</faultcode><faultstring>see the detail</faultstring>"
        f"<detail>{fault}</detail></S:Fault>"
    )
