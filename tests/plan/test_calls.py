"""Computed calls: bodies of each kind, queries, headers and paths, also with hostile values."""

import json
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest

from connector.mapping.document import BadMapping
from connector.outcome import Refusal
from tests.support.planner import Planner

MARKER = "c0ffee-personal-marker"
HOSTILE = ["../../x", "a/b?c=d#e", "a\r\nX: y", "{{ 7 * 7 }}", "=7", "<x a='\"'>&", "é\u2028"]


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


# Bodies


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_every_body(planned: Planner, text: str) -> None:
    change = {"data.variables": {"x": text}}

    def body(kind: str) -> bytes:
        call = planned.call(f"{{put: /a, {kind}}}", change=change)
        assert call.body is not None
        return call.body

    assert json.loads(body("json: {a: [=variables.x, 'b{{ variables.x }}']}")) == {
        "a": [text, f"b{text}"]
    }
    assert parse_qsl(body("form: {a: =variables.x, b: c}").decode()) == [("a", text), ("b", "c")]
    assert body("text: 'a {{ variables.x }}'").decode() == f"a {text}"
    root = ElementTree.fromstring(body("xml: '<a>{{ variables.x }}</a>'"))  # noqa: S314 - our own
    assert (len(root), (root.text or "").split()) == (0, text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_segment_of_the_path(planned: Planner, text: str) -> None:
    call = planned.call("{put: '/a/{{ variables.x }}/b'}", change={"data.variables": {"x": text}})
    assert call.path.count("/") == 3
    assert call.path.isascii()
    assert not {"?", "#", "\r", "\n", " "} & set(call.path)


@pytest.mark.parametrize("text", ["", ".", ".."])
@pytest.mark.parametrize("path", ["/a/{{ variables.x }}/b", "/a/{{ variables.x }}"])
def test_an_empty_or_dotted_segment_from_data_is_refused(
    planned: Planner, path: str, text: str
) -> None:
    assert planned.refused(f"{{put: '{path}'}}", change={"data.variables": {"x": text}}).rule


@pytest.mark.parametrize("path", ["/a/../b", "/a/./b", "/..", "/{{ sim.imsi }}/.."])
def test_a_dotted_segment_in_the_path_of_the_file_is_refused(planned: Planner, path: str) -> None:
    with pytest.raises(BadMapping, match=r"dotted .*\[constant\]"):
        planned.steps(f"{{put: '{path}'}}")


def test_a_dot_inside_a_segment_is_accepted(planned: Planner) -> None:
    change = {"data.variables": {"x": "1", "y": "2"}}
    call = planned.call("{put: '/a/{{ variables.x }}.{{ variables.y }}/..b'}", change=change)
    assert call.path == "/a/1.2/..b"


@pytest.mark.parametrize("value", ["{{ variables.x }}", "=variables.x"])
@pytest.mark.parametrize("text", ["a\r\nX-Admin: 1", "a\nb", "é", "\x00"])
def test_header_values_with_line_breaks_or_other_than_ascii_are_refused(
    planned: Planner, value: str, text: str
) -> None:
    change = {"data.variables": {"x": text}}
    assert planned.refused(f"{{put: /a, headers: {{X: '{value}'}}}}", change=change).rule


def test_hostile_text_stays_in_its_parameter_of_the_query(planned: Planner) -> None:
    call = planned.call(
        "{get: /a, query: {a: =variables.x}}", change={"data.variables": {"x": "1&b=2"}}
    )
    assert call.query == (("a", "1&b=2"),)


def test_a_query_or_form_repeats_list_items_and_omits_missing_values(planned: Planner) -> None:
    pairs = "{a: [1, =none, x], b: =sim.msisdn, c: =account.blocked, d: 0}"
    change = {"pb_data.sim_info.msisdn": None}
    expected = [("a", "1"), ("a", "x"), ("c", "false"), ("d", "0")]
    assert planned.call(f"{{get: /a, query: {pairs}}}", change=change).query == tuple(expected)
    form = planned.call(f"{{put: /a, form: {pairs}}}", change=change)
    assert parse_qsl((form.body or b"").decode()) == expected
    assert form.content_type == "application/x-www-form-urlencoded"


def test_json_keeps_types_and_can_have_whole_parts_of_the_event(planned: Planner) -> None:
    call = planned.call(
        "{put: /a, json: {n: =account.i_account, t: '7', b: =account.blocked, z: =none,"
        " at: =event.updated_at, attributes: =policy.attributes}}"
    )
    found = json.loads(call.body or b"")
    assert (found["n"], found["t"], found["b"], found["z"]) == (277147, "7", False, None)
    assert found["at"].startswith("2026-03-02T")
    assert found["attributes"][0]["name"] == "cs_profile"


def test_a_json_body_of_none_is_null_and_without_a_body_there_is_none(planned: Planner) -> None:
    assert planned.call("{put: /a, json: =none}").body == b"null"
    assert planned.call("{put: /a}").body is None
    assert planned.call("{put: /a}").content_type is None


def test_infinity_is_refused_in_json(planned: Planner) -> None:
    """JSON has no infinity; it is unknown how a system would read one."""
    detail = planned.refused("{put: /a, json: {a: =account.i_account * 1e308}}")
    assert detail.field == "cards.yaml:5"


# Refusals


@pytest.mark.parametrize(
    "call",
    [
        "{put: '/{{ sim.msisdn }}'}",
        "{put: /a, text: 'a {{ sim.msisdn }}'}",
        "{put: /a, headers: {X: '{{ sim.msisdn }}'}}",
        "{put: /a, headers: {X: =sim.msisdn}}",
        "{put: /a, json: {a: =sim.msisdn + 'x'}}",
        "{put: /a, when: variables.m < 5}",
        "{put: /a, query: {a: =variables.x + 1}}",
        "{put: /a, xml: '<a>{{ variables.control }}</a>'}",
    ],
)
def test_missing_or_wrong_data_is_refused_with_the_place_and_without_the_data(
    planned: Planner, call: str
) -> None:
    change = {"pb_data.sim_info.msisdn": None, "data.variables": {"x": MARKER, "control": "\x01"}}
    detail = planned.refused(call, change=change)
    assert detail.field == "cards.yaml:5"
    assert detail.rule
    assert MARKER not in detail.rule


# Fields that cannot be read (contract 6.1)

ADDONS = {"pb_data.account_info.assigned_addons": [{"i_product": 5, "name": ["x"]}]}


@pytest.mark.parametrize(
    "call",
    [
        "{put: /a, json: =account}",
        "{put: /a, json: {all: [=account.assigned_addons]}}",
        "{put: /a, each: account.assigned_addons, json: =item}",
        "{put: /a, json: =event}",
    ],
)
def test_a_whole_part_is_not_sent_with_a_field_that_cannot_be_read(
    planned: Planner, call: str
) -> None:
    with pytest.raises(Refusal) as caught:
        planned.call(call, change=ADDONS)
    (detail,) = caught.value.result.details
    assert detail == ("pb_data.account_info.assigned_addons.0.name", "must be text")


@pytest.mark.parametrize(
    "call",
    [
        "{put: /a, json: {p: '=account.assigned_addons[0].i_product'}}",
        "{put: /a, each: account.assigned_addons, json: {p: =item.i_product}}",
        "{put: /a, when: account and account.assigned_addons, json: {p: 5}}",
        "{put: /a, json: {p: =account.assigned_addons | sum(attribute='i_product')}}",
    ],
)
def test_the_other_fields_of_a_part_are_sent(planned: Planner, call: str) -> None:
    assert planned.call(call, change=ADDONS).body == b'{"p":5}'
