"""The stand-ins for systems with sessions refuse what the real ones refuse."""

from collections.abc import AsyncIterator

import httpx
import pytest

from connector_tools.counterparts.stand_in.sessions import Sessions
from connector_tools.counterparts.stand_in.soap_messages import sealed
from tests.support.session_systems import Eda, Huawei, Open5gs
from tests.support.session_systems.eda import CAI3G, ENDED, PATH
from tests.support.session_systems.huawei import COMMANDS

IMSI, OTHER = "001010000000001", "001010000000002"
HLR = "<c:MOType>Subscription@http://schemas.ericsson.com/ema/UserProvisioning/GsmHlr/</c:MOType>"


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


class EdaUser:
    """Calls EDA as a client does."""

    def __init__(self, web: httpx.AsyncClient, eda: Eda) -> None:
        self.web, self.eda, self.session = web, eda, ""

    async def call(self, name: str, inner: str, action: str | None = None) -> httpx.Response:
        header = f"<c:SessionId xmlns:c='{CAI3G}'>{self.session}</c:SessionId>"
        content = sealed(f"<c:{name} xmlns:c='{CAI3G}'>{inner}</c:{name}>", header)
        headers = {"SOAPAction": action or f"CAI3G#{name}"}
        return await self.web.post(self.eda.url + PATH, content=content, headers=headers)

    async def login(self, password: str = "") -> httpx.Response:
        sessions = self.eda.sessions
        pwd = f"<c:pwd>{password or sessions.password}</c:pwd>"
        reply = await self.call("Login", f"<c:userId>{sessions.username}</c:userId>{pwd}")
        self.session = reply.text.partition("<c:sessionId>")[2].partition("<")[0]
        return reply

    async def create(self, imsi: str, msisdn: str, attribute: str = "") -> httpx.Response:
        inner = f"<create imsi='{attribute or imsi}'><msisdn>{msisdn}</msisdn></create>"
        moid = f"<c:MOId><imsi>{imsi}</imsi></c:MOId>"
        return await self.call("Create", f"{HLR}{moid}<c:MOAttributes>{inner}</c:MOAttributes>")

    async def get(self, imsi: str) -> httpx.Response:
        return await self.call("Get", f"{HLR}<c:MOId><imsi>{imsi}</imsi></c:MOId>")


async def test_eda_carries_out_calls_with_a_session_in_the_soap_header(
    web: httpx.AsyncClient,
) -> None:
    async with Eda() as eda:
        user = EdaUser(web, eda)
        assert (await user.login()).status_code == 200
        assert (await user.create(IMSI, "4670")).status_code == 200
        assert "<msisdn>4670</msisdn>" in (await user.get(IMSI)).text
        moid = f"{HLR}<c:MOId><imsi>{IMSI}</imsi></c:MOId>"
        assert (await user.call("Delete", moid)).status_code == 200
        assert "13001" in (await user.get(IMSI)).text
        assert (await user.call("Logout", "")).status_code == 200
        assert "3014" in (await user.get(IMSI)).text
        assert [write.what for write in eda.records.writes] == ["create", "remove"]
        assert (eda.sessions.logins, eda.sessions.logouts, eda.sessions.live) == (1, 1, 0)


@pytest.mark.parametrize("code", ENDED)
@pytest.mark.parametrize("status", [500, 200])
async def test_eda_refuses_a_session_that_ended(
    web: httpx.AsyncClient, status: int, code: str
) -> None:
    async with Eda(Sessions(lifetime=600), fault_status=status, ended_code=code) as eda:  # type: ignore[arg-type]
        user = EdaUser(web, eda)
        assert f"<c:faultcode>{code}<" in (await user.create(IMSI, "4670")).text
        await user.login()
        await user.create(IMSI, "4670")
        eda.end_sessions()
        reply = await user.create(OTHER, "4671")
        assert (reply.status_code, f"<c:faultcode>{code}<" in reply.text) == (status, True)
        await user.login()
        assert "Fault" not in (await user.get(IMSI)).text
        eda.sessions.later(600)
        assert f"<c:faultcode>{code}<" in (await user.get(IMSI)).text
        assert list(eda.records.rows) == [f"imsi:{IMSI}"]
        assert (eda.sessions.logins, eda.sessions.refused) == (2, 3)


async def test_eda_refuses_a_wrong_password_a_taken_number_and_a_key_that_differs(
    web: httpx.AsyncClient,
) -> None:
    async with Eda() as eda:
        user = EdaUser(web, eda)
        assert "1002" in (await user.login("wrong")).text
        await user.login()
        await user.create(IMSI, "4670")
        assert "301" in (await user.create(IMSI, "4671")).text
        assert "301" in (await user.create(OTHER, "4670")).text
        assert "13002" in (await user.create(OTHER, "4671", attribute=IMSI)).text
        assert "4001" in (await user.call("Get", "", action="CAI3G#Set")).text
        assert len(eda.records.writes) == 1


async def test_a_user_with_too_many_sessions_is_refused_or_loses_the_oldest(
    web: httpx.AsyncClient,
) -> None:
    async with Eda(Sessions(limit=1)) as eda:
        first, second = EdaUser(web, eda), EdaUser(web, eda)
        await first.login()
        assert "1004" in (await second.login()).text
        eda.sessions.when_full = "end the oldest"
        await second.login()
        assert "3014" in (await first.get(IMSI)).text
        assert "13001" in (await second.get(IMSI)).text
        assert (eda.sessions.most, eda.sessions.refused_logins) == (1, 1)


@pytest.mark.parametrize("login_status", [200, 307])
async def test_huawei_gives_a_path_for_each_session(
    web: httpx.AsyncClient, login_status: int
) -> None:
    async with Huawei(login_status=login_status) as huawei:  # type: ignore[arg-type]

        async def call(url: str, command: str, **values: str) -> httpx.Response:
            inner = "".join(f"<c:{name}>{value}</c:{name}>" for name, value in values.items())
            content = f"<c:{command} xmlns:c='{COMMANDS}{command}'>{inner}</c:{command}>"
            return await web.post(url, content=sealed(content))

        user = {"OPNAME": huawei.sessions.username, "PWD": huawei.sessions.password}
        assert "ERR1002" in (await call(huawei.url, "LGI", OPNAME="x", PWD="y")).text
        reply = await call(huawei.url, "LGI", **user)
        session = reply.headers["location"]
        assert (reply.status_code, session.startswith(huawei.url + "/")) == (login_status, True)
        assert "ERR1018" in (await call(huawei.url, "LST_SUB", IMSI=IMSI)).text
        add = {"IMSI": IMSI, "ISDN": "4670", "TPLID": "1"}
        assert "SUCCESS" in (await call(session, "ADD_TPLSUB", **add)).text
        assert "ERR3012" in (await call(session, "ADD_TPLSUB", **add)).text
        assert "SUCCESS" in (await call(session, "MOD_LCK", ISDN="4670", IC="TRUE")).text
        assert "<IC>TRUE</IC>" in (await call(session, "LST_SUB", IMSI=IMSI)).text
        huawei.end_sessions()
        reply = await call(session, "RMV_SUB", IMSI=IMSI)
        assert (reply.status_code, "ERR1018" in reply.text) == (200, True)
        session = (await call(huawei.url, "LGI", **user)).headers["location"]
        assert "SUCCESS" in (await call(session, "RMV_SUB", IMSI=IMSI)).text
        assert "ERR3001" in (await call(session, "RMV_SUB", IMSI=IMSI)).text
        assert "SUCCESS" in (await call(session, "LGO")).text
        assert [write.what for write in huawei.records.writes] == ["create", "change", "remove"]
        assert (huawei.sessions.logins, huawei.sessions.live) == (2, 0)


class WebUi:
    """Logs in at the web UI as a browser does."""

    def __init__(self, web: httpx.AsyncClient, system: Open5gs) -> None:
        self.web, self.system = web, system
        self.headers: dict[str, str] = {}

    async def login(self, password: str = "") -> httpx.Response:
        system, url = self.system, f"{self.system.url}/api/auth"
        page = (await self.web.get(f"{url}/csrf")).json()
        user = {"username": system.sessions.username}
        user["password"] = password or system.sessions.password
        token = {"X-CSRF-TOKEN": page["csrfToken"]}
        reply = await self.web.post(f"{url}/login", json=user, headers=token)
        page = (await self.web.get(f"{url}/session")).json()
        bearer = {"Authorization": f"Bearer {page.get('authToken', '')}"}
        self.headers = {"X-CSRF-TOKEN": page["csrfToken"]} | bearer
        return reply

    async def ask(
        self, method: str, imsi: str = "", body: object = None, without: str = ""
    ) -> httpx.Response:
        """A request for a subscriber, without one of the three proofs."""
        headers = {name: value for name, value in self.headers.items() if name != without}
        path = f"/api/db/Subscriber/{imsi}" if imsi else "/api/db/Subscriber"
        cookies = self.web.cookies
        if without == "Cookie":
            self.web.cookies = httpx.Cookies()
        reply = await self.web.request(method, self.system.url + path, headers=headers, json=body)
        self.web.cookies = cookies
        return reply


async def test_open5gs_wants_cookie_csrf_token_and_bearer_for_a_write(
    web: httpx.AsyncClient,
) -> None:
    async with Open5gs() as system:
        user, record = WebUi(web, system), {"imsi": IMSI, "msisdn": []}
        assert (await user.ask("POST", body=record)).status_code == 403
        assert (await user.login()).status_code == 302
        for header, status in {"Cookie": 403, "X-CSRF-TOKEN": 403, "Authorization": 401}.items():
            reply = await user.ask("POST", body=record, without=header)
            assert reply.status_code == status
        assert not system.records.writes
        assert (await user.ask("POST", body=record)).status_code == 201
        again = await user.ask("POST", body=record)
        assert (again.status_code, again.json()["code"]) == (400, 11000)
        changes = {"subscriber_status": 1, "title": "new"}
        assert (await user.ask("PATCH", IMSI, changes)).status_code == 200
        row = system.records.rows[IMSI]
        assert (row["msisdn"], row["subscriber_status"], "title" in row) == ([], 1, False)
        assert (await user.ask("GET", OTHER)).status_code == 404
        assert (await user.ask("DELETE", OTHER)).status_code == 404
        assert (await user.ask("DELETE", IMSI)).status_code == 204


async def test_open5gs_refuses_the_csrf_token_of_a_session_that_ended(
    web: httpx.AsyncClient,
) -> None:
    async with Open5gs() as system:
        user = WebUi(web, system)
        await user.login()
        assert (await user.ask("DELETE", IMSI)).status_code == 404
        system.end_sessions()
        assert (await user.ask("DELETE", IMSI)).status_code == 403
        assert (await user.ask("GET")).status_code == 200, "the bearer token alone is still good"
        assert (await user.login("wrong")).status_code == 401
        assert (await user.login()).status_code == 302
        assert (await user.ask("DELETE")).status_code == 204
        assert [write.what for write in system.records.writes] == ["remove all"]
        assert (system.sessions.logins, system.sessions.refused_logins) == (2, 1)
