"""A stand-in of Odoo 19: its External JSON-2 API, with the contacts that `odoo_contacts` keeps."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.rules.odoo_contacts import Contacts, Refused
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn

_MODEL = "res.partner"
_PREFIX = "PB-"


class CrmOdoo(HttpStandIn):
    """Odoo for `mappings/crm-odoo.yaml`.

    It notes two contacts with one reference, and contacts that are deleted for good.
    """

    mapping = "crm-odoo"
    what = "a stand-in of Odoo's JSON-2 API"
    by = "account"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.contacts = Contacts()
        self.database = "crm"
        self.api_key = secrets.token_hex(20)

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "ODOO_URL": f"http://{host}:{port}",
            "ODOO_DATABASE": self.database,
            "ODOO_API_KEY": self.api_key,
        }

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`: the user makes a new API key and removes the old one."""
        self.api_key = secrets.token_hex(20)
        return {"ODOO_API_KEY": self.api_key}

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`: the database cannot serialize the transaction."""
        return _error(500, "psycopg2.errors.SerializationFailure", "could not serialize access")

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        found = {
            vals["ref"].removeprefix(_PREFIX): vals
            for vals in self.contacts.rows.values()
            if str(vals["ref"]).startswith(_PREFIX)
        }
        return {account: _record(account, vals) for account, vals in found.items()}

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        try:
            reply = HttpReply(200, self._call(request))
        except Refused as refused:
            reply = _error(refused.status, refused.name, str(refused))
        self._look()
        return reply

    def _call(self, request: HttpRequest) -> Any:
        model, method = _target(request)
        if request.headers.get("authorization", "") != f"Bearer {self.api_key}":
            raise Refused(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        if request.headers.get("x-odoo-database", self.database) != self.database:
            raise Refused(404, "werkzeug.exceptions.NotFound", "no such database")
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refused(415, "werkzeug.exceptions.UnsupportedMediaType", "JSON is wanted")
        if model != _MODEL:
            raise Refused(404, "werkzeug.exceptions.NotFound", "the model does not exist")
        return self._method(method)(**_arguments(request))

    def _method(self, name: str) -> Callable[..., Any]:
        methods: dict[str, Callable[..., Any]] = {
            "search_read": self.contacts.search_read,
            "create": self.contacts.create,
            "load": self.contacts.load,
            "write": self.contacts.write,
            "unlink": self.contacts.unlink,
        }
        if name not in methods:
            raise Refused(404, "werkzeug.exceptions.NotFound", "the method does not exist")

        def called(**arguments: Any) -> Any:
            try:
                return methods[name](**arguments)
            except TypeError:
                raise Refused(
                    422, "werkzeug.exceptions.UnprocessableEntity", "wrong arguments"
                ) from None

        return called

    def _look(self) -> None:
        """Note what must never be."""
        if self.contacts.doubles():
            self._note("two contacts with one reference")
        if self.contacts.unlinked:
            self._note("a contact was deleted for good")

    def _note(self, sentence: str) -> None:
        if sentence not in self.wrong:
            self.wrong.append(sentence)


def _target(request: HttpRequest) -> tuple[str, str]:
    """The model and the method that a request calls."""
    parts = request.path.split("/")
    if parts[:3] != ["", "json", "2"] or len(parts) != 5:
        raise Refused(404, "werkzeug.exceptions.NotFound", "not found")
    if request.method != "POST":
        raise Refused(405, "werkzeug.exceptions.MethodNotAllowed", "method not allowed")
    return parts[3], parts[4]


def _arguments(request: HttpRequest) -> dict[str, Any]:
    """The arguments in the body, by name."""
    try:
        found = request.json
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "werkzeug.exceptions.BadRequest", "could not parse the body as JSON")
    return found


def _error(status: int, name: str, message: str) -> HttpReply:
    body = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": ""}
    return HttpReply(status, body)


def _record(account: str, vals: Mapping[str, Any]) -> Record:
    return {
        "account": int(account),
        "served": vals["x_service"] == "active",
        "number": str(vals["phone"]).removeprefix("+") if vals["phone"] else None,
        "product": vals["x_product"] or None,
        "email": vals["email"] or None,
        "name": vals["name"],
    }


COUNTERPART = CrmOdoo
