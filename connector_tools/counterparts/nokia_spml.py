"""A stand-in of Nokia's provisioning gateway: SPML for the subscribers of an NT HLR or One-NDS.

It wants Basic authentication. It reads requests strictly: an unknown element, a wrong order of the
elements, another version or class of object is refused. What it refuses is `result="failure"` in a
reply with HTTP status 200; the numbers of its errors are this stand-in's own. Only a message that
is not SOAP gets a fault.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn
from connector_tools.counterparts.stand_in.soap_messages import (
    elements,
    local,
    namespace,
    opened,
    sealed,
    sealed_fault,
)

PATH = "/ProvisioningGateway/services/SPMLSubscriber10Service"
SPML = "urn:siemens:names:prov:gw:SPML:2:0"
SUBSCRIBER = "urn:siemens:names:prov:gw:SUBSCRIBER:1:0"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_XML = {"content-type": "text/xml; charset=utf-8"}
_BARS = ("odboc", "odbic", "odbgprs")
_FORMS = {"msisdn": re.compile(r"[0-9]{5,15}"), **dict.fromkeys(_BARS, re.compile(r"[01]"))}
UNKNOWN, EXISTS, WRONG, BUSY = "5003", "5004", "5001", "5099"


class Refused(Exception):  # noqa: N818 - an answer to the caller
    """A failure with its code."""


class NokiaSpml(HttpStandIn):
    """See the module; `subscribers` are the fields of their HLR part, by IMSI."""

    mapping = "nokia-spml"
    what = "a stand-in of SPML's provisioning gateway"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.subscribers: dict[str, dict[str, str]] = {}
        self._password = "password-0"  # noqa: S105 - of this run only
        self._rotations = 0

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "SPML_URL": f"http://{host}:{port}",
            "SPML_USER": "connector",
            "SPML_PASSWORD": self._password,
            "SPML_TIMEOUT": "2",
        }

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        if (status := self._status_at_the_door(request)) is not None:
            return HttpReply(status)
        envelope = opened(request.body)
        asked = local(envelope.content) if envelope else ""
        foreign = not envelope or namespace(envelope.content) != SPML or asked not in _OPERATIONS
        if not envelope or foreign or request.headers.get("soapaction") != '""':
            self.wrong.append("a message that is not an SPML request")
            return HttpReply(500, sealed_fault("", "not an SPML request", "Client"), _XML)
        name = asked.removesuffix("Request")
        try:
            return _reply(name, "success", _OPERATIONS[asked](self, list(envelope.content)))
        except Refused as refused:
            return self._failure(name, str(refused))

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`."""
        return self._failure("modify", BUSY)

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        return {
            imsi: {"served": _served(one), "number": one.get("msisdn")}
            for imsi, one in self.subscribers.items()
        }

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`."""
        self._rotations += 1
        self._password = f"password-{self._rotations}"
        return {"SPML_PASSWORD": self._password}

    def _status_at_the_door(self, request: HttpRequest) -> int | None:
        """The HTTP status of a request that nobody reads; None if it is read."""
        pair = b64encode(f"connector:{self._password}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return 401
        if request.path != PATH or request.method != "POST":
            return 404
        kind = request.headers.get("content-type", "").split(";")[0]
        return None if kind == "text/xml" else 415

    def _failure(self, name: str, code: str) -> HttpReply:
        if code == WRONG:
            self.wrong.append(f"a {name}Request that breaks the schema")
        inner = elements({"errorCode": code, "errorMessage": _MESSAGES[code]})
        return _reply(name, "failure", inner)

    def _add(self, parts: list[Element]) -> str:
        _form(parts, "version", "object")
        given = parts[1]
        if list(given.keys()) != [_TYPE] or given.get(_TYPE, "").partition(":")[2] != "Subscriber":
            raise Refused(WRONG)
        _form(list(given), "identifier", "hlr")
        imsi, fields = _imsi(given[0].text), {}
        for child in given[1]:
            name, value = local(child), _valid(local(child), child.text)
            if name in fields:
                raise Refused(WRONG)
            fields[name] = value
        if imsi in self.subscribers:
            raise Refused(EXISTS)
        self._check_number(imsi, fields.get("msisdn"))
        self.subscribers[imsi] = dict.fromkeys(_BARS, "0") | fields
        return ""

    def _modify(self, parts: list[Element]) -> str:
        changes = parts[3:]
        _form(parts, "version", "objectclass", "identifier", *["modification"] * len(changes))
        imsi = _imsi(parts[2].text)
        if not changes:
            raise Refused(WRONG)
        record = dict(self._found(imsi))
        for change in changes:
            part, _, name = change.get("name", "").partition("/")
            operation = change.get("operation")
            if part != "hlr" or name not in _FORMS:
                raise Refused(WRONG)
            if operation == "setoradd":
                record[name] = _valid(name, change.findtext("value"))
            elif operation == "remove" and name == "msisdn" and not len(change):
                record.pop(name, None)
            else:
                raise Refused(WRONG)
        self._check_number(imsi, record.get("msisdn"))
        self.subscribers[imsi] = record
        return ""

    def _delete(self, parts: list[Element]) -> str:
        _form(parts, "version", "objectclass", "identifier")
        imsi = _imsi(parts[2].text)
        self._found(imsi)
        del self.subscribers[imsi]
        return ""

    def _search(self, parts: list[Element]) -> str:
        _form(parts, "version", "base")
        _form(list(parts[1]), "objectclass", "alias")
        alias = parts[1][1]
        name, value = alias.get("name"), alias.get("value", "")
        if name not in ("imsi", "msisdn") or not value.isdigit():
            raise Refused(WRONG)
        return "".join(self._objects(name, value))

    def _objects(self, name: str, value: str) -> Iterator[str]:
        for imsi, record in self.subscribers.items():
            if value == (imsi if name == "imsi" else record.get("msisdn")):
                inner = f"<identifier>{imsi}</identifier><hlr>{elements(record)}</hlr>"
                yield f"<objects xsi:type='s:Subscriber'>{inner}</objects>"

    def _found(self, imsi: str) -> dict[str, str]:
        if imsi not in self.subscribers:
            raise Refused(UNKNOWN)
        return self.subscribers[imsi]

    def _check_number(self, imsi: str, number: str | None) -> None:
        others = (one for other, one in self.subscribers.items() if other != imsi)
        if number and any(one.get("msisdn") == number for one in others):
            raise Refused(EXISTS)


def _form(parts: list[Element], *names: str) -> None:
    """Refuse elements with other names, in another order or with wrong constants."""
    constants = {"version": "SUBSCRIBER_v10", "objectclass": "Subscriber"}
    if tuple(part.tag for part in parts) != names:
        raise Refused(WRONG)
    if any(part.text != constants.get(part.tag, part.text) for part in parts):
        raise Refused(WRONG)


def _imsi(text: str | None) -> str:
    if not re.fullmatch(r"[0-9]{15}", text or ""):
        raise Refused(WRONG)
    return text or ""


def _valid(name: str, text: str | None) -> str:
    if name not in _FORMS or not _FORMS[name].fullmatch(text or ""):
        raise Refused(WRONG)
    return text or ""


def _served(record: dict[str, str]) -> object:
    """Whether calls and data are allowed; a text if only some are."""
    found = {record[name] for name in _BARS}
    return found == {"0"} if len(found) == 1 else "partly"


def _reply(name: str, result: str, inner: str) -> HttpReply:
    spaces = f'xmlns:p="{SPML}" xmlns:s="{SUBSCRIBER}" '
    spaces += 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    body = f"<p:{name}Response {spaces} result={quoteattr(result)}>{inner}</p:{name}Response>"
    return HttpReply(200, sealed(body), _XML)


_OPERATIONS = {
    "addRequest": NokiaSpml._add,
    "modifyRequest": NokiaSpml._modify,
    "deleteRequest": NokiaSpml._delete,
    "searchRequest": NokiaSpml._search,
}
_MESSAGES = {
    UNKNOWN: "the object does not exist",
    EXISTS: "the object or its alias exists already",
    WRONG: "the request does not match the schema",
    BUSY: "the directory cannot be reached",
}
COUNTERPART = NokiaSpml
