"""Mapping files with a login: what the check finds, what tests and explanations show."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from connector.event import parse
from connector.mapping import document
from connector.mapping.load import check
from connector.mapping.schema import schema
from connector.outcome import Outcome
from connector_tools.deployment import deployment
from connector_tools.explain import explain
from connector_tools.mapping_tests import run_cases
from tests.support.events import FOLDER, event
from tests.support.logins import RULE, TOKEN, mapping, mapping_file, opened
from tests.support.scripted import Scripted, ScriptedServer

NASTY = "a/b?c&d=<e>\"f' {{ g }} ../%2f"
PLACES = """\
- name: a card changed
  on: SIM/Updated
  calls:
    - post: "/cards/{{ session.token }}/x"
      query: {q: =session.token}
      json: {token: =session.token, list: ["a {{ session.token }}"]}
    - {put: /form, form: {token: =session.token}}
    - {put: /text, text: "t {{ session.token }}"}
    - {put: /xml, xml: "<a b='{{ session.token }}'>{{ session.token }}</a>"}
"""


def found(folder: Path, http: str = TOKEN, rules: str = RULE) -> list[str]:
    """The errors of a file: name and reason."""
    lints = check(mapping_file(folder, http, rules))[1]
    return [f"{lint.name}: {lint.reason}" for lint in lints if lint.level == "error"]


async def test_a_value_of_the_session_is_encoded_for_its_place(
    system: ScriptedServer, tmp_path: Path
) -> None:
    system.script(Scripted(json={"token": NASTY}))
    made = mapping(tmp_path, TOKEN.replace("headers: {X-Token: =session.token}\n", ""), PLACES)
    async with opened(made, {"url": system.url}) as served:
        assert (await served.handle()).outcome is Outcome.APPLIED
    _, first, form, text, xml = system.requests
    assert (
        urlsplit(first.path).path
        == "/cards/a%2Fb%3Fc%26d%3D%3Ce%3E%22f%27%20%7B%7B%20g%20%7D%7D%20..%2F%252f/x"
    )
    assert parse_qsl(urlsplit(first.path).query) == [("q", NASTY)]
    assert first.json == {"token": NASTY, "list": [f"a {NASTY}"]}
    assert parse_qsl(form.body.decode()) == [("token", NASTY)]
    assert text.body.decode() == f"t {NASTY}"
    root = ElementTree.fromstring(xml.body)  # noqa: S314 - the connector wrote it
    assert (root.get("b"), root.text) == (NASTY, NASTY)


@pytest.mark.parametrize("token", ["line\nbreak", "not-ascii-\u010d", "nul\0"], ids=ascii)
async def test_a_token_that_no_header_can_carry_fails_the_event(
    system: ScriptedServer, tmp_path: Path, token: str
) -> None:
    """The login is tried once more, as after a session that the system refuses."""
    system.script(Scripted(json={"token": token}), Scripted(json={"token": token}))
    async with opened(mapping(tmp_path), {"url": system.url}) as served:
        result = await served.handle()
    assert result.outcome is Outcome.FAILED
    assert [request.path for request in system.requests] == ["/login", "/login"]
    assert served.shown([token]) == []


async def test_numbers_of_a_session_are_numbers_in_json(
    system: ScriptedServer, tmp_path: Path
) -> None:
    """In the plan the value is text, so a filter for numbers must not make the event invalid."""
    system.script(Scripted(json={"token": 7}))
    rule = RULE.replace("{imsi: =sim.imsi}", "{n: =session.token, m: =session.token + 1}")
    async with opened(mapping(tmp_path, TOKEN, rule), {"url": system.url}) as served:
        assert (await served.handle()).outcome is Outcome.APPLIED
    assert system.requests[1].json == {"n": 7, "m": 8}


def test_a_file_without_a_login_has_no_session(tmp_path: Path) -> None:
    rule = RULE.replace("=sim.imsi", "=session.token")
    assert found(tmp_path, "timeout: 30s\n", rule) == ["unknown-name: unknown name `session`"]


@pytest.mark.parametrize(
    "key", ["when: session.token", "each: session.token", 'subject: "x{{ session.token }}"']
)
def test_a_session_decides_neither_whether_nor_about_whom_a_call_is(
    tmp_path: Path, key: str
) -> None:
    rule = RULE.replace("{post:", "{" + key + ", post:")
    assert "unknown-name: unknown name `session`" in found(tmp_path, TOKEN, rule)


def test_a_value_that_no_request_takes_is_found(tmp_path: Path) -> None:
    rule = RULE.replace("=sim.imsi", "=session.tokn")
    assert found(tmp_path, TOKEN, rule) == ["unknown-field: `session` has no field `tokn`"]


def test_a_request_reads_only_what_earlier_requests_took(tmp_path: Path) -> None:
    early = TOKEN.replace("json: {user:", "json: {token: =session.token, user:")
    assert found(tmp_path, early) == ["unknown-name: unknown name `session`"]


def test_a_field_that_no_reply_has_is_found_in_take(tmp_path: Path) -> None:
    assert found(tmp_path, TOKEN.replace("reply.json.token", "reply.jsn.token")) == [
        "unknown-field: `reply` has no field `jsn`"
    ]
    assert found(tmp_path, TOKEN.replace("reply.json.token", "reply.cookies.sid")) == []


def test_a_value_is_taken_from_an_example(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, TOKEN.replace("example: {json: {token: example}}", ""))
    assert problem.endswith("needs an `example`: the reply that `take` reads in tests")


@pytest.mark.parametrize(
    "more",
    [
        "bearer: x",
        "oauth2: {url: 'http://a', client_id: a, client_secret: b}",
        "wsse: {username: a, password: b}",
    ],
    ids=["bearer", "oauth2", "wsse"],
)
def test_there_is_one_kind_of_credentials(tmp_path: Path, more: str) -> None:
    (problem,) = found(tmp_path, TOKEN.replace("auth:\n", f"auth:\n  {more}\n"))
    assert "needs exactly one of `basic`, `bearer`, `api_key`, `oauth2`" in problem
    data = document.read(mapping_file(tmp_path, TOKEN)).data
    validator = jsonschema.Draft202012Validator(schema())
    assert list(validator.iter_errors(data)) == []
    data["system"]["http"]["auth"] |= yaml.safe_load(more)
    assert list(validator.iter_errors(data))


@pytest.mark.parametrize(
    ("grant", "missing"),
    [
        ("client_credentials", "`client_id` and `client_secret`"),
        ("password", "`username` and `password`"),
        ("refresh_token", "`refresh_token`"),
    ],
)
def test_a_grant_needs_its_values(tmp_path: Path, grant: str, missing: str) -> None:
    (problem,) = found(tmp_path, f"auth: {{oauth2: {{url: 'http://a/b', grant: {grant}}}}}\n")
    assert f"needs {missing} for the grant {grant}" in problem


CASES = """\
tests:
  - name: a card changed
    event: sim-updated.json
    calls: [{post: /cards, headers: {X-Token: example}, json: {imsi: "001010000000001"}}]
    outcome: applied
  - name: another session
    event: sim-updated.json
    replies: [{status: 500, text: down}]
    calls: [{post: /cards}]
    outcome: failed
"""


def test_tests_in_a_file_see_only_the_calls_of_events(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.json"):
        (tmp_path / file.name).symlink_to(file)
    file = mapping_file(tmp_path)
    file.write_text(file.read_text() + CASES)
    made, _ = check(file)
    assert made
    assert [result.problems for result in run_cases(made)] == [[], []]


async def test_an_explanation_shows_stars_in_place_of_the_session(tmp_path: Path) -> None:
    rule = RULE.replace("=sim.imsi", '"{{ session.token }} of {{ sim.imsi }}"')
    made = mapping(tmp_path, TOKEN, rule)
    values = deployment(made, {}).values
    found = explain(parse(json.dumps(event()).encode()), made, values)
    request = found.calls[0].request
    assert dict(request.headers)["X-Token"] == "***"
    assert json.loads(request.body) == {"imsi": "*** of 001010000000001"}


KINDS: dict[str, Any] = {
    "oauth2": {"url": "=settings.url", "client_id": "a", "client_secret": "=settings.password"},
    "assertion": {"url": "=settings.url", "key": "=settings.key", "claims": {"iss": "a"}},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_an_explanation_needs_no_token(tmp_path: Path, kind: str) -> None:
    http = f"auth: {json.dumps({kind: KINDS[kind]})}\n"
    file = mapping_file(tmp_path, http)
    file.write_text(file.read_text().replace(", optional: true", ""))
    made, _ = check(file)
    assert made
    found = explain(parse(json.dumps(event()).encode()), made, deployment(made, {}).values)
    assert dict(found.calls[0].request.headers)["Authorization"] == "Bearer ***"


async def test_several_keys_are_sent_in_headers_and_query(
    system: ScriptedServer, tmp_path: Path
) -> None:
    http = """\
    auth:
      api_key:
        - {header: Authorization, value: "Token {{ settings.password }}"}
        - {query: user, value: =settings.user}
    """
    async with opened(mapping(tmp_path, http), {"url": system.url, "password": "k3y-1"}) as served:
        await served.handle()
    (request,) = system.requests
    assert request.headers["authorization"] == "Token k3y-1"
    assert parse_qsl(urlsplit(request.path).query) == [("user", "connector")]
    assert served.shown(["k3y-1"]) == []


HOLD = "- {name: a card changed, on: SIM/Updated, hold: {imsi: =sim.imsi}}\n"
RESOURCES = """\
resources:
  card:
    of: [imsi]
    read: {get: "/cards/{{ imsi }}", headers: {X-Of: =session.token}}
    want: "={'imsi': imsi}"
    create: {post: /cards, idempotent: false, json: {imsi: =imsi, by: =session.token}}
    remove: {delete: "/cards/{{ imsi }}"}
"""


async def test_a_resource_reads_and_writes_with_the_session(
    system: ScriptedServer, tmp_path: Path
) -> None:
    system.script(Scripted(json={"token": "t-1"}), Scripted(404))
    file = mapping_file(tmp_path, TOKEN, HOLD)
    file.write_text(file.read_text() + RESOURCES)
    made, lints = check(file)
    assert made, lints
    async with opened(made, {"url": system.url}) as served:
        result = await served.handle()
    assert result.outcome is Outcome.APPLIED, result
    _, read, created = system.requests
    assert (read.headers["x-of"], read.headers["x-token"]) == ("t-1", "t-1")
    assert created.json["by"] == "t-1"
