"""The counterpart of `mappings/open5gs.yaml`: a stand-in of the web UI's API.

`open5gs_web_ui.py` has its rules. The SIM vendor has loaded the keys of `SIMS` SIMs: their
subscribers are barred and have no number.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from connector_tools.counterparts.counterpart import Record
from connector_tools.counterparts.rules.number_checks import NumberChecks
from connector_tools.counterparts.rules.open5gs_documents import Document, new
from connector_tools.counterparts.rules.open5gs_web_ui import COLLECTION, WebUi
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn
from connector_tools.counterparts.stand_in.records import Records
from connector_tools.counterparts.stand_in.sessions import Sessions

SIMS = [f"00101{number:010d}" for number in range(1, 2001)]
_FOR_A_MOMENT = "two subscribers have one number for a moment, because a request was late"
_PRODUCTS = {300: "mobile-l", 100: "mobile-m", 20: "mobile-s"}  # by Mbps of the downlink


class Open5gs(HttpStandIn):
    """See the module. The outage `logged-out` ends all sessions once, as a restart does."""

    mapping = "open5gs"
    what = "a stand-in of the web UI's API"
    outages = ("logged-out",)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sessions = Sessions(username="admin")
        self.records = Records()
        self.ui = WebUi(self.sessions, self.records)
        self.checks = NumberChecks(self._holders)
        self.provision(SIMS)

    def provision(self, imsis: Iterable[str]) -> None:
        """Load keys of SIMs, as the SIM vendor does."""
        for imsi in imsis:
            self.records.rows[imsi] = new(
                {
                    "imsi": imsi,
                    "security": {"k": "0" * 32, "opc": "1" * 32, "amf": "8000", "sqn": 97},
                    "subscriber_status": 1,
                }
            )

    def handle(self, request: HttpRequest) -> HttpReply:
        """See `HttpStandIn`."""
        before = len(self.records.writes)
        reply = self.ui.handle(request)
        if request.method == "GET" and request.path == COLLECTION and reply.status == 200:
            self._note_look(request)
        if len(self.records.writes) > before:
            self._watch(request)
        return reply

    def refusal(self) -> HttpReply:
        """The web UI cannot reach its database; it says so with a 400."""
        return HttpReply(400, {"name": "MongooseServerSelectionError"})

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "OPEN5GS_URL": f"http://{host}:{port}",
            "OPEN5GS_USER": self.sessions.username,
            "OPEN5GS_PASSWORD": self.sessions.password,
        }

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`; without the subscribers that are as the SIM vendor loaded them."""
        rows = self.records.rows
        return {imsi: _record(row) for imsi, row in rows.items() if "ambr" in row}

    def begin(self, outage: str) -> None:
        """See `Counterpart`."""
        if outage not in self.outages:
            super().begin(outage)
        self.ui.end_sessions()

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`."""
        self.sessions.password = f"new-{self.sessions.password}"
        self.ui.end_sessions()
        self.ui.bearers.clear()
        return {"OPEN5GS_PASSWORD": self.sessions.password}

    def _watch(self, request: HttpRequest) -> None:
        """Note what the write that was just carried out must not have done."""
        write = self.records.writes[-1]
        if write.what == "remove all":
            self.wrong.append("all subscribers were deleted")
        if write.what == "create":
            self.wrong.append("a subscriber was created without its keys")
        if write.what == "change" and "security" in write.fields:
            self.wrong.append("the keys of a subscriber were written")
        self.checks.written()
        for number in write.fields.get("msisdn", ()):
            self._watch_number(number, write.key)

    def _watch_number(self, number: str, imsi: str) -> None:
        raced = self.checks.in_good_faith(number, imsi)
        if len(self._holders(number)) > 1:
            notes = self.not_promised if raced else self.wrong
            notes.append(_FOR_A_MOMENT if raced else "two subscribers have one number")

    def _note_look(self, request: HttpRequest) -> None:
        """Note that somebody looked who has a number, as the mapping file does."""
        match json.loads(request.query.get("query", "{}")):
            case {"msisdn": str(number), "imsi": {"$nin": [str(imsi), *others]}}:
                self.checks.looked(number, imsi, others)

    def _holders(self, number: str) -> set[str]:
        return {imsi for imsi, row in self.records.rows.items() if number in row["msisdn"]}


def _record(row: Document) -> dict[str, Any]:
    speed = row["ambr"]["downlink"]["value"]
    return {
        "served": row["subscriber_status"] == 0,
        "number": row["msisdn"][0] if row["msisdn"] else None,
        "product": _PRODUCTS.get(speed),
    }


COUNTERPART = Open5gs
