"""A session begins with a login; a call that the system refuses because of it begins another."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connector import log
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.systems.http.session import keeper
from connector_tools.counterparts.stand_in.records import Records
from connector_tools.counterparts.stand_in.sessions import NotAllowed, Sessions
from tests.support import ROOT
from tests.support.logins import TOKEN, mapping, opened
from tests.support.scripted import Scripted, ScriptedServer
from tests.support.session_systems.web import Answer, Asked, SessionSystem, document


class Panel(SessionSystem):
    """A REST panel: `POST /login` gives a token, which `X-Token` carries."""

    ended = (401, "no session")
    login_delay = 0.0
    end_of_token = ""

    def __init__(self) -> None:
        super().__init__(Sessions(password="p4ssword-of-the-connector"), Records())

    async def answer(self, asked: Asked) -> Answer:
        if asked.path == "/login":
            await asyncio.sleep(self.login_delay)
            try:
                token = self.sessions.login(asked.json["user"], asked.json["password"])
            except NotAllowed:
                return document(403, {"error": f"wrong password {asked.json['password']}"})
            lives, line = self.sessions.lifetime, self.end_of_token
            return document(200, {"token": token, "lives": lives, "line": line})
        token = asked.headers.get("x-token", "")
        if not self.sessions.check(token):
            status, error = self.ended
            return document(status, {"error": error, "token": token})
        if asked.path == "/logout":
            self.sessions.logout(token)
            return document(200, {})
        self.records.create(asked.json["imsi"], asked.json)
        return document(200, {"token": token})


@pytest.fixture
async def panel() -> AsyncIterator[Panel]:
    async with Panel() as system:
        yield system


def extended(*lines: str) -> str:
    """`TOKEN` with more keys of the login."""
    more = "".join(f"    {line}\n" for line in lines)
    return TOKEN.replace("    requests:\n", f"{more}    requests:\n")


async def test_calls_have_a_value_that_the_login_gave(tmp_path: Path, panel: Panel) -> None:
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        results = [await served.handle(number) for number in range(3)]
    assert [result.outcome for result in results] == [Outcome.APPLIED] * 3
    assert panel.sessions.logins == 1


async def test_two_hundred_events_at_once_need_one_login(tmp_path: Path, panel: Panel) -> None:
    panel.login_delay = 0.05
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        results = await served.burst(200)
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert (panel.sessions.logins, len(panel.records.rows)) == (1, 200)


async def test_a_call_with_a_session_that_ended_is_sent_once_more(
    tmp_path: Path, panel: Panel
) -> None:
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        await served.handle(1)
        panel.end_sessions()
        result = await served.handle(2)
    assert result.outcome is Outcome.APPLIED
    assert [asked.path for asked in panel.requests] == [
        *("/login", "/cards"),
        *("/cards", "/login", "/cards"),
    ]


@pytest.mark.parametrize("status", [200, 403])
async def test_expired_when_says_which_replies_mean_that_the_session_has_ended(
    tmp_path: Path, panel: Panel, status: int
) -> None:
    panel.ended = (status, "not logged in")
    http = extended("expired_when: reply.json.error == 'not logged in'")
    async with opened(mapping(tmp_path, http), {"url": panel.url}) as served:
        await served.handle(1)
        panel.end_sessions()
        assert (await served.handle(2)).outcome is Outcome.APPLIED
    assert panel.sessions.logins == 2


async def test_a_new_session_that_is_refused_fails_the_event(tmp_path: Path, panel: Panel) -> None:
    """Some systems log a user in who may not do anything. Each event would begin a login."""

    async def end(asked: Asked) -> None:
        if asked.path != "/login":
            panel.end_sessions()

    panel.before = end
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        results = await served.burst(50)
    assert {result.outcome for result in results} == {Outcome.FAILED}
    assert {result.reason for result in results} == {
        "API Core refused the connector's credentials: check the secret that it uses"
    }
    assert panel.sessions.logins <= 2


async def test_refused_credentials_are_tried_once_for_all_events(
    tmp_path: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systems lock users after a few wrong passwords."""
    monkeypatch.setattr(keeper, "_FIRST_PAUSE", 60)  # longer than 201 events take
    async with opened(mapping(tmp_path), {"url": panel.url, "password": "wrong-one"}) as served:
        results = await served.burst(200)
        results.append(await served.handle(200))
    assert {result.outcome for result in results} == {Outcome.FAILED}
    assert panel.sessions.refused_logins == 1
    assert served.shown(["wrong-one"]) == []


async def test_a_system_that_is_down_is_unavailable(tmp_path: Path) -> None:
    async with opened(mapping(tmp_path), {"url": "http://127.0.0.1:9"}) as served:
        results = await served.burst(20)
    assert {result.outcome for result in results} == {Outcome.UNAVAILABLE}
    failed = [line for line in served.lines if line["message"] == "login failed"]
    assert [line["cause"].startswith("login: ConnectError") for line in failed] == [True]


async def test_an_event_that_leaves_does_not_end_the_login(tmp_path: Path, panel: Panel) -> None:
    panel.login_delay = 0.1
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        first = asyncio.create_task(served.handle(1))
        second = asyncio.create_task(served.handle(2))
        while not panel.requests:  # noqa: ASYNC110 - of what no event tells
            await asyncio.sleep(0.005)
        first.cancel()
        assert (await second).outcome is Outcome.APPLIED
    assert panel.sessions.logins == 1


async def test_a_login_without_the_value_fails_and_names_it(tmp_path: Path, panel: Panel) -> None:
    http = TOKEN.replace("reply.json.token", "reply.json.tocken")
    async with opened(mapping(tmp_path, http), {"url": panel.url}) as served:
        result = await served.handle()
    assert (result.outcome, result.reason) == (
        Outcome.FAILED,
        "API Core's reply to the login has no `token`",
    )


async def test_a_session_is_renewed_before_it_ends(tmp_path: Path, panel: Panel) -> None:
    """The event that comes in the margin does not wait for the login, and no call is refused."""
    panel.sessions.lifetime = 0.5
    http = extended("lifetime: =reply.json.lives")
    async with opened(mapping(tmp_path, http), {"url": panel.url}) as served:
        number = 0
        while panel.sessions.logins < 4:
            number += 1
            assert (await served.handle(number)).outcome is Outcome.APPLIED
            await asyncio.sleep(0.01)
    assert panel.sessions.refused == 0


async def test_the_session_is_logged_out_at_the_stop(tmp_path: Path, panel: Panel) -> None:
    http = extended("logout: {post: /logout}")
    async with opened(mapping(tmp_path, http), {"url": panel.url}) as served:
        await served.handle()
    assert (panel.sessions.logouts, panel.sessions.live) == (1, 0)


async def test_a_login_that_is_under_way_at_the_stop_is_logged_out(
    tmp_path: Path, panel: Panel
) -> None:
    panel.login_delay = 0.5
    http = extended("logout: {post: /logout}")
    async with opened(mapping(tmp_path, http), {"url": panel.url}, budget=0.2) as served:
        assert (await served.handle(1)).outcome is Outcome.UNAVAILABLE
    assert (panel.sessions.logins, panel.sessions.logouts) == (1, 1)


async def test_a_stop_without_a_login_logs_nobody_out(tmp_path: Path, panel: Panel) -> None:
    async with opened(mapping(tmp_path, extended("logout: {post: /logout}")), {"url": panel.url}):
        pass
    assert panel.requests == []


class Rotated:
    """Secrets of which a newer version exists; `settings` change when they are read again."""

    def __init__(self, settings: dict[str, Any], password: str) -> None:
        self.generation = 1
        self.settings = settings
        self.password = password
        self.asked = 0

    async def renewed(self, since: int) -> bool:
        self.asked += 1
        if self.settings["password"] != self.password:
            self.settings["password"] = self.password
            self.generation += 1
        return self.generation != since


async def test_a_refused_login_is_tried_again_with_a_rotated_secret(
    tmp_path: Path, panel: Panel
) -> None:
    made = mapping(tmp_path)
    settings = {"url": panel.url, "password": "old-password"}
    rotated = Rotated(settings, panel.sessions.password)
    async with opened(made, settings, rotated) as served:
        results = await served.burst(20)
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert (panel.sessions.refused_logins, panel.sessions.logins) == (1, 1)


async def test_events_wait_for_a_login_for_half_of_their_time_at_most(
    tmp_path: Path, panel: Panel
) -> None:
    """The login goes on, and a later event has its session."""
    panel.login_delay = 0.6
    async with opened(mapping(tmp_path), {"url": panel.url}, budget=0.4) as served:
        results = await served.burst(20)
        assert {result.outcome for result in results} == {Outcome.UNAVAILABLE}
        while not panel.sessions.logins:  # noqa: ASYNC110 - of what no event tells
            await asyncio.sleep(0.01)
        while (await served.handle(30)).outcome is not Outcome.APPLIED:
            pass
    assert panel.sessions.logins == 1


async def test_a_login_on_a_connection_that_was_closed_is_sent_once_more(
    tmp_path: Path, system: ScriptedServer
) -> None:
    system.script(Scripted(drop=True), Scripted(json={"token": "t-1"}))
    async with opened(mapping(tmp_path), {"url": system.url}) as served:
        assert (await served.handle()).outcome is Outcome.APPLIED
    assert [asked.path for asked in system.requests] == ["/login", "/login", "/cards"]


@pytest.mark.parametrize(
    ("http", "problem"),
    [
        (
            TOKEN.replace("json: {user: =settings.user, password:", "headers: {X-P:"),
            "`login.requests.post`: `=settings.password`: there is no value",
        ),
        (
            "auth: {wsse: {username: a, password: =settings.password}}\n",
            "`wsse`: `=settings.password`: there is no value",
        ),
        (
            "auth: {oauth2: {url: 'http://a', client_id: a, client_secret: =settings.password}}\n",
            "`client_secret`: `=settings.password`: there is no value",
        ),
        (
            "auth: {oauth2: {url: '{{ settings.key }}', client_id: a, client_secret: b}}\n",
            "`url`: must be a URL such as https://host/token, without a user",
        ),
        (
            "auth: {assertion: {url: 'http://a', key: =settings.user, claims: {}}}\n",
            "`key`: must be an RSA private key in PEM format",
        ),
    ],
    ids=["login", "wsse", "client", "url", "key"],
)
def test_values_that_cannot_be_used_stop_the_start(tmp_path: Path, http: str, problem: str) -> None:
    made = mapping(tmp_path, http)
    values = {"url": "http://system.test", "user": "s3cret-user", "key": "s3cret", "password": None}
    with pytest.raises(BadSettings) as refused:
        made.protocol.client(made.system, values)
    assert refused.value.problems == (f"system.http.auth: {problem}",)


def test_a_mapping_without_a_login_imports_nothing_for_it() -> None:
    code = (
        "import sys; from pathlib import Path; from connector.mapping.load import load;"
        "made = load(Path('mappings/wtl-hlr-hss.yaml'));"
        "values = {'api_url': 'http://a', 'api_token': 'b', 'timeout': 1};"
        "made.protocol.client(made.system, values);"
        "print([name for name in sys.modules if 'http.session' in name or 'expat' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


async def test_a_late_refusal_of_an_old_session_does_not_end_the_new_one(
    tmp_path: Path, panel: Panel
) -> None:
    calls = 0

    async def hold_the_second(asked: Asked) -> None:
        nonlocal calls
        calls += asked.path == "/cards"
        if asked.path == "/cards" and calls == 2:  # of the second event, with the old session
            async with asyncio.timeout(10):
                while panel.sessions.logins < 2 or len(panel.records.rows) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)

    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        await served.handle(1)
        panel.end_sessions()
        panel.before = hold_the_second
        results = await asyncio.gather(served.handle(2), served.handle(3))
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert panel.sessions.logins == 2


async def test_a_login_that_failed_is_tried_again_after_a_pause(
    tmp_path: Path, panel: Panel
) -> None:
    right, panel.sessions.password = panel.sessions.password, "another"
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        result = await served.handle(1)
        assert result.outcome is Outcome.FAILED
        panel.sessions.password = right
        async with asyncio.timeout(15):
            while (await served.handle(2)).outcome is not Outcome.APPLIED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert (panel.sessions.refused_logins, panel.sessions.logins) == (1, 1)


async def test_a_login_that_waits_says_when_to_come_again(tmp_path: Path) -> None:
    async with opened(mapping(tmp_path), {"url": "http://127.0.0.1:9"}) as served:
        await served.handle(1)
        result = await served.handle(2)
    assert result.outcome is Outcome.UNAVAILABLE
    assert result.retry_after is not None and 0 < result.retry_after <= 1


async def test_a_rotated_secret_makes_a_new_session_that_nobody_waits_for(
    tmp_path: Path, panel: Panel
) -> None:
    settings = {"url": panel.url, "password": panel.sessions.password}
    rotated = Rotated(settings, panel.sessions.password)
    async with opened(mapping(tmp_path), settings, rotated) as served:
        await served.handle(1)
        rotated.generation += 1
        assert (await served.handle(2)).outcome is Outcome.APPLIED
        async with asyncio.timeout(10):
            while panel.sessions.logins < 2:  # noqa: ASYNC110 - of what no event tells
                await asyncio.sleep(0.005)
        assert (await served.handle(3)).outcome is Outcome.APPLIED
    assert panel.sessions.refused == 0


async def test_the_line_of_a_login_has_no_ids_of_an_event(tmp_path: Path, panel: Panel) -> None:
    log.bind(request_id="r-1")
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        await served.handle(1)
    lines = {line["message"]: line.get("request_id") for line in served.lines}
    assert lines == {"logged in": None, "event settled": "r-1"}


async def test_events_that_keep_coming_do_not_prolong_the_pause(
    tmp_path: Path, panel: Panel
) -> None:
    async def refuse(asked: Asked) -> None:
        if asked.path == "/cards":
            panel.end_sessions()

    panel.before = refuse
    async with opened(mapping(tmp_path), {"url": panel.url}) as served:
        results = await served.burst(40)
        assert {result.outcome for result in results} == {Outcome.FAILED}
        panel.before = None
        async with asyncio.timeout(15):
            while (await served.handle(50)).outcome is not Outcome.APPLIED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert panel.sessions.logins == 3


async def test_a_session_of_which_no_call_can_be_made_is_not_kept(
    tmp_path: Path, panel: Panel
) -> None:
    http = TOKEN.replace("=reply.json.token", "=reply.json.token ~ reply.json.line")
    panel.end_of_token = "\r\nX-Evil: 1"
    async with opened(mapping(tmp_path, http), {"url": panel.url}) as served:
        assert (await served.handle(1)).outcome is Outcome.FAILED
        panel.end_of_token = ""
        async with asyncio.timeout(15):
            while (await served.handle(2)).outcome is not Outcome.APPLIED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert panel.sessions.logins == 3
