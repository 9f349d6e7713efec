"""Tokens from a real OAuth2 server on another host than the system: npm's oidc-provider."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from connector.outcome import Outcome
from tests.support.logins import Opened, mapping, opened
from tests.support.oauth import OAuthServer, OAuthSettings, Resource, running

RULE = """\
- name: a card changed
  on: SIM/Updated
  subject: imsi:{{ sim.imsi }}
  calls: [{post: /subscribers, idempotent: false, json: {imsi: =sim.imsi}}]
"""
OAUTH2 = """\
auth:
  oauth2:
    url: {url}
    grant: {grant}
    client_id: {client}
    client_secret: =settings.password
    client: {place}
    username: provisioner
    password: password-of-the-provisioner
    scope: provision
    form: {{resource: "https://hss.example.com/api"}}
"""
ASSERTION = """\
auth:
  assertion:
    url: {url}
    key: =settings.key
    claims: {{iss: "{issuer}", aud: {url}, sub: "{issuer}"}}
    scope: provision
    form: {{resource: "https://hss.example.com/api"}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[OAuthServer]:
    with running() as started:
        yield started


@pytest.fixture
async def resource(server: OAuthServer) -> AsyncIterator[Resource]:
    async with Resource(server) as system:
        yield system


def http(server: OAuthServer, grant: str = "client_credentials", place: str = "basic") -> str:
    if grant == "jwt-bearer":
        return ASSERTION.format(url=server.token_url, issuer=server.settings.service_account)
    client = {"basic": "basic", "body": "post"}[place]
    return OAUTH2.format(url=server.token_url, grant=grant, client=client, place=place)


def values(server: OAuthServer, resource: Resource) -> dict[str, str]:
    secret = server.settings.client_secret
    return {"url": resource.url, "password": secret, "key": server.private_key}


def hidden(served: Opened, server: OAuthServer, resource: Resource) -> bool:
    secrets = [*resource.tokens, server.settings.client_secret, server.settings.password]
    return served.shown([*secrets, *server.private_key.splitlines()[1:-1]]) == []


GRANTS = [
    *(("client_credentials", "basic"), ("client_credentials", "body")),
    *(("password", "basic"), ("password", "body"), ("jwt-bearer", "basic")),
]


@pytest.mark.parametrize(("grant", "place"), GRANTS)
async def test_a_token_is_got_once_and_got_again_when_it_has_ended(
    server: OAuthServer, resource: Resource, tmp_path: Path, grant: str, place: str
) -> None:
    before = len(server.token_requests)
    made = mapping(tmp_path, http(server, grant, place), RULE)
    async with opened(made, values(server, resource)) as served:
        first = await served.burst(20)
        server.end_tokens(refresh=True)
        second = [await served.handle(number) for number in (100, 101)]
    assert {result.outcome for result in first + second} == {Outcome.APPLIED}
    assert len(resource.records.rows) == 22
    good = [one for one in server.token_requests[before:] if one["status"] == 200]
    assert len(good) == 2
    assert hidden(served, server, resource)


async def test_a_refused_client_fails_with_its_cause(
    server: OAuthServer, resource: Resource, tmp_path: Path
) -> None:
    made = mapping(tmp_path, http(server), RULE)
    settings = values(server, resource) | {"password": "wrong-client-secret"}
    async with opened(made, settings) as served:
        results = await served.burst(20)
    assert {result.outcome for result in results} == {Outcome.FAILED}
    assert {line.get("cause") for line in served.lines} == {"login: HTTP 401 invalid_client"}
    assert served.shown(["wrong-client-secret"]) == []


async def test_a_token_endpoint_that_is_down_is_unavailable(
    server: OAuthServer, resource: Resource, tmp_path: Path
) -> None:
    async with opened(mapping(tmp_path, http(server), RULE), values(server, resource)) as served:
        server.fail(1)
        results = await served.burst(20)
    assert {result.outcome for result in results} == {Outcome.UNAVAILABLE}


async def test_refresh_tokens_are_rotated_and_a_refused_one_begins_with_the_grant(
    resource: Resource, tmp_path: Path
) -> None:
    with running(OAuthSettings(lifetime=1)) as server:
        async with Resource(server) as system:
            made = mapping(tmp_path, http(server, "password"), RULE)
            async with opened(made, values(server, system)) as served:
                results = [await served.handle(1)]
                for number in (2, 3):
                    server.end_tokens()
                    results.append(await served.handle(number))
                server.end_tokens(refresh=True)
                results.append(await served.handle(4))
            assert {result.outcome for result in results} == {Outcome.APPLIED}
            grants = server.grants()
    assert grants[0] == grants[-1] == "password"
    assert set(grants[1:-1]) == {"refresh_token"}
    assert hidden(served, server, system)
