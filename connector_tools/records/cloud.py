"""Records in Cloud Logging, over its API for JSON (`entries:list`).

The API's own library would add five packages; this needs none, because Google's common library
brings the session (docs/decisions/0049-commands-of-the-night.md). The entries are those of
`gcloud logging read --format=json`.

Import this module only if it is used: Google's libraries take half a second.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import google.auth
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession

from connector_tools.records.record import CannotRead, LogRecord, Wanted, record_of

EMULATOR = "LOGGING_EMULATOR_HOST"
"""Environment variable: `host:port` of a server that speaks this API; for tests."""

_GOOGLE = "https://logging.googleapis.com"
_SCOPES = ("https://www.googleapis.com/auth/logging.read",)
_PAGE = 1000  # entries, the most that a request returns
_TIMEOUT = 60  # seconds for one request
_PAUSES = (1.0, 4.0, 16.0, 32.0)  # seconds before each further try; the quota is per minute
_BUSY = (429, 500, 502, 503, 504)
_PROJECT = re.compile(r"[a-z0-9.:-]{1,128}")
_LOGIN = "log in with `gcloud auth application-default login`"
_MENDS = {
    400: "correct the project's id in --project",
    401: f"the login has ended: {_LOGIN}",
    403: "give this login the role roles/logging.viewer on the project, and enable the API "
    "logging.googleapis.com",
    404: "there is no such project: correct --project",
}


class CloudRecords:
    """The records of a Google Cloud project, oldest first; use it as a source of records.

    `environ` may name an emulator. `pauses` are the seconds before each further try after a reply
    that says "too busy". `skipped` counts entries that are not records of a connector;
    none is `damaged`.
    """

    def __init__(
        self, project: str, environ: Mapping[str, str], pauses: Sequence[float] = _PAUSES
    ) -> None:
        if not _PROJECT.fullmatch(project):
            raise CannotRead(f"{project!r} is not the id of a project: correct --project")
        self._project = project
        self._pauses = pauses
        self.skipped = self.damaged = 0
        emulator = environ.get(EMULATOR, "").strip()
        self._url = f"http://{emulator}" if emulator else _GOOGLE
        self._session = _session(emulated=bool(emulator))

    def records(self, wanted: Wanted) -> Iterator[LogRecord]:
        """Yield the wanted records, page by page.

        Raises:
            CannotRead: Cloud Logging refuses, or cannot be reached; the message says what to do.
        """
        request: dict[str, Any] = {
            "resourceNames": [f"projects/{self._project}"],
            "filter": query(wanted),
            "orderBy": "timestamp asc",
            "pageSize": _PAGE,
        }
        more = True
        while more:
            page = self._page(request)
            for entry in page.get("entries", ()):
                record = record_of(entry)
                if record is None:
                    self.skipped += 1
                elif wanted.fits(record):
                    yield record
            request["pageToken"] = page.get("nextPageToken")
            more = bool(request["pageToken"])

    def _page(self, request: dict[str, Any]) -> dict[str, Any]:
        for pause in (*self._pauses, None):
            reply = self._post(request)
            if reply.status_code not in _BUSY or pause is None:
                break
            time.sleep(pause)
        if reply.status_code == 200:
            try:
                return dict(reply.json())
            except (ValueError, TypeError):
                raise CannotRead(
                    "Cloud Logging's answer is not JSON: is a proxy between?"
                ) from None
        mend = _MENDS.get(reply.status_code, "try again later")
        raise CannotRead(f"Cloud Logging answers HTTP {reply.status_code}{_said(reply)}: {mend}")

    def _post(self, request: dict[str, Any]) -> Any:
        try:
            return self._session.post(
                f"{self._url}/v2/entries:list", json=request, timeout=_TIMEOUT
            )
        except TransportError as error:
            raise CannotRead(f"no login: Google cannot be reached: {_short(error)}") from error
        except GoogleAuthError as error:
            raise CannotRead(f"Google refuses the login: {_LOGIN} ({_short(error)})") from error
        except OSError as error:  # of the library `requests`, too
            raise CannotRead(f"Cloud Logging cannot be reached: {_short(error)}") from error


def query(wanted: Wanted) -> str:
    """The filter of Cloud Logging that selects these records."""
    parts = [f"timestamp>={_quoted(_utc(wanted.since))}"] if wanted.since else []
    if wanted.until:
        parts.append(f"timestamp<{_quoted(_utc(wanted.until))}")
    if wanted.messages:
        parts.append(f"jsonPayload.message={_any(wanted.messages)}")
    if wanted.connector:
        name = _quoted(wanted.connector)
        parts.append(f"(jsonPayload.connector={name} OR NOT jsonPayload.connector:*)")
    about = [f"jsonPayload.event_id={_quoted(wanted.event_id)}"] if wanted.event_id else []
    if wanted.hashes:
        some = _any(sorted(wanted.hashes))
        about += [f"jsonPayload.subject_hash={some}", f"jsonPayload.account_hash={some}"]
    if about:
        parts.append(f"({' OR '.join(about)})")
    return " AND ".join(parts)


def _any(texts: Sequence[str]) -> str:
    return f"({' OR '.join(map(_quoted, texts))})"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _session(*, emulated: bool) -> AuthorizedSession:
    if emulated:
        return AuthorizedSession(AnonymousCredentials())  # type: ignore[no-untyped-call]
    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
    except DefaultCredentialsError:
        raise CannotRead(f"Google's library finds no login: {_LOGIN}") from None
    except (GoogleAuthError, OSError) as error:
        raise CannotRead(f"no login: {_short(error)}") from error
    return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


def _said(reply: Any) -> str:
    """The sentence of Google's error, if the reply has one."""
    try:
        return f", {reply.json()['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return ""


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
