"""The OAuth2 server of the tests is real: it issues, refuses, ends and rotates tokens."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from google.auth import crypt, jwt

from tests.support.oauth import OAuthServer, OAuthSettings, Resource, running

IMSI = "001010000000001"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(scope="module")
def server() -> Iterator[OAuthServer]:
    with running() as started:
        yield started


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def ask(
    web: httpx.AsyncClient, server: OAuthServer, client: str = "basic", **given: str
) -> httpx.Response:
    """Ask for a token; for the resource and with the scope `provision`, unless said otherwise."""
    fields = {"resource": server.settings.resource, "scope": "provision"} | given
    auth = (client, server.settings.client_secret) if client == "basic" else None
    if client == "post":
        fields |= {"client_id": "post", "client_secret": server.settings.client_secret}
    return await web.post(server.token_url, data=fields, auth=auth or httpx.USE_CLIENT_DEFAULT)


def signed(server: OAuthServer, **changes: Any) -> str:
    claims = {
        "iss": server.settings.service_account,
        "aud": server.token_url,
        "iat": int(time.time()),
        "exp": int(time.time()) + 600,
    } | changes
    signer = crypt.RSASigner.from_string(server.private_key)  # type: ignore[no-untyped-call]
    return str(jwt.encode(signer, claims).decode())  # type: ignore[no-untyped-call]


async def create(web: httpx.AsyncClient, resource: Resource, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"imsi": IMSI}
    return (await web.post(f"{resource.url}/subscribers", json=body, headers=headers)).status_code


@pytest.mark.parametrize("client", ["basic", "post"])
@pytest.mark.parametrize("grant", ["client_credentials", "password", "jwt-bearer"])
async def test_a_token_is_good_until_all_tokens_end(
    web: httpx.AsyncClient, server: OAuthServer, client: str, grant: str
) -> None:
    given = {"grant_type": ASSERTION if grant == "jwt-bearer" else grant}
    if grant == "password":
        given |= {"username": server.settings.username, "password": server.settings.password}
    if grant == "jwt-bearer":
        client, given = "", given | {"assertion": signed(server)}
    async with Resource(server) as resource:
        assert await create(web, resource, "none") == 401
        reply = await ask(web, server, client, **given)
        assert (reply.status_code, reply.json()["expires_in"]) == (200, 600)
        assert await create(web, resource, reply.json()["access_token"]) == 201
        server.end_tokens()
        assert await create(web, resource, reply.json()["access_token"]) == 401
        assert (resource.refused, len(resource.records.writes)) == (2, 1)
    assert server.grants()[-1] == given["grant_type"]


async def test_a_refresh_token_is_good_once_and_outlives_the_access_token(
    web: httpx.AsyncClient, server: OAuthServer
) -> None:
    user = {"username": server.settings.username, "password": server.settings.password}
    first = (await ask(web, server, grant_type="password", **user)).json()
    server.end_tokens()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = await ask(web, server, **again)
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    async with Resource(server) as resource:
        assert await create(web, resource, second.json()["access_token"]) == 201
    assert (await ask(web, server, **again)).json()["error"] == "invalid_grant"
    server.end_tokens(refresh=True)
    again["refresh_token"] = second.json()["refresh_token"]
    assert (await ask(web, server, **again)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"password": "x"}, "invalid_grant"),
        ({"resource": "https://other.example.com"}, "invalid_target"),
        ({"resource": ""}, "invalid_target"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
    ],
    ids=["password", "audience", "no audience", "grant"],
)
async def test_a_request_for_a_token_can_be_refused(
    web: httpx.AsyncClient, server: OAuthServer, given: dict[str, str], error: str
) -> None:
    user = {"username": server.settings.username, "password": server.settings.password}
    reply = await ask(web, server, **({"grant_type": "password"} | user | given))
    assert (reply.status_code, reply.json()["error"]) == (400, error)


async def test_an_assertion_must_be_signed_for_this_server_and_not_too_old(
    web: httpx.AsyncClient, server: OAuthServer
) -> None:
    hour_ago = int(time.time()) - 3700
    for change in ({"aud": "https://other"}, {"iss": "x"}, {"iat": hour_ago}, {"exp": hour_ago}):
        assertion = signed(server, **change)
        reply = await ask(web, server, "", grant_type=ASSERTION, assertion=assertion)
        assert reply.json()["error"] == "invalid_grant"
    once = signed(server, jti="1")
    assert (await ask(web, server, "", grant_type=ASSERTION, assertion=once)).is_success
    assert not (await ask(web, server, "", grant_type=ASSERTION, assertion=once)).is_success


async def test_a_client_can_prove_itself_with_a_signed_assertion(
    web: httpx.AsyncClient, server: OAuthServer
) -> None:
    proof = signed(server, iss="signed", sub="signed", jti="a", aud=server.url)
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    given = {"client_assertion": proof, "client_assertion_type": kind}
    reply = await ask(web, server, "", grant_type="client_credentials", **given)
    assert reply.status_code == 200, reply.text


async def test_a_token_without_the_scope_is_refused_by_the_system(
    web: httpx.AsyncClient, server: OAuthServer
) -> None:
    reply = await ask(web, server, grant_type="client_credentials", scope="read")
    async with Resource(server) as resource:
        assert await create(web, resource, reply.json()["access_token"]) == 403
        assert resource.records.writes == []


async def test_the_server_can_be_out_of_order_for_a_while(
    web: httpx.AsyncClient, server: OAuthServer
) -> None:
    server.fail(1, status=502)
    assert (await ask(web, server, grant_type="client_credentials")).status_code == 502
    assert (await ask(web, server, grant_type="client_credentials")).status_code == 200
    assert [one["status"] for one in server.token_requests][-2:] == [502, 200]


async def test_a_token_can_be_a_jwt_with_an_audience_by_default(web: httpx.AsyncClient) -> None:
    with running(OAuthSettings(format="jwt", default_resource=True, lifetime=5)) as server:
        given = {"grant_type": "client_credentials", "scope": "provision"}
        auth = ("basic", server.settings.client_secret)
        reply = (await web.post(server.token_url, data=given, auth=auth)).json()
        claims = jwt.decode(reply["access_token"], verify=False)  # type: ignore[no-untyped-call]
        assert (claims["aud"], reply["expires_in"]) == (server.settings.resource, 5)
