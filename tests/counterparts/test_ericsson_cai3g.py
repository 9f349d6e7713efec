"""The mapping for CAI3G with its stand-in, and what the stand-in refuses as a gateway does."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.outcome import Outcome
from connector_tools.counterparts.ericsson_cai3g import CAI3G, ENDED, PATH, EricssonCai3g
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest
from connector_tools.counterparts.stand_in.soap_messages import sealed
from tests.support.catalogue import Served, served
from tests.support.events import subscriber

OLD, NEW, NUMBER = "001010000000001", "001010000000002", "420700000001"


class Watched(EricssonCai3g):
    """A stand-in that notes each call, and refuses the writes whose numbers are in `refused`."""

    def __init__(self, folder: Path, **given: Any) -> None:
        super().__init__(folder, **given)
        self.asked: list[str] = []
        self.writes: list[str] = []
        self.refused: set[int] = set()
        self.after = False

    def handle(self, request: HttpRequest) -> HttpReply:
        name = request.headers.get("soapaction", "").rpartition("#")[2]
        self.asked.append(name)
        if name not in ("Create", "Set", "Delete"):
            return super().handle(request)
        kind = "AuC" if b"GsmAuc/</c:MOType>" in request.body else "HLR"
        imsi = "old" if OLD.encode() in request.body else "new"
        refused = len(self.writes) in self.refused
        reply = HttpReply(500) if refused and not self.after else super().handle(request)
        if b"Session Error" not in reply.body:
            self.writes.append(f"{name} {kind} {imsi}")
        return self.refusal() if refused else reply


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Watched]:
    with Watched(tmp_path) as found:
        yield found


@pytest.fixture
async def connector(gateway: Watched) -> AsyncIterator[Served]:
    async with served(gateway, CAI3G_TIMEOUT="5") as connector:
        yield connector


def holds(number: str | None = NUMBER, *, served: bool = True) -> dict[str, Any]:
    return {"served": served, "number": number}


# --- the mapping


async def test_a_subscriber_is_created_with_keys_barred_and_served_again(
    gateway: Watched, connector: Served
) -> None:
    assert (await connector.handle_new("sim-created")).outcome is Outcome.APPLIED
    assert gateway.holds() == {OLD: holds()}
    blocked = {"pb_data.account_info.blocked": True, "updated_at": "2026-03-03T00:00:00Z"}
    assert (await connector.handle_new("sim-updated", change=blocked)).outcome is Outcome.APPLIED
    assert gateway.holds() == {OLD: holds(served=False)}
    open_again = {"updated_at": "2026-03-04T00:00:00Z"}
    assert (await connector.handle_new("sim-updated", change=open_again)).outcome is Outcome.APPLIED
    assert gateway.holds() == {OLD: holds()}
    assert gateway.writes == ["Create AuC old", "Create HLR old", "Set HLR old", "Set HLR old"]
    assert gateway.wrong == []


SWAP = ["Delete HLR old", "Delete AuC old", "Create AuC new", "Create HLR new"]


async def test_a_swap_takes_the_old_sim_away_before_it_serves_the_new_one(
    gateway: Watched, connector: Served
) -> None:
    await connector.handle_new("sim-created")
    gateway.writes.clear()
    assert (await connector.handle_new("sim-replaced")).outcome is Outcome.APPLIED
    assert gateway.writes == SWAP
    assert gateway.holds() == {NEW: holds()}
    assert [*gateway.auc.records] == [NEW]


@pytest.mark.parametrize("after", [False, True], ids=["not carried out", "carried out"])
@pytest.mark.parametrize("step", range(len(SWAP)), ids=SWAP)
async def test_a_swap_that_fails_at_a_step_is_finished_by_the_retry(
    gateway: Watched, connector: Served, step: int, after: bool
) -> None:
    """The retry reads what is there: no step that was carried out is sent again."""
    await connector.handle_new("sim-created")
    gateway.writes.clear()
    gateway.refused, gateway.after = {step}, after
    posted = {"event_id": "swap"}
    first = await connector.handle_new("sim-replaced", change=posted)
    assert first.outcome is Outcome.FAILED, first
    assert gateway.writes == SWAP[: step + 1]
    assert (await connector.handle_new("sim-replaced", change=posted)).outcome is Outcome.APPLIED
    assert gateway.writes == SWAP[: step + 1] + SWAP[step + after :]
    assert gateway.holds() == {NEW: holds()}
    assert [*gateway.auc.records] == [NEW]
    assert gateway.wrong == []


async def test_faults_come_with_both_statuses_and_mean_the_same(
    gateway: Watched, connector: Served
) -> None:
    for number in range(6):
        result = await connector.handle_new(
            "sim-updated",
            imsi=subscriber(number),
            change={"pb_data.account_info.id": f"42070000{number:04}@msisdn"},
        )
        assert result.outcome is Outcome.APPLIED, result
    assert set(gateway.answered) == {200, 500}
    assert len(gateway.holds()) == 6


async def test_what_exists_already_is_read_back_and_corrected(
    gateway: Watched, connector: Served
) -> None:
    """Somebody else creates the record after the connector has looked for it."""
    create = gateway.hlr.create

    def other(key: tuple[str, str], given: Any) -> None:
        record = {"imsi": OLD, "msisdn": NUMBER, "obo": "1", "obi": "1", "nam": "1"}
        gateway.hlr.records.setdefault(OLD, record)
        create(key, given)

    gateway.hlr.create = other  # type: ignore[method-assign]  # the other program
    assert (await connector.handle_new("sim-updated")).outcome is Outcome.APPLIED
    assert gateway.writes == ["Create AuC old", "Create HLR old", "Set HLR old"]
    assert gateway.holds() == {OLD: holds()}


async def test_a_number_of_another_sim_is_not_taken_from_it(
    gateway: Watched, connector: Served
) -> None:
    await connector.handle_new("sim-created")
    result = await connector.handle_new("sim-updated", imsi=NEW)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "another SIM has the number")
    assert gateway.holds() == {OLD: holds()}


async def test_a_session_that_ends_in_a_burst_is_begun_again_once(
    gateway: Watched, connector: Served
) -> None:
    """Each subscriber takes four calls; a session ends after 150."""
    numbers = range(100)
    results = await asyncio.gather(
        *(
            connector.handle_new(
                "sim-created",
                imsi=subscriber(number),
                change={"pb_data.account_info.id": f"42070000{number:04}@msisdn"},
            )
            for number in numbers
        )
    )
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert 3 <= gateway.sessions.logins <= 5
    assert len(gateway.writes) == len(set(gateway.hlr.records)) * 2 == 200
    assert gateway.wrong == []


# --- what the gateway refuses


class Caller:
    """Sends single requests as somebody without the connector."""

    def __init__(self, gateway: Watched, web: httpx.Client) -> None:
        self._web = web
        self._url = f"http://127.0.0.1:{gateway.place[1]}{PATH}"
        self.session = ""
        login = (
            f"<userId>{gateway.sessions.username}</userId><pwd>{gateway.sessions.password}</pwd>"
        )
        text = self.send("Login", login).text
        self.session = text.partition("sessionId>")[2].partition("<")[0]

    def send(self, name: str, inner: str, action: str = "", **headers: str) -> httpx.Response:
        header = f"<c:SessionId xmlns:c='{CAI3G}'>{self.session}</c:SessionId>"
        body = sealed(f"<{name} xmlns='{CAI3G}'>{inner}</{name}>", header)
        given = {"SOAPAction": action or f"CAI3G#{name}", "Content-Type": "text/xml", **headers}
        return self._web.post(self._url, content=body, headers=given)

    def call(self, name: str, fields: str, key: str = f"imsi='{OLD}'", moid: str = "imsi") -> str:
        space = "http://schemas.ericsson.com/ema/UserProvisioning/GsmHlr/"
        kind = {"Create": "createSubscription", "Set": "setSubscription"}.get(name, "none")
        inner = f"<MOType>Subscription@{space}</MOType><MOId><{moid}>{OLD}</{moid}></MOId>"
        inner += f"<MOAttributes><h:{kind} xmlns:h='{space}' {key}>{fields}</h:{kind}>"
        text = self.send(name, f"{inner}</MOAttributes>").text
        found = re.findall(r"<(?:\w:)?(?:respCode|errorcode|faultcode)>(\d+)<", text)
        return found[-1] if found else "done"


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.fixture
def caller(gateway: Watched, web: httpx.Client) -> Caller:
    return Caller(gateway, web)


FIELDS = f"<h:imsi>{OLD}</h:imsi><h:msisdn>{NUMBER}</h:msisdn>"


def test_a_complete_request_is_carried_out(gateway: Watched, caller: Caller) -> None:
    assert caller.call("Create", FIELDS) == "done"
    assert gateway.hlr.records[OLD]["msisdn"] == NUMBER


@pytest.mark.parametrize(
    ("fields", "key", "code"),
    [
        (FIELDS, "", "13002"),  # the key is not repeated as an attribute
        (FIELDS, f"imsi='{NEW}'", "13002"),
        (FIELDS, f"imsi='{OLD}' more='1'", "13002"),
        (f"<h:imsi>{OLD}</h:imsi>", f"imsi='{OLD}'", "13002"),  # no number
        (f"{FIELDS}<h:color>red</h:color>", f"imsi='{OLD}'", "4004"),
        (f"{FIELDS}<color>red</color>", f"imsi='{OLD}'", "4004"),
        (f"{FIELDS}<h:msisdn>1</h:msisdn>", f"imsi='{OLD}'", "4004"),
        (FIELDS.replace(NUMBER, "+420"), f"imsi='{OLD}'", "13002"),
        (f"{FIELDS}<h:obo>yes</h:obo>", f"imsi='{OLD}'", "13002"),
        (f"{FIELDS}<h:nam>0</h:nam>", f"imsi='{OLD}'", "13002"),
    ],
)
def test_a_request_that_breaks_the_schema_is_refused_and_noted(
    gateway: Watched, caller: Caller, fields: str, key: str, code: str
) -> None:
    assert caller.call("Create", fields, key) == code
    assert gateway.hlr.records == {}
    assert gateway.wrong == [f"a request that breaks the schema: {code}"]


def test_what_exists_and_what_is_unknown_is_refused(gateway: Watched, caller: Caller) -> None:
    assert [caller.call(name, "") for name in ("Set", "Get", "Delete")] == ["13001"] * 3
    assert [caller.call("Create", FIELDS) for _ in range(2)] == ["done", "301"]
    assert gateway.wrong == []


@pytest.mark.parametrize("session", ["", "made-up"])
def test_a_call_without_a_session_is_refused(
    gateway: Watched, caller: Caller, session: str
) -> None:
    caller.session = session
    assert caller.call("Create", FIELDS) in ENDED
    assert gateway.hlr.records == {}


def test_a_session_ends_with_time_and_a_user_has_few(tmp_path: Path, web: httpx.Client) -> None:
    with Watched(tmp_path, lifetime=60, limit=2) as gateway:
        first, second = Caller(gateway, web), Caller(gateway, web)
        assert second.session
        assert Caller(gateway, web).session == ""
        gateway.sessions.later(61)
        assert first.call("Create", FIELDS) in ENDED
        assert Caller(gateway, web).session


def test_a_login_with_another_field_begins_no_session(gateway: Watched, caller: Caller) -> None:
    login = f"<userId>{gateway.sessions.username}</userId><pwd>{gateway.sessions.password}</pwd>"
    assert "sessionId" in caller.send("Login", login).text
    assert "4003" in caller.send("Login", f"{login}<color>red</color>").text


def test_another_door_method_type_or_action_is_refused(
    caller: Caller, gateway: Watched, web: httpx.Client
) -> None:
    url = f"http://127.0.0.1:{gateway.place[1]}"
    assert web.post(f"{url}/other").status_code == 404
    assert web.get(f"{url}{PATH}").status_code == 405
    assert caller.send("Get", "", **{"Content-Type": "application/json"}).status_code == 415
    assert "4001" in caller.send("Get", "", action="CAI3G#Set").text
    assert (
        "4003"
        in web.post(f"{url}{PATH}", content=b"<x/>", headers={"Content-Type": "text/xml"}).text
    )
