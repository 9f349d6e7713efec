"""The runner of the tests inside a mapping file: a test that does not hold is reported."""

import json
import logging
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from connector_tools.mapping_tests import event_of, run_cases
from connector_tools.mapping_tests import test_settings as settings_for_tests
from tests.support.events import event
from tests.support.mapping_files import mapping

RULES = """\
settings:
  token: {secret: TOKEN}
  url: {env: URL, type: url}
  size: {env: SIZE, type: number}
  range: {env: RANGE, type: pattern}
  region: {env: REGION, default: eu}
  extra: {env: EXTRA, optional: true}
rules:
  - name: a card changed
    on: SIM/Updated
    when: settings.size and settings.range and settings.url and not settings.extra
    ignore: [{if: not sim.imsi, because: no IMSI}]
    require: [{that: account, because: account_info is missing}]
    calls:
      - id: found
        get: /cards/{{ sim.imsi }}
        query: {region: =settings.region}
        headers: {X-Token: =settings.token}
        accept: [404]
      - {when: found.status == 404, put: /cards, json: {imsi: =sim.imsi}}
      - {when: found.status == 200, put: /form, form: {a: =sim.imsi, b: c}}
      - {when: found.status == 201, put: /text, text: "text {{ sim.imsi }}"}
      - {when: found.status == 202, put: /xml, xml: "<a>{{ sim.imsi }}</a>"}
"""
IMSI = "001010000000001"
GET = "{get: /cards/001010000000001, query: {region: eu}, headers: {x-token: test-token}}"
LOOK = "{get: /cards/001010000000001}"
CALLS = f"calls: [{LOOK}, {{put: /form}}]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e.json").write_text(json.dumps(event()), encoding="utf-8")
    return tmp_path


def problems(folder: Path, case: str) -> list[str]:
    """What the runner says of a test with these entries."""
    file = RULES + "tests:\n  - {name: t, event: e.json, " + dedent(case).replace("\n", " ") + "}\n"
    (result,) = run_cases(mapping(folder, file))
    return result.problems


@pytest.mark.parametrize(
    "case",
    [
        f"outcome: applied, calls: [{GET}, {{put: /form, form: {{a: '{IMSI}', b: [c]}}}}]",
        f"outcome: applied, {CALLS}",
        f"outcome: applied, replies: [{{status: 404}}], calls: [{GET}, "
        f"{{put: /cards, json: {{imsi: '{IMSI}'}}}}]",
        "outcome: applied, replies: [{status: 201}], "
        f"calls: [{LOOK}, {{put: /text, text: 'text {IMSI}'}}]",
        "outcome: applied, replies: [{status: 202}], "
        f"calls: [{LOOK}, {{put: /xml, xml: '<a>{IMSI}</a>'}}]",
        f"outcome: failed, replies: [{{status: 500}}], calls: [{LOOK}]",
        f"outcome: failed, replies: [{{text: <html>}}], calls: [{LOOK}], because: not JSON",
        "outcome: throttled, replies: [{status: 429, headers: {Retry-After: '90'}}], "
        f"calls: [{LOOK}]",
        "outcome: ignored, change: {pb_data.sim_info.imsi: ''}, because: no IMSI",
        "outcome: ignored, change: {pb_data.sim_info: null}",
        "outcome: invalid, remove: [pb_data.account_info], because: account_info is missing",
        "outcome: invalid, change: {pb_data.sim_info.imsi: X}, because: must be 6 to 15",
        "outcome: ignored, settings: {extra: x}, because: no rule",
        "outcome: applied, settings: {region: us}, "
        "calls: [{get: /cards/001010000000001, query: {region: us}}, {put: /form}]",
    ],
)  # fmt: skip
def test_a_test_that_holds_has_no_problem(folder: Path, case: str) -> None:
    assert problems(folder, case) == []


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("outcome: failed, calls: [{}, {}]", "outcome is applied, not failed; the answer was"),
        ("outcome: applied, change: {pb_data.sim_info: null}", "outcome is ignored, not applied"),
        ("outcome: ignored, change: {pb_data.sim_info: null}, because: xyz", "not contain `xyz`"),
        ("outcome: applied", "2 calls instead of 0: GET /cards/001010000000001, PUT /form"),
        ("outcome: applied, calls: [{}]", "2 calls instead of 1"),
        ("outcome: applied, calls: [{}, {}, {}]", "2 calls instead of 3"),
        (
            "outcome: ignored, change: {pb_data.sim_info: null}, calls: [{}]",
            "0 calls instead of 1: none",
        ),
        (
            "outcome: applied, calls: [{post: /cards/001010000000001}, {}]",
            "call 1: GET /cards/001010000000001 instead of POST /cards/001010000000001",
        ),
        ("outcome: applied, calls: [{get: /cards}, {}]", "instead of GET /cards"),
        (
            "outcome: applied, calls: [{query: {region: us}}, {}]",
            'call 1: query.region: expected "us", found "eu"',
        ),
        (
            "outcome: applied, calls: [{headers: {X-Token: other}}, {}]",
            'call 1: header X-Token: expected "other", found "test-token"',
        ),
        (
            "outcome: applied, calls: [{headers: {X-Other: a}}, {}]",
            'call 1: header X-Other: expected "a", found null',
        ),
        ("outcome: applied, calls: [{}, {form: {a: b}}]", "call 2: form.a: expected"),
        ("outcome: applied, calls: [{}, {text: abc}]", "call 2: text: expected"),
        ("outcome: applied, calls: [{}, {xml: <a/>}]", "call 2: xml: expected"),
        (
            "outcome: applied, replies: [{status: 404}], calls: [{}, {json: {imsi: '1'}}]",
            f'call 2: json.imsi: expected "1", found "{IMSI}"',
        ),
        (
            "outcome: applied, replies: [{status: 404}], calls: [{}, {json: {}}]",
            f'call 2: json.imsi: expected nothing, found "{IMSI}"',
        ),
        (
            "outcome: applied, replies: [{status: 404}], calls: [{}, {json: null}]",
            "call 2: json: expected null, found {",
        ),
        ("outcome: applied, calls: [{json: {}}, {}]", "call 1: there is no body, but json must"),
        ("outcome: applied, calls: [{json: null}, {}]", "call 1: there is no body"),
        ("outcome: applied, calls: [{}, {text: ''}]", "call 2: text: expected"),
        (f"outcome: applied, calls: [{LOOK}, {{}}]", "call 2: names no method: write PUT /form"),
        (f"outcome: applied, {CALLS}, replies: [{{}}, {{}}, {{}}]", "fetched reply 3"),
        ("outcome: applied, calls: [{}, {json: {a: 1}}]", "call 2: the body is not JSON"),
        ("outcome: applied, settings: {size: many}, calls: [{}, {}]", "SIZE: must be a number"),
        ("outcome: applied, settings: {sise: 1}, calls: [{}, {}]", "`sise`"),
        ("outcome: applied, change: {event_id.a: 1}", "`event_id` is no object"),
        ("outcome: applied, change: {pb_data.sim_info.imsy: 1}", "did you mean `imsi`?"),
        ("outcome: applied, change: {pb_data.acount_info.blocked: 1}", "mean `account_info`?"),
        ("outcome: applied, change: {data.variables.new: 1}", "write it under `add`"),
        ("outcome: applied, change: {pb_data.account_info.msisdn: '1'}", "no `msisdn` here"),
        ("outcome: applied, add: {pb_data.sim_info.imsi: '1'}", "write it under `change`"),
        ("outcome: applied, remove: [pb_data.sim_inf.imsi], calls: [{}, {}]", "`pb_data.sim_inf"),
    ],
)  # fmt: skip
def test_a_test_that_does_not_hold_is_reported(folder: Path, case: str, told: str) -> None:
    found = problems(folder, case)
    assert found
    assert any(told in problem for problem in found), found


@pytest.mark.parametrize("name", ["none.json", ".", "broken.json", "latin.json", "list.json"])
def test_a_file_of_an_event_that_cannot_be_read_is_reported(folder: Path, name: str) -> None:
    (folder / "broken.json").write_text("{", encoding="utf-8")
    (folder / "latin.json").write_bytes(b'{"a": "\xe9"}')
    (folder / "list.json").write_text("[]", encoding="utf-8")
    case = f"tests: [{{name: t, event: {name}, change: {{a.b: 1}}, outcome: applied}}]\n"
    (result,) = run_cases(mapping(folder, RULES + case))
    assert result.problems[0].startswith("cannot run: ")


def test_a_reason_is_compared_as_it_is_written(folder: Path) -> None:
    reason = 'no číslo or "none"'
    case = f"outcome: ignored, change: {{pb_data.sim_info: null}}, because: '{reason}'"
    file = RULES.replace("because: no IMSI", f"because: '{reason}'")
    file += f"tests: [{{name: t, event: e.json, {case}}}]"
    (result,) = run_cases(mapping(folder, file))
    assert result.problems == []


def test_every_test_is_run_and_the_others_do_not_matter(folder: Path) -> None:
    cases = (("a", "applied"), ("b", "failed"), ("c", "applied"))
    made = [
        f"  - {{name: {name}, event: e.json, outcome: {end}, {CALLS}}}\n" for name, end in cases
    ]
    results = list(run_cases(mapping(folder, f"{RULES}tests:\n{''.join(made)}")))
    assert [(result.case.name, not result.problems) for result in results] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


def test_nothing_is_logged_meanwhile(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        problems(folder, f"outcome: applied, {CALLS}")
    assert capsys.readouterr() == ("", "")


def test_the_event_is_changed_and_cut_but_its_file_is_not(folder: Path) -> None:
    file = RULES + dedent(
        """\
        tests:
          - name: t
            event: e.json
            change: {data.event_type: X, pb_data.product_info: {name: L}}
            add: {pb_data.new.part: [1]}
            remove: [handler_id, pb_data.sim_info.imsi]
            outcome: ignored
        """
    )
    before = (folder / "e.json").read_text(encoding="utf-8")
    found = mapping(folder, file)
    (case,) = found.tests
    sent: dict[str, Any] = json.loads(event_of(found, case))
    assert sent["data"]["event_type"] == "X"
    assert sent["pb_data"]["product_info"] == {"name": "L"}
    assert sent["pb_data"]["new"] == {"part": [1]}
    assert "handler_id" not in sent
    assert "imsi" not in sent["pb_data"]["sim_info"]
    assert (folder / "e.json").read_text(encoding="utf-8") == before


def test_settings_are_made_up_where_they_have_no_default(folder: Path) -> None:
    found = settings_for_tests(mapping(folder, RULES), {"range": "^00101"})
    assert found == {
        "token": "test-token",
        "url": "http://system.test",
        "size": 10.0,
        "range": "^00101",
        "region": "eu",
        "extra": None,
    }


# Calls and their attempts

TWICE = """\
rules:
  - name: a card changed
    on: SIM/Updated
    calls: [{put: /cards, json: {}}, {put: /cards, json: {}}]
"""


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("calls: [{put: /cards}, {put: /cards}], outcome: applied", ""),
        (
            "calls: [{put: /cards}], outcome: applied",
            "2 calls instead of 1: PUT /cards, PUT /cards",
        ),
        (
            "replies: [{}, {status: 400}], calls: [{put: /cards}, {put: /cards}], outcome: failed",
            "",
        ),
        ("replies: [{status: 503}], calls: [{put: /cards}], outcome: unavailable", ""),
        (
            "replies: [{}, {status: 503}], calls: [{put: /cards}, {put: /cards}], "
            "outcome: unavailable",
            "",
        ),
    ],
)  # fmt: skip
def test_two_identical_calls_are_two_and_the_attempts_of_one_are_one(
    folder: Path, case: str, told: str
) -> None:
    file = f"{TWICE}tests: [{{name: t, event: e.json, {case}}}]\n"
    (result,) = run_cases(mapping(folder, file))
    assert result.problems == ([told] if told else [])
