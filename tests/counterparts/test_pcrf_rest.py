"""The stand-in of a PCRF refuses what a PCRF refuses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector_tools.counterparts.pcrf_rest import PcrfRest

ADA, BOB = "/subscribers/001010000000001", "/subscribers/001010000000002"
ACTIVE = {"msisdn": "420700000001", "status": "active"}
SPORT = {"name": "zero-rated-sport", "until": None}
GOLD = {"policy": "gold", "speed": 300_000, "addons": [SPORT]}
QUOTA = {"limit": 10, "remaining": 7}


@pytest.fixture
def pcrf(tmp_path: Path) -> Iterator[PcrfRest]:
    with PcrfRest(tmp_path) as running:
        yield running


@pytest.fixture
def client(pcrf: PcrfRest) -> Iterator[httpx.Client]:
    variables = pcrf.variables(*pcrf.place)
    token = {"Authorization": f"Bearer {variables['PCRF_TOKEN']}"}
    with httpx.Client(base_url=variables["PCRF_URL"], headers=token, trust_env=False) as made:
        yield made


def refused(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]


def test_a_subscriber_is_made_changed_and_deleted(client: httpx.Client, pcrf: PcrfRest) -> None:
    assert client.put(ADA, json=ACTIVE).status_code == 201
    assert client.put(ADA, json=ACTIVE).status_code == 200
    assert client.patch(f"{ADA}/policy", json=GOLD).status_code == 200
    assert client.patch(f"{ADA}/policy", json={"speed": 2_000}).status_code == 200
    assert client.put(f"{ADA}/quotas/data", json=QUOTA).status_code == 201
    assert pcrf.holds() == {
        "001010000000001": {
            "served": True,
            "number": "420700000001",
            "product": "mobile-l",
            "addons": ["tv-sport"],
            "throttled": True,
        }
    }
    assert client.delete(ADA).status_code == 204
    assert refused(client.get(f"{ADA}/quotas/data")) == (404, "no subscriber")
    assert pcrf.holds() == {}
    assert pcrf.wrong == []


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("", ACTIVE | {"email": "x"}),
        ("", {"msisdn": None}),
        ("", ACTIVE | {"status": "on"}),
        ("", ACTIVE | {"msisdn": 420700000001}),
        ("", ACTIVE | {"msisdn": "4" * 16}),
        ("", [ACTIVE]),
        ("/quotas/data", {"limit": 10}),
        ("/quotas/data", QUOTA | {"remaining": 11}),
        ("/quotas/data", QUOTA | {"remaining": -1}),
        ("/quotas/data", QUOTA | {"remaining": 7.5}),
        ("/quotas/data", QUOTA | {"remaining": "7"}),
        ("/quotas/data", QUOTA | {"remaining": True}),
        ("/quotas/data", QUOTA | {"limit": 2**63}),
    ],
)
def test_a_record_with_a_wrong_field_is_refused(
    client: httpx.Client, pcrf: PcrfRest, path: str, document: Any
) -> None:
    client.put(ADA, json=ACTIVE)
    reply = client.put(f"{ADA}{path}", json=document)
    assert reply.status_code == 422
    assert "420700000001" not in reply.text
    assert pcrf.records == {"001010000000001": {"subscriber": ACTIVE}}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"policy": "platinum"}, "unknown policy"),
        ({"speed": 300_001}, "speed above that of the policy"),
        ({"speed": 0}, "wrong value"),
        ({"speed": "fast"}, "wrong value"),
        ({"addons": [{"name": "tv-sport", "until": None}]}, "unknown add-on"),
        ({"addons": [SPORT, SPORT]}, "wrong value"),
        ({"addons": [{"name": "zero-rated-sport", "until": "tomorrow"}]}, "wrong value"),
        ({"addons": [SPORT | {"until": "2026-02-30T00:00:00Z"}]}, "wrong value"),
        ({"addons": ["zero-rated-sport"]}, "wrong value"),
        ({"roaming": True}, "unknown or missing field"),
    ],
)
def test_a_policy_that_the_pcrf_does_not_know_is_refused(
    client: httpx.Client, change: dict[str, Any], error: str
) -> None:
    client.put(ADA, json=ACTIVE)
    client.patch(f"{ADA}/policy", json=GOLD)
    assert refused(client.patch(f"{ADA}/policy", json=change)) == (422, error)
    assert client.get(f"{ADA}/policy").json() == GOLD


def test_a_number_belongs_to_one_subscriber(client: httpx.Client) -> None:
    client.put(ADA, json=ACTIVE)
    assert refused(client.put(BOB, json=ACTIVE)) == (409, "number in use")
    client.put(ADA, json=ACTIVE | {"msisdn": None})
    assert client.put(BOB, json=ACTIVE).status_code == 201


def test_a_policy_and_a_quota_need_a_subscriber(client: httpx.Client) -> None:
    assert refused(client.patch(f"{ADA}/policy", json=GOLD)) == (404, "no subscriber")
    assert refused(client.put(f"{ADA}/quotas/data", json=QUOTA)) == (404, "no subscriber")
    client.put(ADA, json=ACTIVE)
    assert refused(client.get(f"{ADA}/policy")) == (404, "not set")
    assert refused(client.delete(f"{ADA}/quotas/data")) == (404, "not set")
    assert client.patch(f"{ADA}/policy", json={"speed": 1}).status_code == 422


def test_a_put_that_only_creates_does_not_replace(client: httpx.Client) -> None:
    only = {"If-None-Match": "*"}
    assert client.put(ADA, json=ACTIVE, headers=only).status_code == 201
    assert refused(client.put(ADA, json=ACTIVE, headers=only)) == (412, "exists")


def test_a_quota_is_counted_down_to_nothing(client: httpx.Client, pcrf: PcrfRest) -> None:
    client.put(ADA, json=ACTIVE)
    client.put(f"{ADA}/quotas/data", json=QUOTA)
    pcrf.surf("001010000000001", 3)
    assert client.get(f"{ADA}/quotas/data").json() == {"limit": 10, "remaining": 4}
    pcrf.surf("001010000000001", 30)
    assert client.get(f"{ADA}/quotas/data").json()["remaining"] == 0


@pytest.mark.parametrize("path", ["/subscribers", "/subscribers/", "/subscribers/1", f"{ADA}/x"])
def test_a_delete_of_all_is_refused_and_noted(
    client: httpx.Client, pcrf: PcrfRest, path: str
) -> None:
    assert client.delete(path).status_code == 400
    assert len(pcrf.wrong) == 1


def test_other_methods_bodies_and_tokens_are_refused(client: httpx.Client, pcrf: PcrfRest) -> None:
    assert client.post(ADA, json=ACTIVE).status_code == 405
    assert client.patch(ADA, json=ACTIVE).status_code == 405
    assert client.put(ADA, data={"msisdn": "1"}).status_code == 415
    json = {"Content-Type": "application/json"}
    assert client.put(ADA, content=b"{", headers=json).status_code == 400
    pcrf.rotate()
    assert client.get(ADA).status_code == 401
