"""A stand-in of Salesforce: logins by JWT, and contacts that are upserted by an external ID.

- A contact wants a `LastName`. A field has a longest text, a picklist has its values, and an
  address must look like one. An unknown field, and an `Id` or the external ID in the body, are
  refused. Empty text and null empty a field.
- The external ID is compared without case. If several contacts have it, the answer is 300.
- `updateOnly=true` creates nothing. A contact that is new is 201, a changed one is 200.
- A session ends (401). `allowance` is the number of API requests that are left (403 without).
- An error is a list with one object: `message`, `errorCode`, `fields`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn
from connector_tools.counterparts.stand_in.signed_tokens import AssertionRefused, TokenEndpoint

EXTERNAL_ID = "PortaBilling_Account__c"
_PATH = re.compile(r"/services/data/v(\d+)\.0/sobjects/(\w+)/(\w+)/([^/]+)", re.ASCII)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST = {"FirstName": 40, "LastName": 80, "Email": 80, "Phone": 40, "Product__c": 255}
_STATUSES = ("Active", "Barred", "Closed")
_AUDIENCE = "https://login.salesforce.com"
_JWT_LIVES = 180  # seconds


class _Refused(Exception):  # noqa: N818 - an answer to the caller, not an error of ours
    def __init__(self, status: int, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        error = {"message": message, "errorCode": code, "fields": list(fields)}
        self.reply = HttpReply(status, [error])


class CrmSalesforce(HttpStandIn):
    """Salesforce for `mappings/crm-salesforce.yaml`.

    `contacts` are all contacts; `add` makes one as a person does.
    """

    mapping = "crm-salesforce"
    what = "a stand-in of Salesforce's REST API"
    by = "account"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.contacts: list[dict[str, Any]] = []
        self.allowance: int | None = None
        self.client_id, self.username = "3MVG9.stand.in", "nsps@example.com"
        claims = {"iss": self.client_id, "sub": self.username, "aud": _AUDIENCE}
        self.endpoint = TokenEndpoint(claims, _JWT_LIVES)
        self._url = ""

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        self._url = f"http://{host}:{port}"
        return {
            "SALESFORCE_URL": self._url,
            "SALESFORCE_CLIENT_ID": self.client_id,
            "SALESFORCE_USERNAME": self.username,
            "SALESFORCE_PRIVATE_KEY": self.endpoint.key,
        }

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`: the connected app gets another certificate."""
        return {"SALESFORCE_PRIVATE_KEY": self.endpoint.rotate()}

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`: somebody else writes the contact."""
        locked = "unable to obtain exclusive access to this record"
        return _Refused(400, "UNABLE_TO_LOCK_ROW", locked).reply

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        found = (contact for contact in self.contacts if contact.get(EXTERNAL_ID))
        return {contact[EXTERNAL_ID]: _record(contact) for contact in found}

    def add(self, external_id: str, **fields: Any) -> None:
        """Add a contact as a person does, who can give one external ID twice."""
        self.contacts.append({EXTERNAL_ID: external_id, **fields})

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        try:
            if request.path == "/services/oauth2/token":
                return self._log_in(request)
            return self._upsert(request)
        except (AssertionRefused, _Refused) as refused:
            return refused.reply

    def _log_in(self, request: HttpRequest) -> HttpReply:
        token = self.endpoint.token(request)
        return HttpReply(
            200,
            {
                "access_token": token,
                "scope": "api",
                "instance_url": self._url,
                "id": f"{_AUDIENCE}/id/00Dx0/005x0",
                "token_type": "Bearer",
            },
        )

    def _upsert(self, request: HttpRequest) -> HttpReply:
        if not self.endpoint.knows(request):
            raise _Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        self._spend()
        value = _target(request)
        fields = _fields(request)
        found = [one for one in self.contacts if one[EXTERNAL_ID].lower() == value.lower()]
        if len(found) > 1:
            return HttpReply(300, [f"{request.path.rpartition('/')[0]}/003A{n}" for n in (1, 2)])
        if found:
            _check(found[0] | fields)
            found[0].update(fields)
            return _done(200, created=False)
        if request.query.get("updateOnly") == "true":
            raise _Refused(404, "NOT_FOUND", "The requested resource does not exist")
        _check(fields)
        self.contacts.append({EXTERNAL_ID: value, **fields})
        return _done(201, created=True)

    def _spend(self) -> None:
        if self.allowance == 0:
            raise _Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if self.allowance:
            self.allowance -= 1


def _target(request: HttpRequest) -> str:
    """The value of the external ID in the path."""
    found = _PATH.fullmatch(request.path)
    if not found or found[2] != "Contact":
        raise _Refused(404, "NOT_FOUND", "The requested resource does not exist")
    if found[3] != EXTERNAL_ID:
        raise _Refused(404, "NOT_FOUND", "Provided external ID field does not exist")
    if request.method != "PATCH":
        raise _Refused(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed")
    return found[4]


def _fields(request: HttpRequest) -> dict[str, Any]:
    """The fields in the body; an empty one is none."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise _Refused(415, "UNSUPPORTED_MEDIA_TYPE", "Content type not supported")
    try:
        given = request.json
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _Refused(400, "JSON_PARSER_ERROR", "The body is no JSON object")
    for name in given:
        if name in ("Id", EXTERNAL_ID):
            raise _Refused(400, "INVALID_FIELD", f"The {name} field should not be specified", name)
        if name not in (*_LONGEST, "Service_Status__c"):
            raise _Refused(400, "INVALID_FIELD", f"No such column '{name}' on Contact", name)
    return {name: value or None for name, value in given.items()}


def _check(contact: Mapping[str, Any]) -> None:
    """Refuse a contact that breaks a rule of a field."""
    for name, longest in _LONGEST.items():
        value = contact.get(name)
        if value is not None and not isinstance(value, str):
            raise _Refused(400, "JSON_PARSER_ERROR", f"Cannot deserialize {name}", name)
        if value and "\0" in value:
            raise _Refused(400, "JSON_PARSER_ERROR", "Illegal character", name)
        if len(value or "") > longest:
            message = f"{name}: data value too large (max length={longest})"
            raise _Refused(400, "STRING_TOO_LONG", message, name)
    if not (contact.get("LastName") or "").strip():
        message = "Required fields are missing: [LastName]"
        raise _Refused(400, "REQUIRED_FIELD_MISSING", message, "LastName")
    if contact.get("Email") and not _ADDRESS.fullmatch(contact["Email"]):
        raise _Refused(400, "INVALID_EMAIL_ADDRESS", "Email: invalid email address", "Email")
    if contact.get("Service_Status__c") not in (*_STATUSES, None):
        code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        raise _Refused(400, code, "bad value for restricted picklist field", "Service_Status__c")


def _done(status: int, *, created: bool) -> HttpReply:
    body = {"id": "003A000001", "success": True, "errors": [], "created": created}
    return HttpReply(status, body)


def _record(contact: Mapping[str, Any]) -> Record:
    names = (contact.get("FirstName"), contact.get("LastName"))
    return {
        "account": int(contact[EXTERNAL_ID]),
        "served": contact.get("Service_Status__c") == "Active",
        "number": (contact.get("Phone") or "").removeprefix("+") or None,
        "product": contact.get("Product__c"),
        "email": contact.get("Email"),
        "name": " ".join(name for name in names if name),
    }


COUNTERPART = CrmSalesforce
