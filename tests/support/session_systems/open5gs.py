"""The web UI of Open5GS (`connector_tools.counterparts.rules.open5gs_web_ui`) on a test's loop."""

import json

from connector_tools.counterparts.rules.open5gs_web_ui import WebUi
from connector_tools.counterparts.stand_in.http import HttpRequest
from connector_tools.counterparts.stand_in.records import Records
from connector_tools.counterparts.stand_in.sessions import Sessions
from tests.support.session_systems.web import Answer, Asked, SessionSystem


class Open5gs(SessionSystem):
    """The stand-in; records have the IMSI as key."""

    def __init__(self, sessions: Sessions | None = None) -> None:
        super().__init__(sessions, Records())
        self._ui = WebUi(self.sessions, self.records)

    @property
    def secrets(self) -> list[str]:
        """See `SessionSystem`."""
        return [*super().secrets, *self._ui.secrets]

    def end_sessions(self) -> None:
        """See `SessionSystem`; a visitor who has not logged in yet begins again, too."""
        self._ui.end_sessions()

    async def answer(self, asked: Asked) -> Answer:
        """See `WebSystem`."""
        request = HttpRequest(asked.method, asked.path, {}, asked.headers, asked.body)
        reply = self._ui.handle(request)
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if isinstance(reply.body, str | bytes):
            body, kind = reply.body, headers.pop("content-type", "text/plain")
        else:
            body, kind = json.dumps(reply.body), "application/json"
        data = body.encode() if isinstance(body, str) else body
        return Answer(reply.status, data, kind, list(headers.items()))
