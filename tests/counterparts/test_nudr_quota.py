"""The stand-in of a UDR refuses what TS 29.504, 29.510 and 29.519 refuse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector_tools.counterparts.nudr_quota import BASE_PATH, TOKEN_PATH, NudrQuota

ALL = f"{BASE_PATH}/policy-data/ues/imsi-001010000000001/sm-data"
DATA = f"{ALL}/data"
QUOTA = {"limitId": "data", "umLevel": "SESSION_LEVEL", "allowedUsage": {"totalVolume": 5}}
GRANT = {"grant_type": "client_credentials", "scope": "nudr-dr"}
CLIENT = ("nsps", "secret-0")
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def udr(tmp_path: Path) -> Iterator[NudrQuota]:
    with NudrQuota(tmp_path) as running:
        yield running


@pytest.fixture
def stranger(udr: NudrQuota) -> Iterator[httpx.Client]:
    """A client over HTTP/2 without a token."""
    host, port = udr.place
    url = f"http://{host}:{port}"
    with httpx.Client(base_url=url, http1=False, http2=True, trust_env=False) as made:
        yield made


@pytest.fixture
def client(stranger: httpx.Client) -> httpx.Client:
    token = stranger.post(TOKEN_PATH, data=GRANT, auth=CLIENT).json()["access_token"]
    stranger.headers["Authorization"] = f"Bearer {token}"
    return stranger


def problem(reply: httpx.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["status"] == reply.status_code
    return reply.status_code, reply.json()["cause"]


def test_a_quota_is_put_merged_and_deleted(client: httpx.Client, udr: NudrQuota) -> None:
    assert problem(client.get(DATA)) == (404, "DATA_NOT_FOUND")
    assert client.put(DATA, json=QUOTA).status_code == 201
    assert client.put(DATA, json=QUOTA | {"resetTime": "2026-04-01T00:00:00Z"}).status_code == 204
    patch = {"umData": {"data": {"allowedUsage": {"totalVolume": 0}}}}
    assert client.patch(ALL, json=patch, headers=MERGE).status_code == 204
    found = client.get(DATA).json()
    assert (found["allowedUsage"], found["resetTime"]) == (
        {"totalVolume": 0},
        "2026-04-01T00:00:00Z",
    )
    assert client.get(ALL).json()["umData"] == {"data": found}
    assert udr.holds() == {"001010000000001": {"throttled": True}}
    assert client.delete(DATA).status_code == 204
    assert problem(client.delete(DATA)) == (404, "DATA_NOT_FOUND")
    assert udr.holds() == {}
    assert udr.wrong == []


def test_http1_is_refused_and_noted(udr: NudrQuota) -> None:
    host, port = udr.place
    assert httpx.get(f"http://{host}:{port}{DATA}", trust_env=False).status_code == 505
    assert udr.wrong == ["a request over HTTP/1.1"]


@pytest.mark.parametrize(
    ("form", "auth", "error"),
    [
        (GRANT, ("nsps", "wrong"), "invalid_client"),
        (GRANT, ("other", "secret-0"), "invalid_client"),
        (GRANT | {"scope": "nudm-sdm"}, CLIENT, "invalid_scope"),
        ({"grant_type": "client_credentials"}, CLIENT, "invalid_scope"),
        (GRANT | {"grant_type": "password"}, CLIENT, "unsupported_grant_type"),
    ],
)
def test_a_token_is_given_to_the_client_for_its_scope_only(
    stranger: httpx.Client, form: dict[str, str], auth: tuple[str, str], error: str
) -> None:
    assert stranger.post(TOKEN_PATH, data=form, auth=auth).json() == {"error": error}


def test_a_token_is_asked_for_by_a_form(stranger: httpx.Client) -> None:
    assert stranger.post(TOKEN_PATH, json=GRANT, auth=CLIENT).status_code == 400
    assert stranger.get(TOKEN_PATH, auth=CLIENT).status_code == 405


def test_a_request_needs_a_token_that_has_not_ended(client: httpx.Client, udr: NudrQuota) -> None:
    assert client.put(DATA, json=QUOTA).status_code == 201
    bare = client.headers["Authorization"].removeprefix("Bearer ")
    assert problem(client.get(DATA, headers={"Authorization": bare})) == (401, "INVALID_TOKEN")
    udr.expire()
    assert problem(client.get(DATA)) == (401, "INVALID_TOKEN")
    assert problem(client.get(DATA, headers={"Authorization": ""})) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize(
    ("quota", "cause"),
    [
        ({"umLevel": "SESSION_LEVEL"}, "MANDATORY_IE_INCORRECT"),
        (QUOTA | {"limitId": "other"}, "MANDATORY_IE_INCORRECT"),
        (QUOTA | {"umLevel": "HIGH"}, "OPTIONAL_IE_INCORRECT"),
        (QUOTA | {"allowedUsage": {"totalVolume": "5"}}, "OPTIONAL_IE_INCORRECT"),
        (QUOTA | {"allowedUsage": {"totalVolume": 5.5}}, "OPTIONAL_IE_INCORRECT"),
        (QUOTA | {"allowedUsage": {"totalVolume": -1}}, "OPTIONAL_IE_INCORRECT"),
        (QUOTA | {"allowedUsage": {"volume": 5}}, "OPTIONAL_IE_INCORRECT"),
        (QUOTA | {"resetTime": "tomorrow"}, "OPTIONAL_IE_INCORRECT"),
        (QUOTA | {"product": "mobile-l"}, "INVALID_MSG_FORMAT"),
        ([QUOTA], "INVALID_MSG_FORMAT"),
    ],
)
def test_a_quota_that_breaks_a_rule_is_refused(
    client: httpx.Client, udr: NudrQuota, quota: Any, cause: str
) -> None:
    assert problem(client.put(DATA, json=quota)) == (400, cause)
    if isinstance(quota, dict) and "umLevel" in quota:
        patch = {"umData": {"data": quota}}
        assert problem(client.patch(ALL, json=patch, headers=MERGE)) == (400, cause)
    assert udr.holds() == {}


def test_a_body_of_another_kind_is_refused(client: httpx.Client) -> None:
    patch = {"umData": {"data": QUOTA}}
    assert problem(client.patch(ALL, json=patch)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert problem(client.put(DATA, json=QUOTA, headers=MERGE)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert problem(client.patch(ALL, content=b"{", headers=MERGE)) == (400, "INVALID_MSG_FORMAT")


def test_only_usage_data_can_be_patched(client: httpx.Client) -> None:
    patches: list[dict[str, Any]] = [{"smPolicySnssaiData": {}}, {"umData": None}, {}]
    for patch in patches:
        found = client.patch(ALL, json=patch, headers=MERGE)
        assert problem(found) == (403, "MODIFICATION_NOT_ALLOWED")


@pytest.mark.parametrize(
    "ue",
    [
        "imsi-999990000000001",
        "001010000000001",
        "imsi-00101x",
        "..%2F",
        f"imsi-00101{'%D9%A0' * 10}",  # digits of another script
    ],
)
def test_an_unknown_subscriber_cannot_be_created(client: httpx.Client, ue: str) -> None:
    path = f"{BASE_PATH}/policy-data/ues/{ue}/sm-data/data"
    assert client.put(path, json=QUOTA).status_code == 404
    assert client.get(path).status_code == 404


def test_all_policy_data_of_a_subscriber_cannot_be_deleted(
    client: httpx.Client, udr: NudrQuota
) -> None:
    assert client.delete(ALL).status_code == 405
    assert client.delete(f"{BASE_PATH}/policy-data/ues").status_code == 404
    assert udr.wrong == ["a DELETE of all policy data of a subscriber"] * 2


def test_another_secret_ends_all_tokens(client: httpx.Client, udr: NudrQuota) -> None:
    (secret,) = udr.rotate().values()
    assert client.get(DATA).status_code == 401
    assert client.post(TOKEN_PATH, data=GRANT, auth=CLIENT).status_code == 401
    assert client.post(TOKEN_PATH, data=GRANT, auth=("nsps", secret)).status_code == 200
