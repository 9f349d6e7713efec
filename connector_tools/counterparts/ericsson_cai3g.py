"""A stand-in of Ericsson's provisioning gateway: CAI3G 1.2 for an HLR and an AuC.

`Login` gives a `sessionId`, and each other call needs it as `SessionId` in its SOAP header. A
session ends some seconds after its login, and sooner after some calls, because a test does not last
minutes; a user has a few at once. Faults come with HTTP status 500 and 200 by turns. The codes of a
wrong password (1002) and of too many sessions (1004) are this stand-in's own.
"""

from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.rules.cai3g_records import ManagedObjects, Refused, auc, hlr
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn
from connector_tools.counterparts.stand_in.sessions import NotAllowed, Sessions, TooMany
from connector_tools.counterparts.stand_in.soap_messages import (
    Envelope,
    elements,
    fields,
    local,
    namespace,
    opened,
    sealed,
    sealed_fault,
)

PATH = "/CAI3G1.2/services/CAI3G1.2"
CAI3G = "http://schemas.ericsson.com/cai3g1.2/"
ENDED = ("3014", "1001", "1005", "1010")
"""The codes by which the gateway says that a session is not alive."""
_FAULTS = "http://schemas.ericsson.com/ema/UserProvisioning/"
_BAD_FORM = ("4001", "4003", "4004", "4005", "13002")
"""The codes of requests that break the schema: the connector must never send one."""
_XML = {"content-type": "text/xml; charset=utf-8"}


class EricssonCai3g(HttpStandIn):
    """See the module; `answered` counts the faults by their HTTP status."""

    mapping = "ericsson-cai3g"
    what = "a stand-in of CAI3G 1.2"

    def __init__(
        self, folder: Path, lifetime: float = 10.0, calls: int = 150, limit: int = 8
    ) -> None:
        """A session lives `lifetime` seconds and `calls` calls; a user has `limit` sessions."""
        super().__init__(folder)
        self.sessions = Sessions(lifetime=lifetime, limit=limit)
        self.hlr, self.auc = hlr(), auc()
        self.answered: Counter[int] = Counter()
        self._calls = calls
        self._used: Counter[str] = Counter()

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "CAI3G_URL": f"http://{host}:{port}",
            "CAI3G_USER": self.sessions.username,
            "CAI3G_PASSWORD": self.sessions.password,
            "CAI3G_TIMEOUT": "2",
        }

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        if request.path != PATH:
            return HttpReply(404)
        if request.method != "POST":
            return HttpReply(405)
        if request.headers.get("content-type", "").split(";")[0] != "text/xml":
            return HttpReply(415)
        try:
            body = self._carry_out(opened(request.body), request.headers.get("soapaction", ""))
        except Refused as refused:
            return self._fault(refused)
        return HttpReply(200, body, _XML)

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`: the HLR behind the gateway cannot be reached."""
        return self._fault(Refused("4006", "12006"))

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`; a subscriber without keys in the AuC has no service."""
        return {
            imsi: {"served": imsi in self.auc.records and _served(one), "number": one["msisdn"]}
            for imsi, one in self.hlr.records.items()
        }

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`; sessions that are alive stay so."""
        self.sessions.password = f"password-{self.sessions.logins}"
        return {"CAI3G_PASSWORD": self.sessions.password}

    def _carry_out(self, envelope: Envelope | None, action: str) -> bytes:
        if envelope is None or namespace(envelope.content) != CAI3G:
            raise Refused("4003")
        name = local(envelope.content)
        if action.strip('"') != f"CAI3G#{name}":
            raise Refused("4001")
        if name == "Login":
            return self._login(fields(envelope.content))
        session = self._session(envelope)
        if name == "Logout":
            self.sessions.logout(session)
            return sealed(f"<c:LogoutResponse xmlns:c='{CAI3G}'/>")
        content = self._call(name, envelope.content)
        header = f"<c:SessionId xmlns:c='{CAI3G}'>{session}</c:SessionId>"
        return sealed(f"<c:{name}Response xmlns:c='{CAI3G}'>{content}</c:{name}Response>", header)

    def _login(self, given: dict[str, str]) -> bytes:
        if given.keys() != {"userId", "pwd"}:
            raise Refused("4003")
        try:
            name = self.sessions.login(given.get("userId"), given.get("pwd"))
        except NotAllowed:
            raise Refused("1002") from None
        except TooMany:
            raise Refused("1004") from None
        inner = f"<c:sessionId>{name}</c:sessionId><c:baseSequenceId>1</c:baseSequenceId>"
        return sealed(f"<c:LoginResponse xmlns:c='{CAI3G}'>{inner}</c:LoginResponse>")

    def _session(self, envelope: Envelope) -> str:
        """The session in the header; it must be alive."""
        found = None
        if envelope.header is not None:
            found = envelope.header.findtext(f"{{{CAI3G}}}SessionId")
        if found is None or not self.sessions.check(found):
            raise Refused(ENDED[self.sessions.refused % len(ENDED)])
        self._used[found] += 1
        if self._used[found] > self._calls:
            self.sessions.logout(found)
            raise Refused(ENDED[0])
        return found

    def _call(self, name: str, content: Element) -> str:
        """Carry out a Create, Set, Get or Delete; returns the XML in its reply."""
        objects, key = self._objects(content), _moid(content)
        given = content.find(f"{{{CAI3G}}}MOAttributes/*")
        match name:
            case "Create":
                objects.create(key, given)
            case "Set":
                objects.set(key, given)
            case "Get":
                return f"<c:MOAttributes>{objects.get(key)}</c:MOAttributes>"
            case "Delete":
                objects.delete(key)
            case _:
                raise Refused("4001")
        repeated = elements(dict([key]), "u:")
        return f"<c:MOId xmlns:u='{objects.space}'>{repeated}</c:MOId>"

    def _objects(self, content: Element) -> ManagedObjects:
        named = content.findtext(f"{{{CAI3G}}}MOType")
        for objects in (self.hlr, self.auc):
            if named == objects.motype:
                return objects
        raise Refused("4005")

    def _fault(self, refused: Refused) -> HttpReply:
        if refused.code in _BAD_FORM or refused.inner in _BAD_FORM:
            self.wrong.append(f"a request that breaks the schema: {refused.inner or refused.code}")
        status = 500 if self.answered.total() % 2 == 0 else 200
        self.answered[status] += 1
        return HttpReply(status, sealed_fault(_detail(refused)), _XML)


def _served(record: dict[str, str]) -> object:
    """Whether calls and data are allowed; a text if only some are."""
    found = {record["obo"], record["obi"], record["nam"]}
    return found == {"0"} if len(found) == 1 else "partly"


def _moid(content: Element) -> tuple[str, str]:
    moid = content.find(f"{{{CAI3G}}}MOId")
    given = {} if moid is None else fields(moid)
    if len(given) != 1:
        raise Refused("4004")
    name, value = next(iter(given.items()))
    if name not in ("imsi", "msisdn") or not value.isdigit():
        raise Refused("4004")
    return name, value


def _detail(refused: Refused) -> str:
    """The detail of a fault; an error of the system behind has one of two forms."""
    inner = ""
    if refused.inner:
        form, code = ("PGFault", "errorcode") if refused.inner == "12006" else _USER_FAULT
        inner = f"<u:{form} xmlns:u='{_FAULTS}'><u:{code}>{refused.inner}</u:{code}></u:{form}>"
        inner = f"<c:details>{inner}</c:details>"
    reason = "External Error" if refused.inner else "Session Error"
    return (
        f"<c:Cai3gFault xmlns:c='{CAI3G}'><c:faultcode>{refused.code}</c:faultcode>"
        f"<c:faultreason><c:reasonText>{reason}</c:reasonText></c:faultreason>"
        f"<c:faultrole>MF</c:faultrole>{inner}</c:Cai3gFault>"
    )


_USER_FAULT = ("UserProvisioningFault", "respCode")
COUNTERPART = EricssonCai3g
