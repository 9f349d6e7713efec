"""The guide's acceptance cases 1 to 6 (contract 3), against the running function."""

from collections.abc import Iterator

import pytest

from tests.support.answers import (
    ACCEPTED,
    NOT_ALLOWED,
    NOT_FOUND,
    UNAUTHORIZED,
    details,
    ids,
    settled,
)
from tests.support.events import event
from tests.support.function import TOKEN, Function, environment
from tests.support.scripted import Scripted, ScriptedServer

NEXT_TOKEN = "the-next-token"
MALFORMED: dict[str, tuple[object, ...]] = {
    "event_id": (None, "", 7, True, [], {}, "x" * 201),
    "data": (None, "", 7, [], "SIM/Updated"),
    "data.event_type": (None, "", 7, [], "x" * 201),
    # Of the fields below, all are read by the mapping, or by the engine (contract 6.1).
    "pb_data": ("x", 7, [], True),
    "pb_data.account_info": ("x", 7, []),
    "pb_data.account_info.bill_status": ("barred", 1, True, []),
    "pb_data.account_info.blocked": ("maybe", 2, [], {}),
    "pb_data.account_info.status": ([], True, 5.0),
    "pb_data.account_info.id": (8.9e18, [], False),
    "pb_data.sim_info": ("x", 7, []),
    "pb_data.sim_info.imsi": ("12345", "0" * 16, "00101000000000x", " 001010000000001", 7),
    "pb_data.access_policy_info": ("x", 7, [{}, {}]),
    "updated_at": ("yesterday", "2026-03-02", 1772446532, "1772446532", "20260302", [], True),
}


@pytest.fixture(scope="module")
def function(
    scripted: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Function]:
    """One function for the module, which accepts two tokens as during a rotation."""
    env = environment(scripted.url, API_TOKEN=f"{TOKEN}, {NEXT_TOKEN}")
    with Function(tmp_path_factory.mktemp("contract") / "log", env) as running:
        yield running


def test_case_1_health_is_asked_without_a_token(function: Function, system: ScriptedServer) -> None:
    response = function.client.get("/health", headers=ids())
    assert response.status_code == 200
    assert isinstance(response.json(), dict)
    assert not system.requests


def test_case_1_health_leaves_a_record(function: Function) -> None:
    """Contract 3: the log has a record of every case."""
    sent = ids()
    function.client.get("/health", headers=sent)
    assert function.lines(request_id=sent["x-b3-traceid"], unique_id=sent["x-request-id"])


@pytest.mark.parametrize(
    "path", ["/process-event", "/", "/api/events", "//x", "/health", "/a?b=c", "/%C3%A9"]
)
def test_case_2_an_event_reaches_the_system_on_any_path(
    function: Function, system: ScriptedServer, path: str
) -> None:
    response = function.post(event(), path=function.url + path, headers=ids())
    assert (response.status_code, response.json()) == (202, ACCEPTED)
    assert settled(function, response)["outcome"] == "applied"
    (request,) = system.requests
    assert (request.method, request.path) == ("POST", "/prov")
    assert request.headers["authorization"] == "Bearer token-of-the-hlr"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "imsi": "001010000000001",
        "action": "update",
        "subscriber_status": "serviceGranted",
        "msisdn": ["420700000001"],
        "cs_profile": "cs-pp-20250319",
        "eps_profile": "eps-pp-20250319",
    }


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN}, {NEXT_TOKEN}",
        f"Basic {TOKEN}",
        f"Token {TOKEN}",
        TOKEN,
    ],
)
def test_case_3_a_token_that_is_wrong_or_missing_is_refused(
    function: Function, system: ScriptedServer, header: str | None
) -> None:
    sent = ids() | ({} if header is None else {"authorization": header})
    response = function.post(event(), token=None, headers=sent)
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)
    assert response.headers["www-authenticate"] == "Bearer"
    assert settled(function, response)["outcome"] == "unauthorized"
    assert not system.requests


@pytest.mark.parametrize(
    "header", [f"Bearer {TOKEN}", f"Bearer {NEXT_TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN}"]
)
def test_case_3_both_tokens_of_a_rotation_are_accepted_with_the_scheme_in_any_case(
    function: Function, system: ScriptedServer, header: str
) -> None:
    response = function.post(event(), token=None, headers={"authorization": header})
    assert response.status_code == 202
    assert len(system.requests) == 1


@pytest.mark.parametrize(
    "reply", [Scripted(404), Scripted(404, {"error": "unknown imsi"}), Scripted(404, body=b"<p>")]
)
def test_case_4_a_resource_that_the_system_does_not_know_is_not_found(
    function: Function, system: ScriptedServer, reply: Scripted
) -> None:
    system.default = reply
    response = function.post(event(), headers=ids())
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    assert settled(function, response)["outcome"] == "unknown_resource"
    assert len(system.requests) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("token", [None, TOKEN, "wrong"])
def test_case_5_another_method_is_not_allowed_whatever_the_token(
    function: Function, system: ScriptedServer, method: str, token: str | None
) -> None:
    sent = ids() | ({} if token is None else {"authorization": f"Bearer {token}"})
    response = function.client.request(method, "/process-event", headers=sent)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert response.json() == NOT_ALLOWED
    assert settled(function, response)["outcome"] == "not_allowed"
    assert not system.requests


@pytest.mark.parametrize(
    ("removed", "field"),
    [
        ("event_id", "event_id"),
        ("data", "data"),
        ("data.event_type", "data.event_type"),
        ("pb_data.account_info", "pb_data.account_info"),
    ],
)
def test_case_6_a_required_field_is_missing(
    function: Function, system: ScriptedServer, removed: str, field: str
) -> None:
    response = function.post(event(remove=(removed,)), headers=ids())
    assert field in [detail["field"] for detail in details(response)]
    assert settled(function, response)["outcome"] == "invalid"
    assert not system.requests


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in MALFORMED.items() for value in values]
)
def test_case_6_a_field_is_malformed(
    function: Function, system: ScriptedServer, field: str, value: object
) -> None:
    response = function.post(event(change={field: value}), headers=ids())
    assert [detail["field"] for detail in details(response)] == [field]
    assert settled(function, response)["outcome"] == "invalid"
    assert not system.requests


def test_case_6_the_malformed_event_of_the_guide(
    function: Function, system: ScriptedServer
) -> None:
    malformed = {"event_id": "a5c1", "data": {"event_type": "SIM/Updated"}}
    response = function.post(malformed, headers=ids())
    assert details(response)
    assert settled(function, response)["outcome"] == "invalid"
    assert not system.requests


def test_case_6_all_wrong_fields_are_listed_at_once(function: Function) -> None:
    wrong = event(change={"updated_at": "x", "data.event_type": 1}, remove=("event_id",))
    found = {detail["field"] for detail in details(function.post(wrong))}
    assert found == {"event_id", "updated_at", "data.event_type"}
