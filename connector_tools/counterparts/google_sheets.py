"""A stand-in of the Google Sheets API, version 4, for one spreadsheet that `spreadsheet` keeps.

- A service account logs in with a signed assertion; its token ends.
- Reads and writes have a quota each, of `quota` requests a minute (429 without).
- A parameter, a field of the body or a range that the API does not know is refused.
- An error is an object: `error` with `code`, `message` and `status`.
"""

import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.rules.spreadsheet import BadRange, Sheet, cell
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn
from connector_tools.counterparts.stand_in.signed_tokens import AssertionRefused, TokenEndpoint

_SCOPE = "https://www.googleapis.com/auth/spreadsheets"
_TOKEN_PATH = "/token"  # noqa: S105 - a path
_PATH = re.compile(r"/v4/spreadsheets/([^/:]+)/values/(.+?)(:append)?")
_MINUTE = 60.0  # seconds
_GET = {"majorDimension", "valueRenderOption", "dateTimeRenderOption"}
_APPEND = {"valueInputOption", "insertDataOption", "includeValuesInResponse"}
_EVERYWHERE = {"prettyPrint", "fields", "alt", "key", "quotaUser"}
_EVENT_IDS = 5  # the column of the event ids, from 0


class _Refused(Exception):  # noqa: N818 - an answer to the caller, not an error of ours
    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.reply = HttpReply(
            code, {"error": {"code": code, "message": message, "status": status}}
        )


class GoogleSheets(HttpStandIn):
    """A spreadsheet for `mappings/google-sheets.yaml`.

    It notes two rows for one event. `quota` is the number of reads, and of writes, in a minute of
    `clock`; None is no limit.
    """

    mapping = "google-sheets"
    what = "a stand-in of the Google Sheets API"
    by = "nothing"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.spreadsheet, self.sheet = "1StandIn-Spreadsheet_Id", Sheet("Events")
        self.quota: int | None = None
        self.clock: Callable[[], float] = time.monotonic
        self.email = "nsps@stand-in.iam.gserviceaccount.com"
        self.shared = True
        self.endpoint = TokenEndpoint({"iss": self.email, "scope": _SCOPE})
        self._spent: dict[str, deque[float]] = {"Read": deque(), "Write": deque()}
        self._url = ""

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        self._url = f"http://{host}:{port}"
        self.endpoint.claims["aud"] = self._url + _TOKEN_PATH
        return {
            "GOOGLE_SERVICE_ACCOUNT": self.key_file(),
            "GOOGLE_SPREADSHEET_ID": self.spreadsheet,
            "GOOGLE_SHEET": self.sheet.name,
            "GOOGLE_SHEETS_URL": self._url,
        }

    def key_file(self) -> str:
        """The key file of the service account, with the line breaks that Google writes."""
        values = {
            "type": "service_account",
            "project_id": "stand-in",
            "private_key_id": "0123456789abcdef",
            "private_key": self.endpoint.key,
            "client_email": self.email,
            "token_uri": self._url + _TOKEN_PATH,
        }
        return json.dumps(values, indent=2)

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`: the service account gets another key."""
        self.endpoint.rotate()
        return {"GOOGLE_SERVICE_ACCOUNT": self.key_file()}

    def refusal(self) -> HttpReply:
        """See `HttpStandIn`: the quota is used up."""
        return _exhausted("Write").reply

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        return {}

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        try:
            if request.path == _TOKEN_PATH:
                return self._log_in(request)
            reply = HttpReply(200, self._values(request))
        except (AssertionRefused, _Refused) as refused:
            return refused.reply
        ids = Counter(row[_EVENT_IDS] for row in self.sheet.rows if len(row) > _EVENT_IDS)
        doubles = sum(times - 1 for name, times in ids.items() if name and times > 1)
        self.wrong = [f"{doubles} more rows than events"] if doubles else []
        return reply

    def _log_in(self, request: HttpRequest) -> HttpReply:
        token = self.endpoint.token(request)
        return HttpReply(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def _values(self, request: HttpRequest) -> dict[str, Any]:
        if not self.endpoint.knows(request):
            raise _Refused(
                401, "UNAUTHENTICATED", "Request had invalid authentication credentials."
            )
        found = _PATH.fullmatch(request.path)
        if not found:
            raise _Refused(404, "NOT_FOUND", "The requested URL was not found on this server.")
        method = "POST" if found[3] else "GET"
        if request.method != method:
            raise _Refused(405, "INVALID_ARGUMENT", f"the method must be {method}")
        self._spend("Write" if found[3] else "Read")
        if found[1] != self.spreadsheet:
            raise _Refused(404, "NOT_FOUND", "Requested entity was not found.")
        if not self.shared:
            raise _Refused(403, "PERMISSION_DENIED", "The caller does not have permission")
        try:
            return self._append(request, found[2]) if found[3] else self._get(request, found[2])
        except BadRange as error:
            raise _Refused(400, "INVALID_ARGUMENT", str(error)) from None

    def _spend(self, kind: str) -> None:
        """Count a request, if the minute before has not used up the quota."""
        now, spent = self.clock(), self._spent[kind]
        while spent and spent[0] <= now - _MINUTE:
            spent.popleft()
        if self.quota is not None and len(spent) >= self.quota:
            raise _exhausted(kind)
        spent.append(now)

    def _get(self, request: HttpRequest, name: str) -> dict[str, Any]:
        _known(request.query, _GET)
        dimension = request.query.get("majorDimension", "ROWS")
        values = self.sheet.read(name, columns=dimension == "COLUMNS")
        found: dict[str, Any] = {"range": name, "majorDimension": dimension}
        return found | ({"values": values} if values else {})

    def _append(self, request: HttpRequest, name: str) -> dict[str, Any]:
        _known(request.query, _APPEND)
        option = request.query.get("valueInputOption")
        if option not in ("RAW", "USER_ENTERED"):
            raise _Refused(
                400, "INVALID_ARGUMENT", "'valueInputOption' is required but not specified"
            )
        if request.query.get("insertDataOption", "OVERWRITE") not in ("OVERWRITE", "INSERT_ROWS"):
            raise _Refused(400, "INVALID_ARGUMENT", "Invalid value at 'insert_data_option'")
        rows = [[cell(value, option) for value in row] for row in _rows(request)]
        self.sheet.append(name, rows)
        updates = {
            "updatedRange": name,
            "updatedRows": len(rows),
            "updatedCells": sum(map(len, rows)),
        }
        return {"spreadsheetId": self.spreadsheet, "tableRange": name, "updates": updates}


def _exhausted(kind: str) -> _Refused:
    limit = f"{kind} requests per minute per user"
    message = f"Quota exceeded for quota metric '{kind} requests' and limit '{limit}'"
    return _Refused(429, "RESOURCE_EXHAUSTED", message)


def _known(query: Any, names: set[str]) -> None:
    for name in query:
        if name not in names | _EVERYWHERE:
            raise _Refused(400, "INVALID_ARGUMENT", f'Unknown name "{name}": Cannot bind parameter')


def _rows(request: HttpRequest) -> list[list[Any]]:
    """The rows in the body."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise _Refused(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
    try:
        body = request.json
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _Refused(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
    for name in body:
        if name not in ("values", "range", "majorDimension"):
            raise _Refused(400, "INVALID_ARGUMENT", f'Unknown name "{name}": Cannot find field.')
    rows = body.get("values")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _Refused(400, "INVALID_ARGUMENT", "Invalid value at 'data.values'")
    return rows


COUNTERPART = GoogleSheets
