"""Scripted replies of tests: by request, in order, and faults of the network."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from connector.mapping.load import load
from connector_tools.mapping_tests import run_cases
from tests.support.events import event
from tests.support.mapping_files import HEAD, checked, mapping, marked, write

RULES = """\
rules:
  - name: a card changed
    on: SIM/Updated
    calls:
      - {id: found, get: "/cards/{{ sim.imsi }}", query: {page: 1}, accept: [404]}
      - {when: found.status == 404, post: /cards, idempotent: true, json: =none}
      - {when: found.status == 200, put: "/cards/{{ sim.imsi }}", form: {a: [1, 2], b: ""}}
      - {when: found.text == '', delete: "/cards/{{ sim.imsi }}"}
"""
CTRL = """\
name: hlr
summary: Keeps an HLR.
system:
  ctrl: {host: hlr.test}
rules:
  - name: a card changed
    on: SIM/Updated
    calls:
      - {ctrl_set: "subscriber.by-imsi-{{ sim.imsi }}.msisdn", value: "7"}
"""
LOOK = "{get: /cards/001010000000001}"
ADD = "{post: /cards, json: null}"
CHANGE = "{put: /cards/001010000000001, form: {a: ['1', '2'], b: ''}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e.json").write_text(json.dumps(event()), encoding="utf-8")
    return tmp_path


def problems(folder: Path, case: str) -> list[str]:
    """What the runner says of a test with these entries."""
    file = RULES + f"tests:\n  - {{name: t, event: e.json, {case}}}\n"
    (result,) = run_cases(mapping(folder, file))
    return result.problems


@pytest.mark.parametrize(
    "case",
    [
        f"system: {{'GET /cards/*': {{status: 404}}, POST /cards: {{}}}}, calls: [{LOOK}, {ADD}]",
        f"system: {{'GET /cards/*': {{}}, 'PUT /cards/*': {{}}}}, calls: [{LOOK}, {CHANGE}]",
        "system: {'GET /cards/*?page=1': {status: 404}, 'POST /c*': {}}, "
        f"calls: [{LOOK}, {ADD}]",
        # a list answers one request after the other, and an attempt is a request
        "system: {'GET /cards/*': {status: 404}, POST /cards: [{fault: reset}, {status: 201}]}, "
        f"calls: [{LOOK}, {ADD}]",
        "system: {'GET /cards/*': [{fault: refused}, {status: 503}, {status: 404}], "
        f"POST /cards: {{}}}}, calls: [{LOOK}, {ADD}]",
        # an empty body has the text "" and is no JSON null
        "system: {'GET /cards/*': {text: ''}, 'PUT /cards/*': {}, 'DELETE /cards/*': {}}, "
        f"calls: [{LOOK}, {CHANGE}, {{delete: /cards/001010000000001, text: ''}}]",
        f"replies: [{{status: 404}}], calls: [{LOOK}, {ADD}]",
    ],
)
def test_a_request_gets_the_reply_of_the_first_key_that_fits(folder: Path, case: str) -> None:
    assert problems(folder, f"{case}, outcome: applied") == []


@pytest.mark.parametrize(
    ("system", "calls", "told"),
    [
        (
            "{'GET /card/*': {}}",
            LOOK,
            "no entry of `system` fits GET /cards/001010000000001?page=1",
        ),
        ("{'GET /card/*': {}}", LOOK, "no request fits `GET /card/*` of `system`"),
        ("{'GET /*': {}}", LOOK, "no entry of `system` fits GET /cards/001010000000001"),
        ("{'GET /cards/*?page=2': {}}", LOOK, "no entry of `system` fits GET"),
        (
            "{'GET /*/*': {status: 404}, 'GET /cards/*': {}, POST /cards: {}}",
            f"{LOOK}, {ADD}",
            "no request fits `GET /cards/*` of `system`",  # the first key has answered it
        ),
        (
            "{'GET /cards/*': [{status: 404}, {}], POST /cards: {}}",
            f"{LOOK}, {ADD}",
            "no request fetched reply 2 of `GET /cards/*`",
        ),
        (
            "{'GET /cards/*': [{status: 503}]}",
            LOOK,
            "3 requests fit `GET /cards/*`, which has 1 replies: add the others",
        ),
    ],
)
def test_a_reply_that_is_missing_or_left_over_is_reported(
    folder: Path, system: str, calls: str, told: str
) -> None:
    found = problems(folder, f"system: {system}, calls: [{calls}], outcome: applied")
    assert any(told in problem for problem in found), found


@pytest.mark.parametrize(
    ("reply", "outcome", "because"),
    [
        ("{fault: timeout}", "unavailable", "no reply within 30 s"),
        ("{fault: refused}", "unavailable", "connection refused"),
        ("{fault: reset}", "unavailable", "connection reset"),
    ],
)
def test_a_fault_ends_as_the_same_fault_of_a_network(
    folder: Path, reply: str, outcome: str, because: str
) -> None:
    case = f"replies: [{reply}], calls: [{LOOK}], outcome: {outcome}, because: {because}"
    assert problems(folder, case) == []


def test_a_timeout_is_not_tried_again(folder: Path) -> None:
    system = "system: {'GET /cards/*': [{fault: timeout}]}"
    assert problems(folder, f"{system}, calls: [{LOOK}], outcome: unavailable") == []


def test_null_as_json_and_an_empty_body_are_different_replies(folder: Path) -> None:
    rules = RULES.replace("found.text == ''", "found.text == 'null'")
    file = rules + dedent(
        f"""\
        tests:
          - name: t
            event: e.json
            replies: [{{json: null}}]
            calls: [{LOOK}, {CHANGE}, {{delete: /cards/001010000000001}}]
            outcome: applied
        """
    )
    (result,) = run_cases(mapping(folder, file))
    assert result.problems == []


@pytest.mark.parametrize("key", ["fault: reset, status: 200", "fault: reset, json: {}"])
def test_a_fault_has_no_other_key(folder: Path, key: str) -> None:
    test = f"{{name: t, event: e.json, replies: [{{{key}}}], outcome: failed}}"
    (found,) = checked(folder, f"{HEAD}{RULES}tests: [{test}]\n")
    assert "has a `fault`, so it has no other key" in found.reason


def test_a_test_has_replies_in_order_or_by_request(folder: Path) -> None:
    test = "{name: t, event: e.json, replies: [{}], system: {GET /a: {}}, outcome: failed}"
    (found,) = checked(folder, f"{HEAD}{RULES}tests: [{test}]\n")
    assert "has `replies` and `system`" in found.reason


def test_a_wrong_key_in_a_list_of_replies_is_found_at_its_place(folder: Path) -> None:
    test = "{name: t, event: e.json, system: {GET /a: [{}, {@@satus: 200}]}, outcome: failed}"
    text = f"{HEAD}{RULES}tests: [{test}]\n"
    (found,) = checked(folder, text)
    assert (found.name, found.place) == ("unknown-key", marked(text))
    assert found.mend == "did you mean `status`?"


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("system: {'SET subscriber.by-imsi-*.msisdn': {}}, outcome: applied", None),
        ("system: {'SET subscriber.*': {}}, outcome: applied", "no entry of `system` fits SET"),
        # the reply to the SET is lost, and the client reads the variable
        (
            "system: {'SET *.*.*': {fault: reset}, 'GET *.*.*': {value: '7'}}, outcome: applied",
            None,
        ),
        ("replies: [{fault: refused}], outcome: unavailable, because: refused", None),
        ("replies: [{fault: timeout}], outcome: unavailable, because: no reply", None),
    ],
)
def test_the_control_interface_is_scripted_in_the_same_way(
    folder: Path, case: str, told: str | None
) -> None:
    variable = "subscriber.by-imsi-001010000000001.msisdn"
    call = f"{{ctrl_set: {variable}, value: '7'}}"
    text = f"{CTRL}tests: [{{name: t, event: e.json, calls: [{call}], {case}}}]\n"
    (result,) = run_cases(load(write(folder, text)))
    assert bool(result.problems) is bool(told)
    assert (told or "") in "; ".join(result.problems)
