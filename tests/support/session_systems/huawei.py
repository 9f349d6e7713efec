"""Huawei HLR over SOAP: the session is a path, which the login's reply gives in `Location`.

One operation a command, in the namespace `http://www.huawei.com/HLR9820/<CMD>`. `LGI` is posted to
`/`; its reply has the header `Location`, with the URL for all further calls, and the status
`login_status`: 200, or 307, as some releases answer. Every other reply is HTTP 200 with Result,
ResultCode and ResultDesc, also for a session that is not alive. The codes 3001 (no such user), 3012
(exists), 1018 (not logged in), 1002 (wrong password) and 1020 (too many sessions) are this
stand-in's: a mapping must be able to name others.
"""

from typing import Literal

from connector_tools.counterparts.stand_in.records import Exists, Missing, Records
from connector_tools.counterparts.stand_in.sessions import NotAllowed, Sessions, TooMany
from connector_tools.counterparts.stand_in.soap_messages import (
    elements,
    fields,
    local,
    namespace,
    opened,
    sealed,
)
from tests.support.session_systems.web import Answer, Asked, SessionSystem

COMMANDS = "http://www.huawei.com/HLR9820/"
TEXTS = {
    "0": "SUCCESS0001:Operation is successful",
    "1002": "ERR1002:The user name or the password is wrong",
    "1018": "ERR1018:The user has not logged in",
    "1020": "ERR1020:Too many sessions",
    "2001": "ERR2001:The command or a parameter is not known",
    "3001": "ERR3001:Subscriber not defined",
    "3012": "ERR3012:Subscriber already defined",
}


class Huawei(SessionSystem):
    """The stand-in; records have the IMSI as key and the parameters of the commands as fields."""

    def __init__(
        self, sessions: Sessions | None = None, login_status: Literal[200, 307] = 200
    ) -> None:
        super().__init__(sessions, Records(("IMSI", "ISDN")))
        self.login_status = login_status

    async def answer(self, asked: Asked) -> Answer:
        envelope = opened(asked.body)
        if asked.method != "POST" or envelope is None:
            return Answer(400)
        command = local(envelope.content)
        if namespace(envelope.content) != COMMANDS + command:
            return _result(command, "2001")
        given = fields(envelope.content)
        if command == "LGI":
            return self._login(given)
        session = asked.path.removeprefix("/")
        if not self.sessions.check(session):
            return _result(command, "1018")
        if command == "LGO":
            self.sessions.logout(session)
            return _result(command, "0")
        return self._carry_out(command, given)

    def _login(self, given: dict[str, str]) -> Answer:
        try:
            name = self.sessions.login(given.get("OPNAME"), given.get("PWD"))
        except NotAllowed:
            return _result("LGI", "1002")
        except TooMany:
            return _result("LGI", "1020")
        return _result("LGI", "0", status=self.login_status, location=f"{self.url}/{name}")

    def _carry_out(self, command: str, given: dict[str, str]) -> Answer:
        imsi = given.pop("IMSI", None) or self._imsi_of(given.pop("ISDN", ""))
        try:
            match command:
                case "ADD_TPLSUB" if imsi and "ISDN" in given:
                    self.records.create(imsi, {"IMSI": imsi} | given)
                case "MOD_LCK" | "MOD_ISDN" | "MOD_NAM":
                    self.records.change(imsi, given)
                case "RMV_SUB":
                    self.records.remove(imsi)
                case "LST_SUB":
                    return _result(command, "0", elements(self.records.get(imsi)))
                case _:
                    return _result(command, "2001")
        except Missing:
            return _result(command, "3001")
        except Exists:
            return _result(command, "3012")
        return _result(command, "0")

    def _imsi_of(self, isdn: str) -> str:
        try:
            return self.records.find("ISDN", isdn)
        except Missing:
            return ""


def _result(
    command: str, code: str, data: str = "", status: int = 200, location: str = ""
) -> Answer:
    result = elements({"ResultCode": code, "ResultDesc": TEXTS[code]})
    group = f"<ResultData>{data}</ResultData>" if data else ""
    content = (
        f"<r:{command}Response xmlns:r='{COMMANDS}{command}'><Result>{result}{group}</Result>"
        f"</r:{command}Response>"
    )
    headers = [("Location", location)] if location else []
    return Answer(status, sealed(content), "text/xml", headers)
