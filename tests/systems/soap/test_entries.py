"""Mapping files for SOAP: what the check refuses, what a preview shows, how tests compare."""

from pathlib import Path

import pytest

from connector.mapping.load import check
from connector_tools.mapping_tests import run_cases

FILE = """
name: cards
summary: Keeps a directory of cards.
system:
  soap:
    base_url: https://system.test/s
    namespaces: {{c: "urn:c"}}
    {soap}
rules:
  - name: a card changed
    on: SIM/Updated
    subject: imsi:{{{{ sim.imsi }}}}
    require: [{{that: sim.imsi is imsi, because: IMSI}}]
    calls:
      - soap: {action}
        idempotent: true
        body: |
          {body}
tests:
  - name: the card is put
    event: events/sim-updated.json
    replies: [{reply}]
    calls: [{{soap: urn:c#put, subject: "imsi:001010000000001", body: "{expected}"}}]
    outcome: {outcome}
"""
BODY = "<c:put><c:imsi>{{ sim.imsi }}</c:imsi></c:put>"
PUT = "<c:put><c:imsi>001010000000001</c:imsi></c:put>"


def written(folder: Path, body: str = BODY, expected: str = PUT, **parts: str) -> Path:
    defaults = {"soap": "", "action": "urn:c#put", "reply": "{body: <c:done/>}"}
    (folder / "events").symlink_to(Path(__file__).parents[3] / "mappings" / "events")
    file = folder / "cards.yaml"
    given = {**defaults, "outcome": "applied", **parts}
    file.write_text(FILE.format(body=body, expected=expected, **given), encoding="utf-8")
    return file


def lints(file: Path) -> list[str]:
    return [f"{lint.name}: {lint.reason}" for lint in check(file)[1]]


def problems(file: Path) -> list[str]:
    mapping, found = check(file)
    assert mapping, found
    return [problem for result in run_cases(mapping) for problem in result.problems]


def test_a_file_without_a_fault_has_no_lint(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert (lints(file), problems(file)) == ([], [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<c:put>", "is not well-formed XML"),
        ("<c:put/></x><x>", "is not well-formed XML"),
        ("<c:put k={{ sim.imsi }}/>", "is not well-formed XML"),
        ("<c:{{ sim.imsi }}/>", "is not well-formed XML"),
        ("<c:put {{ sim.imsi }}='1'/>", "is not well-formed XML"),
        ("<?xml version='1.0'?><c:put/>", "is not well-formed XML"),
        ("<c:put><![CDATA[{{ sim.imsi }}]]></c:put>", "{{ }} must stand in an element's text"),
        ("<c:put/><!-- {{ sim.imsi }} -->", "{{ }} must stand in an element's text"),
        ("<c:put xmlns='{{ sim.imsi }}'/>", "{{ }} must stand in an element's text"),
        ("=sim.imsi", "must be XML"),
        ("<c:put>{% if x %}</c:put>", "only {{ }} is allowed"),
    ],
)
def test_a_body_that_could_break_is_refused(tmp_path: Path, body: str, reason: str) -> None:
    (lint,) = lints(written(tmp_path, body=body))
    assert lint.startswith("value: ")
    assert reason in lint


@pytest.mark.parametrize("action", ["=sim.imsi", "'a\"b'", '"a\\nb"', "ö"])
def test_an_action_that_a_header_cannot_have_is_refused(tmp_path: Path, action: str) -> None:
    (lint,) = lints(written(tmp_path, action=action))
    assert lint.startswith("value: ")


@pytest.mark.parametrize(
    ("name", "namespace"), [("soap", "urn:x"), ("xml", "urn:x"), ("1a", "urn:x"), ("a", "")]
)
def test_a_prefix_that_cannot_be_declared_is_refused(
    tmp_path: Path, name: str, namespace: str
) -> None:
    file = written(tmp_path)
    text = file.read_text(encoding="utf-8").replace("c:", f'"{name}": "{namespace}", c:', 1)
    file.write_text(text, encoding="utf-8")
    assert [lint for lint in lints(file) if lint.startswith("value: ")]


@pytest.mark.parametrize(
    "parts",
    [
        {"body": "<d:put/>"},
        {"body": "<c:put d:k='1'/>"},
        {"soap": "header: <d:user/>"},
        {"soap": "auth: {login: {requests: [{soap: x, body: <d:login/>}]}}"},
        {"soap": "\n  replies: [{if: reply.body | element('c:y/d:x'), outcome: failed}]"},
    ],
    ids=lambda parts: next(iter(parts.values())),
)
def test_a_prefix_that_is_not_declared_is_found(tmp_path: Path, parts: dict[str, str]) -> None:
    assert "undeclared-prefix: the prefix `d` is not declared" in lints(written(tmp_path, **parts))


def test_a_prefix_that_the_xml_declares_itself_is_right(tmp_path: Path) -> None:
    assert lints(written(tmp_path, body='<d:put xmlns:d="urn:d"/>')) == []


SAME = {
    "blanks": " <c:put>\\n  <c:imsi> 001010000000001 </c:imsi> </c:put> ",
    "another prefix": "<x:put xmlns:x='urn:c'><x:imsi>001010000000001</x:imsi></x:put>",
    "a default namespace": "<put xmlns='urn:c'><imsi>001010000000001</imsi></put>",
    "CDATA": "<c:put><c:imsi><![CDATA[001010000000001]]></c:imsi></c:put>",
}
OTHER = {
    "another text": "<c:put><c:imsi>1</c:imsi></c:put>",
    "another name": "<c:put><c:msisdn>001010000000001</c:msisdn></c:put>",
    "another namespace": "<put><imsi>001010000000001</imsi></put>",
    "an attribute": "<c:put k='1'><c:imsi>001010000000001</c:imsi></c:put>",
    "an element more": f"{PUT}<c:put/>",
    "no element": "",
    "no XML": "<c:put>",
}


@pytest.mark.parametrize("expected", SAME.values(), ids=SAME)
def test_a_test_compares_xml_whatever_its_spelling(tmp_path: Path, expected: str) -> None:
    assert problems(written(tmp_path, expected=expected)) == []


@pytest.mark.parametrize("expected", OTHER.values(), ids=OTHER)
def test_a_test_finds_each_difference(tmp_path: Path, expected: str) -> None:
    (problem,) = problems(written(tmp_path, expected=expected))
    assert "body" in problem


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("{soap_fault: {code: Client, string: no}}", "failed"),
        ("{status: 500, soap_fault: {detail: <c:code>1</c:code>}}", "failed"),
        ("{text: Sign in}", "failed"),
        ("{status: 503, text: ''}", "unavailable"),
        ("{fault: timeout}", "unavailable"),
        ("{}", "applied"),
    ],
)
def test_a_scripted_reply_means_what_a_real_one_does(
    tmp_path: Path, reply: str, outcome: str
) -> None:
    assert problems(written(tmp_path, reply=reply, outcome=outcome)) == []


@pytest.mark.parametrize("reply", ["{body: <c:x/>, text: x}", "{fault: reset, body: <c:x/>}"])
def test_a_scripted_reply_is_one_thing(tmp_path: Path, reply: str) -> None:
    (lint,) = lints(written(tmp_path, reply=reply))
    assert lint.startswith("value: ")
