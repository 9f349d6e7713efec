"""Every combination of answers gives a mapping file that passes `check` and `test`, strictly."""

import json
import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from connector.mapping.load import check
from connector_tools.mapping_tests import run_cases
from connector_tools.starter import openapi, openapi_document, questions
from connector_tools.starter.answers import KINDS, Answers
from connector_tools.starter.answers_file import BadAnswers, checked, read
from connector_tools.starter.folder import files
from connector_tools.starter.mapping_text import mapping_text
from connector_tools.starter.openapi_document import BadDocument
from connector_tools.starter.page_text import page_text
from connector_tools.starter.proof import problems
from connector_tools.starter.words import WORDS
from tests.support import ROOT

DOCUMENTS = Path(__file__).parent / "openapi"
CREATE = {
    "method": "post",
    "path": "/subscribers",
    "fields": {"imsi": "=imsi", "state": "=served ? active : blocked"},
}
POST = {
    "method": "post",
    "path": "/tenants/{settings.tenant}/provision",
    "fields": {"sim": {"iccid": "=iccid", "ids": ["=imsi"]}, "owner": "=account", "kind": "0101"},
}
PATCH = {
    "method": "patch",
    "path": "/sims/{iccid}",
    "fields": {"on": "=served", "off": "=blocked", "who": "=account_text"},
}
SAVES: Mapping[str, dict[str, Any]] = {
    "put": {},
    "put and post": {"create": CREATE},
    "post": {"save": POST, "remove": None},
    "patch": {"save": PATCH, "remove": {"method": "delete", "path": "/sims/{iccid}"}},
    "put without remove": {
        "save": {"method": "put", "path": "/sims/{imsi}", "fields": {"blocked": "=blocked"}},
        "remove": None,
    },
}


def made(answers: Answers) -> list[str]:
    texts = files(answers.name, mapping_text(answers, "events"), page_text(answers, ["a guess"]))
    return problems(answers.name, texts)


@pytest.mark.parametrize(("kind", "save"), list(product(KINDS, SAVES)))
def test_each_combination_of_answers_passes(kind: str, save: str) -> None:
    """Each login with each set of requests, with and without the other answers in turn."""
    more = {"rate": 20, "error_field": "status.error", "settings": {"profile": "01", "zone": None}}
    index = KINDS.index(kind) + list(SAVES).index(save)
    chosen = dict(list(more.items())[: index % 4])
    assert made(checked({"name": "acme-hlr", "auth": kind, **SAVES[save], **chosen})) == []


LOGINS: list[dict[str, Any]] = [
    {"kind": "api_key", "place": "query", "name": "api_key"},
    {"kind": "api_key", "place": "header", "name": "Authorization"},
    {"kind": "oauth2", "scope": "read write"},
    {"kind": "login", "path": "/api/v1/session", "token": "data.access_token", "user_field": "u.n"},
]


@pytest.mark.parametrize("auth", LOGINS)
def test_each_detail_of_a_login_is_in_the_file(auth: dict[str, Any]) -> None:
    answers = checked({"name": "acme", "auth": auth})
    assert made(answers) == []
    text = mapping_text(answers, "events")
    assert all(
        str(value) in text for key, value in auth.items() if key not in ("kind", "user_field")
    )


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
LEAVES = st.sampled_from(
    [
        "=imsi",
        "=number",
        "=product",
        "=served",
        "=blocked",
        "=account_text",
        "=served ? on : off",
        7,
        True,
        None,
    ]
) | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)


@settings(
    max_examples=10,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    fields=st.dictionaries(NAMES, LEAVES, max_size=5),
    own=st.dictionaries(NAMES, st.none() | st.text("ab01.: #'\"{}=-", min_size=1), max_size=2),
    summary=st.none()
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1),
)
def test_any_answers_are_refused_with_a_sentence_or_pass(
    fields: dict[str, Any], own: dict[str, str | None], summary: str | None
) -> None:
    save = {"method": "put", "path": "/s/{imsi}", "fields": {"imsi": "=imsi", **fields}}
    try:
        answers = checked({"name": "a", "save": save, "settings": own, "summary": summary})
    except BadAnswers as bad:
        assert str(bad)
        return
    assert made(answers) == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "Acme"}, "name: must have only lower-case letters, digits and -"),
    ({"url": "ftp://x"}, "url: must be an address that begins with http"),
    ({"auth": "kerberos"}, "auth: must be one of none, bearer, basic"),
    ({"auth": {"kind": "basic", "user": "x"}}, "auth.user: unknown key"),
    ({"rate": 0}, "rate: Input should be greater than or equal to 1"),
    ({"frobnicate": 1}, "frobnicate: unknown key"),
    ({"save": {"method": "put", "path": "/s/{msisdn}"}}, "is not one of {imsi}, {iccid}"),
    ({"save": {"method": "put", "path": "/s/all"}}, "names no subscriber"),
    ({"save": {"method": "put", "path": "/s/{imsi}?x=1"}}, "must not have `?`"),
    ({"save": {"method": "put", "path": "/s/{imsi}", "fields": {"a": "=sim.imsi"}}}, "is no word"),
    ({"save": {"method": "get", "path": "/s/{imsi}"}}, "save.method: must be 'put'"),
    ({"remove": {"method": "delete", "path": "/s"}}, "`remove` names no subscriber"),
    ({"settings": {"token": None}}, "the setting `token` has another meaning"),
    ({"settings": {"imsi": None}}, "`imsi` is a field of `save` and a setting"),
]


@pytest.mark.parametrize(("answers", "told"), REFUSED)
def test_answers_that_cannot_be_used_are_refused(answers: dict[str, Any], told: str) -> None:
    with pytest.raises(BadAnswers) as refused:
        checked({"name": "acme", **answers})
    assert told in str(refused.value)


def suggested(file: str) -> openapi.Suggestion:
    return openapi.suggestion(openapi_document.read((DOCUMENTS / file).read_bytes()))


@pytest.mark.parametrize("file", sorted(one.name for one in DOCUMENTS.iterdir()))
def test_each_openapi_document_gives_a_mapping_that_passes(file: str) -> None:
    found, to_check = suggested(file)
    assert made(checked({"name": "acme", **found})) == []
    assert to_check


def test_a_petstore_gives_its_key_and_its_users() -> None:
    """Its first login is one that needs a browser."""
    found, to_check = suggested("petstore.yaml")
    assert found["url"] == "https://api.example.com/api/v3"
    assert found["auth"] == {"kind": "api_key", "place": "header", "name": "api_key"}
    assert found["save"]["method"] == "put"
    assert found["save"]["path"] == "/user/{imsi}"
    assert found["save"]["fields"] == {"phone": "=number"}
    assert found["create"]["fields"] == {"imsi": "=imsi", "phone": "=number"}
    assert found["remove"]["path"] == "/user/{imsi}"
    assert "`{username}` of /user/{username} is the IMSI" in to_check


def test_references_variables_and_oauth2_are_followed() -> None:
    found, to_check = suggested("hss-oauth2.json")
    assert found["url"] == "https://eu1.hss.example.com:8443/prov/v2"
    assert found["auth"] == {
        "kind": "oauth2",
        "url": "https://login.example.com/oauth2/token",
        "scope": "subscribers:write",
    }
    assert found["save"]["path"] == "/tenants/{settings.tenant_id}/subscribers/{imsi}"
    assert found["save"]["fields"] == {
        "imsi": "=imsi",
        "kind": "usim",
        "status": "=served ? ACTIVE : SUSPENDED",
        "msisdns": ["=number"],
        "servicePlan": "=product",
        "customerId": "=account_text",
        "homeZone": "=settings.home_zone",
        "vlan": 0,
        "ambr": {"up": 1000, "down": "00500"},
    }
    assert found["create"]["path"] == "/tenants/{settings.tenant_id}/subscribers"
    assert found["remove"]["path"] == found["save"]["path"]
    assert "the field `ambr.up` is always 1000" in to_check


def test_one_post_for_all_has_the_imsi_and_no_expression_of_the_document() -> None:
    found, to_check = suggested("panel-post.yaml")
    assert "url" not in found
    assert found["auth"] == {"kind": "basic"}
    assert found["remove"] is None
    fields = {"command": "set 1", "active": "=served", "iccid": "=iccid"}
    assert found["save"] == {"method": "post", "path": "/provision", "fields": fields}
    assert any("variable without a default" in text for text in to_check)


BROKEN: list[tuple[bytes, str]] = [
    (b"\xff\xfe\x00", "not text in UTF-8"),
    (b"{", "it is no JSON: "),
    (b"openapi: [3.0\npaths: {}", "it is no YAML in line 2"),
    (b"openapi: 3.0.0\n\tpaths: {}", "it is no YAML in line 2"),
    (b"[]", "it is not an object"),
    (b"when: 2026-02-31", "it is no YAML: "),
    (b"swagger: '2.0'\npaths: {}", "version 2 (Swagger)"),
    (b"info: {}\npaths: {}", "no line `openapi: 3...`"),
    (b"openapi: 3.0.0\npaths: {}", "it has no `paths`"),
    (b"openapi: 3.0.0\npaths: {/s: {get: {}}}", "no request that stores something"),
    (b"openapi: 3.0.0\npaths: {'/s/{imsi}': {put: {$ref: '#/x'}}}", "`#/x` leads nowhere"),
    (b"openapi: 3.0.0\npaths: {'/s/{imsi}': {$ref: 'other.yaml#/x'}}", "refers to another file"),
    (
        b"openapi: 3.0.0\npaths: {'/s/{imsi}': {$ref: '#/a'}}\na: {$ref: '#/b'}\nb: {$ref: '#/a'}",
        "lead in a circle",
    ),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"a":' * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "told"), BROKEN)
def test_a_broken_document_is_refused_with_a_sentence(text: bytes, told: str) -> None:
    with pytest.raises(BadDocument) as refused:
        openapi.suggestion(openapi_document.read(text))
    assert told in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abi{}/$=# ", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type enum properties required allOf oneOf items url variables default name in "
                "scheme flows clientCredentials tokenUrl scopes content schema application/json "
                "requestBody $ref imsi status put post delete /s/{imsi} /s".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(
    max_examples=30,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(servers=JSON, security=JSON, schemes=JSON, item=JSON, schema=JSON)
def test_no_document_is_answered_with_a_traceback(
    servers: Any, security: Any, schemes: Any, item: Any, schema: Any
) -> None:
    body = {"content": {"application/json": {"schema": schema}}}
    document = {
        "openapi": "3.1.0",
        "servers": servers,
        "security": security,
        "components": {"securitySchemes": schemes},
        "paths": {"/s/{imsi}": {"put": {"requestBody": body}}, "/x/{id}": item},
    }
    try:
        found = openapi.suggestion(openapi_document.read(yaml.safe_dump(document).encode()))
        answers = checked({"name": "a", **found.answers})
    except (BadDocument, BadAnswers):
        return
    assert made(answers) == []


def test_a_change_of_the_file_is_noticed_by_its_tests(tmp_path: Path) -> None:
    """Guards the tests that are written: each field of the body is compared."""
    answers = checked({"name": "acme"})
    text = mapping_text(answers, "events").replace(
        "product: =account.product_name", "product: gold", 1
    )
    for name, content in files("acme", text, "").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    found, lints = check(tmp_path / "acme.yaml")
    assert found
    assert lints == []
    results = list(run_cases(found))
    assert next(one.case.name for one in results if one.problems) == "an open account is served"


def test_the_answers_on_the_page_pass_and_all_words_are_listed() -> None:
    page = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"(?ms)^```answers\n(.*?)^```$", page)
    assert made(checked(read(text.encode()) | {"name": "acme"})) == []
    for word, one in WORDS.items():
        assert f"| `={word}` | {one.about} |" in page
    for key in Answers.model_fields.keys() - {"name", "summary"}:
        assert f"| `{key}` |" in page


def answered(*lines: str) -> Answers:
    """The answers of a person who types these lines."""
    with CliRunner().isolation(input="".join(f"{line}\n" for line in lines)):
        return checked(questions.ask({"name": "panel"}, set()))


def test_a_person_is_asked_for_the_fields_of_the_body() -> None:
    """Without them, each test of the new file would have to be changed by hand."""
    own = "msisdn=number, plan=product, blocked=blocked"
    save = answered("", "none", "PUT /sims/{imsi}", own, "none", "", "", "").save
    assert save.path == "/sims/{imsi}"
    assert save.fields == {"msisdn": "=number", "plan": "=product", "blocked": "=blocked"}


def test_a_field_without_a_word_is_asked_again() -> None:
    save = answered("", "none", "", "msisdn", "msisdn=nmber", "msisdn=number", "", "", "", "").save
    assert save.fields == {"msisdn": "=number"}


def test_a_boolean_that_says_the_opposite_of_service_is_mapped() -> None:
    fields = {"blocked": {"type": "boolean"}, "isSuspended": {"type": "boolean"}}
    schema = {"type": "object", "required": ["blocked"], "properties": fields}
    content = {"application/json": {"schema": schema}}
    put = {"requestBody": {"content": content}, "responses": {}}
    document = {"openapi": "3.0.3", "info": {}, "paths": {"/subscribers/{imsi}": {"put": put}}}
    found, _ = openapi.suggestion(openapi_document.read(json.dumps(document).encode()))
    assert found["save"]["fields"] == {"blocked": "=blocked", "isSuspended": "=blocked"}


def test_the_field_of_failures_decides_only_a_successful_reply() -> None:
    """A 404 that `accept` names, and a 503, have bodies with an error, too."""
    text = mapping_text(checked({"name": "panel", "error_field": "error"}), "events")
    assert "if: reply.status < 300 and reply.json.error" in text
    assert "replies: [{status: 404, json: {error: no such subscriber}}]" in text
