"""The three systems with sessions, whose sessions end in the middle of a burst of 200 events."""

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from connector.outcome import Outcome
from tests.support.logins import mapping, opened
from tests.support.session_systems import Eda, Huawei, Open5gs
from tests.support.session_systems.web import Asked, SessionSystem

EDA = """\
auth:
  login:
    lifetime: 9m
    expired_when: reply.text | element('faultcode') and reply.text | element('Cai3gFault') and
      ('1001<' in reply.text or '1005<' in reply.text or '1010<' in reply.text or
       '3014<' in reply.text)
    requests:
      - post: /CAI3G1.2/services/CAI3G1.2
        headers: {SOAPAction: CAI3G#Login}
        xml: |
          <S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"
            xmlns:c="http://schemas.ericsson.com/cai3g1.2/"><S:Body><c:Login>
            <c:userId>{{ settings.user }}</c:userId><c:pwd>{{ settings.password }}</c:pwd>
          </c:Login></S:Body></S:Envelope>
        take: {id: "=reply.text | element('sessionId')"}
        example: {text: "<LoginResponse><sessionId>example</sessionId></LoginResponse>"}
    logout:
      post: /CAI3G1.2/services/CAI3G1.2
      headers: {SOAPAction: CAI3G#Logout}
      xml: |
        <S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"
          xmlns:c="http://schemas.ericsson.com/cai3g1.2/"><S:Header>
          <c:SessionId>{{ session.id }}</c:SessionId></S:Header><S:Body><c:Logout/></S:Body>
        </S:Envelope>
reply: any
"""
EDA_RULE = """\
- name: a card changed
  on: SIM/Updated
  subject: imsi:{{ sim.imsi }}
  calls:
    - post: /CAI3G1.2/services/CAI3G1.2
      idempotent: false
      headers: {SOAPAction: CAI3G#Create}
      xml: |
        <S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"
          xmlns:c="http://schemas.ericsson.com/cai3g1.2/"><S:Header>
          <c:SessionId>{{ session.id }}</c:SessionId></S:Header><S:Body><c:Create>
          <c:MOType>Subscription@http://schemas.ericsson.com/ema/UserProvisioning/GsmHlr/</c:MOType>
          <c:MOId><imsi>{{ sim.imsi }}</imsi></c:MOId>
          <c:MOAttributes><create imsi="{{ sim.imsi }}"><nam>1</nam></create></c:MOAttributes>
        </c:Create></S:Body></S:Envelope>
"""
HUAWEI = """\
auth:
  login:
    expired_when: (reply.text | element('ResultCode')) == '1018'
    base_url: =session.url
    requests:
      - post: /
        accept: [307]
        xml: |
          <S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>
          <LGI xmlns="http://www.huawei.com/HLR9820/LGI"><OPNAME>{{ settings.user }}</OPNAME>
          <PWD>{{ settings.password }}</PWD></LGI></S:Body></S:Envelope>
        take: {url: =reply.headers.location}
        example: {status: 307, headers: {Location: "http://system.test/example"}, text: ""}
    logout:
      post: /
      xml: |
        <S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>
        <LGO xmlns="http://www.huawei.com/HLR9820/LGO"/></S:Body></S:Envelope>
reply: any
"""
HUAWEI_RULE = """\
- name: a card changed
  on: SIM/Updated
  subject: imsi:{{ sim.imsi }}
  calls:
    - post: /
      idempotent: false
      xml: |
        <S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>
        <ADD_TPLSUB xmlns="http://www.huawei.com/HLR9820/ADD_TPLSUB"><IMSI>{{ sim.imsi }}</IMSI>
        <ISDN>{{ sim.imsi }}</ISDN></ADD_TPLSUB></S:Body></S:Envelope>
"""
HUAWEI_REPLIES = """\
replies:
  - {if: (reply.text | element('ResultCode')) != '0', outcome: failed, because: refused}
"""
OPEN5GS = """\
auth:
  login:
    expired_when: reply.status == 403 and 'CSRF' in reply.text
    requests:
      - get: /api/auth/csrf
        take: {csrf: =reply.json.csrfToken}
        example: {json: {csrfToken: first}}
      - post: /api/auth/login
        json: {username: =settings.user, password: =settings.password}
        accept: [302]
      - get: /api/auth/session
        take: {csrf: =reply.json.csrfToken, token: =reply.json.authToken}
        example: {json: {csrfToken: second, authToken: bearer}}
    logout: {post: /api/auth/logout, accept: [302]}
headers: {Authorization: "Bearer {{ session.token }}", X-CSRF-TOKEN: =session.csrf}
"""
OPEN5GS_RULE = """\
- name: a card changed
  on: SIM/Updated
  subject: imsi:{{ sim.imsi }}
  calls: [{post: /api/db/Subscriber, idempotent: false, json: {imsi: =sim.imsi}}]
"""
EDA_REPLIES = """\
replies:
  - {if: "'Cai3gFault' in reply.text", outcome: failed, because: refused}
"""
SYSTEMS: dict[str, tuple[Callable[[], SessionSystem], tuple[str, str, str]]] = {
    "eda": (Eda, (EDA, EDA_RULE, EDA_REPLIES)),
    "eda with faults in 200": (lambda: Eda(fault_status=200), (EDA, EDA_RULE, EDA_REPLIES)),
    "huawei": (Huawei, (HUAWEI, HUAWEI_RULE, HUAWEI_REPLIES)),
    "huawei with 307": (lambda: Huawei(login_status=307), (HUAWEI, HUAWEI_RULE, HUAWEI_REPLIES)),
    "open5gs": (Open5gs, (OPEN5GS, OPEN5GS_RULE, "")),
}


@pytest.fixture(params=SYSTEMS, name="kind")
def any_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stand_in(kind: str) -> AsyncIterator[SessionSystem]:
    async with SYSTEMS[kind][0]() as system:
        yield system


def settings_of(system: SessionSystem) -> dict[str, str]:
    return {"url": system.url, "password": system.sessions.password}


async def test_calls_are_carried_out_with_a_session_that_ends_at_the_stop(
    kind: str, stand_in: SessionSystem, tmp_path: Path
) -> None:
    async with opened(mapping(tmp_path, *SYSTEMS[kind][1]), settings_of(stand_in)) as served:
        results = [await served.handle(number) for number in range(3)]
    assert [result.outcome for result in results] == [Outcome.APPLIED] * 3, results
    assert (stand_in.sessions.logins, len(stand_in.records.rows)) == (1, 3)
    assert (stand_in.sessions.logouts, stand_in.sessions.live) == (1, 0)
    assert served.shown(stand_in.secrets) == []


@pytest.mark.parametrize("seed", range(3))
async def test_sessions_that_end_in_a_burst_lose_nothing_and_repeat_nothing(
    kind: str, stand_in: SessionSystem, tmp_path: Path, seed: int
) -> None:
    """One login follows each end, however many events the system refuses at that moment."""
    after = sorted(random.Random(seed).sample(range(2, 190), 3))  # noqa: S311 - of a test

    async def end(_: Asked) -> None:
        if after and stand_in.sessions.live and len(stand_in.records.writes) >= after[0]:
            del after[0]
            stand_in.end_sessions()

    async with opened(mapping(tmp_path, *SYSTEMS[kind][1]), settings_of(stand_in)) as served:
        await served.handle(1000)
        stand_in.before = end
        results = await served.burst(200)
        stand_in.before = None
        assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert after == []
    assert stand_in.sessions.logins == 1 + 3
    assert len(stand_in.records.rows) == 201
    assert set(stand_in.records.times("create").values()) == {1}
    assert served.shown(stand_in.secrets) == []


async def test_a_wrong_password_fails_and_is_tried_once(
    kind: str, stand_in: SessionSystem, tmp_path: Path
) -> None:
    settings = settings_of(stand_in) | {"password": "wrong-password"}
    async with opened(mapping(tmp_path, *SYSTEMS[kind][1]), settings) as served:
        results = await served.burst(50)
    assert {result.outcome for result in results} == {Outcome.FAILED}
    assert stand_in.sessions.refused_logins == 1
    assert served.shown(["wrong-password", *stand_in.secrets]) == []
