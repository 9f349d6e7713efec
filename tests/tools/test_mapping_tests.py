"""The runner of the tests inside a mapping file: a test that does not hold is reported."""

import json
import logging
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from connector.mapping.document import Lint
from connector_tools.mapping_tests import event_of, run_cases, untested
from connector_tools.mapping_tests import test_settings as settings_for_tests
from tests.support.events import event
from tests.support.mapping_files import HEAD, mapping

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
        f"outcome: applied, calls: [{GET}, {{put: /form, form: {{a: '{IMSI}', b: c}}}}]",
        "outcome: applied, calls: [{}, {}]",
        f"outcome: applied, replies: [{{status: 404}}], calls: [{GET}, "
        f"{{put: /cards, json: {{imsi: '{IMSI}'}}}}]",
        f"outcome: applied, replies: [{{status: 201}}], calls: [{{}}, {{text: 'text {IMSI}'}}]",
        f"outcome: applied, replies: [{{status: 202}}], calls: [{{}}, {{xml: '<a>{IMSI}</a>'}}]",
        "outcome: failed, replies: [{status: 500}], calls: [{}]",
        "outcome: failed, replies: [{text: <html>}], calls: [{}], because: not JSON",
        "outcome: throttled, replies: [{status: 429, headers: {Retry-After: '90'}}], calls: [{}]",
        "outcome: ignored, change: {pb_data.sim_info.imsi: ''}, because: no IMSI",
        "outcome: ignored, change: {pb_data.sim_info: null}",
        "outcome: invalid, remove: [pb_data.account_info], because: account_info is missing",
        "outcome: invalid, change: {pb_data.sim_info.imsi: X}, because: must be 6 to 15",
        "outcome: ignored, settings: {extra: x}, because: no rule",
        "outcome: applied, settings: {region: us}, calls: [{query: {region: us}}, {}]",
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
            'call 1: query is {"region": "eu"}, not {"region": "us"}',
        ),
        (
            "outcome: applied, calls: [{headers: {X-Token: other}}, {}]",
            'call 1: header X-Token is "test-token", not "other"',
        ),
        (
            "outcome: applied, calls: [{headers: {X-Other: a}}, {}]",
            'call 1: header X-Other is null, not "a"',
        ),
        ("outcome: applied, calls: [{}, {form: {a: b}}]", "call 2: form is"),
        ("outcome: applied, calls: [{}, {text: abc}]", "call 2: text is"),
        ("outcome: applied, calls: [{}, {xml: <a/>}]", "call 2: xml is"),
        (
            "outcome: applied, replies: [{status: 404}], calls: [{}, {json: {imsi: '1'}}]",
            f'call 2: json is {{"imsi": "{IMSI}"}}, not {{"imsi": "1"}}',
        ),
        (
            "outcome: applied, replies: [{status: 404}], calls: [{}, {json: {}}]",
            "call 2: json is",
        ),
        (
            "outcome: applied, replies: [{status: 404}], calls: [{}, {json: null}]",
            "call 2: json is",
        ),
        ("outcome: applied, calls: [{json: {}}, {}]", "call 1: json is null, not {}"),
        ("outcome: applied, calls: [{}, {json: {a: 1}}]", "call 2: json is"),
        ("outcome: applied, settings: {size: many}, calls: [{}, {}]", "SIZE: must be a number"),
        ("outcome: applied, settings: {sise: 1}, calls: [{}, {}]", "`sise`"),
        ("outcome: applied, change: {event_id.a: 1}", "`event_id` is no object"),
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
    case = "  - {name: %s, event: e.json, outcome: %s, calls: [{}, {}]}\n"
    file = (
        RULES
        + "tests:\n"
        + case % ("a", "applied")
        + case % ("b", "failed")
        + case
        % (
            "c",
            "applied",
        )
    )
    results = list(run_cases(mapping(folder, file)))
    assert [(result.case.name, not result.problems) for result in results] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


def test_nothing_is_logged_meanwhile(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        problems(folder, "outcome: applied, calls: [{}, {}]")
    assert capsys.readouterr() == ("", "")


def test_the_event_is_changed_and_cut_but_its_file_is_not(folder: Path) -> None:
    file = RULES + dedent(
        """\
        tests:
          - name: t
            event: e.json
            change: {data.event_type: X, pb_data.new.part: [1]}
            remove: [handler_id, pb_data.sim_info.imsi]
            outcome: ignored
        """
    )
    before = (folder / "e.json").read_text(encoding="utf-8")
    found = mapping(folder, file)
    (case,) = found.tests
    sent: dict[str, Any] = json.loads(event_of(found, case))
    assert sent["data"]["event_type"] == "X"
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
        ("calls: [{}], outcome: applied", "2 calls instead of 1: PUT /cards, PUT /cards"),
        ("replies: [{}, {status: 400}], calls: [{}, {}], outcome: failed", ""),
        ("replies: [{status: 503}], calls: [{}], outcome: unavailable", ""),
        ("replies: [{}, {status: 503}], calls: [{}, {}], outcome: unavailable", ""),
    ],
)  # fmt: skip
def test_two_identical_calls_are_two_and_the_attempts_of_one_are_one(
    folder: Path, case: str, told: str
) -> None:
    file = f"{TWICE}tests: [{{name: t, event: e.json, {case}}}]\n"
    (result,) = run_cases(mapping(folder, file))
    assert result.problems == ([told] if told else [])


# What no test reaches

TESTS = {
    "calls": "{name: a, event: e.json, outcome: applied, calls: [{}, {}]}",
    "ignore": "{name: b, event: e.json, outcome: ignored, change: {pb_data.sim_info: null}}",
    "require": "{name: c, event: e.json, outcome: invalid, remove: [pb_data.account_info]}",
}


def lints(folder: Path, rules: str, *tests: str) -> list[Lint]:
    found = mapping(folder, rules + "tests:\n" + "".join(f"  - {test}\n" for test in tests))
    return untested(found, list(run_cases(found)))


def test_a_mapping_whose_tests_reach_everything_has_no_lint(folder: Path) -> None:
    assert lints(folder, RULES, *TESTS.values()) == []


@pytest.mark.parametrize(("left_out", "line"), [("calls", 13), ("ignore", 16), ("require", 17)])
def test_what_no_test_reaches_is_a_lint(folder: Path, left_out: str, line: int) -> None:
    tests = [test for name, test in TESTS.items() if name != left_out]
    (found,) = lints(folder, RULES, *tests)
    assert (found.name, found.place.line) == ("untested", line)
    assert "a card changed" in found.reason or left_out in found.reason
    assert found.mend


def test_a_second_rule_that_no_test_reaches_is_a_lint(folder: Path) -> None:
    second = "  - {name: a second, on: SIM/Deleted, calls: [{delete: /a}]}\n"
    (found,) = lints(folder, RULES + second, *TESTS.values())
    assert "a second" in found.reason


def test_an_entry_that_rules_share_by_an_alias_is_tested_once(folder: Path) -> None:
    rules = dedent(
        """\
        rules:
          - name: first
            on: SIM/Updated
            require: &shared [{that: sim, because: no SIM}]
            calls: [{put: /a}]
          - {name: second, on: SIM/Created, require: *shared, calls: [{put: /b}]}
        """
    )
    tests = [
        "{name: a, event: e.json, outcome: applied, calls: [{}]}",
        "{name: b, event: e.json, outcome: invalid, change: {pb_data.sim_info: null}}",
        "{name: c, event: e.json, outcome: applied, change: {data.event_type: SIM/Created}, "
        "calls: [{}]}",
    ]
    assert lints(folder, rules, *tests) == []


def test_a_test_that_fails_before_it_is_decided_reaches_nothing(folder: Path) -> None:
    broken = TESTS["calls"].replace("e.json", "none.json")
    found = lints(folder, RULES, broken, TESTS["ignore"], TESTS["require"])
    assert [one.place.line for one in found] == [len(HEAD.splitlines()) + 9]
