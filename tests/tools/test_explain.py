"""`connector explain`: what would be sent and why, without sending it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.event import parse
from connector.log import subject_hash
from connector.mapping.case import Case
from connector.mapping.load import load
from connector.outcome import Outcome
from connector.pipeline import hash_key
from connector_tools.deployment import deployment
from connector_tools.explain import explain
from connector_tools.explain_json import expressions
from connector_tools.mapping_tests import event_of
from tests.support import ROOT
from tests.support.command_line import app
from tests.support.events import event, subscriber
from tests.support.mapping_files import HEAD

WTL = load(ROOT / "mappings" / "wtl-hlr-hss.yaml")
VARIABLES = [setting.variable for setting in WTL.settings.values()]
SECRET = "secret-9d2c"
CRM = """\
name: crm
summary: Calls of all kinds.
settings:
  url: {env: CRM_URL, type: url}
  key: {secret: CRM_KEY}
  zone: {env: CRM_ZONE, default: eu}
system:
  http:
    base_url: =settings.url
    auth: {api_key: {query: key, value: =settings.key}}
    headers: {X-Zone: =settings.zone, X-Sign: "{{ settings.key }}-signed"}
values:
  shouted: =settings.key | upper
  start: =settings.key[:6]
rules:
  - name: a SIM changed
    on: SIM/Updated
    when: sim.status == 'active'
    ignore:
      - {if: not sim.imsi, because: no SIM}
      - {if: not sim.iccid, because: no card}
    require:
      - {that: sim.imsi is imsi, because: IMSI must be 15 digits}
      - {that: variables.weight * 2 > 1, because: too light}
    subject: imsi:{{ sim.imsi }}
    calls:
      - id: find
        get: /people
        query: {imsi: =sim.imsi, all: true, none: =sim.msisdn}
      - when: find.json.id
        each: variables.lines
        put: /people/{{ find.json.id }}/lines/{{ item }}
        idempotent: true
        json: {line: =item, person: =find.json.id, deep: [{imsi: =sim.imsi}]}
      - when: not find.json.id
        post: /people
        idempotent: true
        form: {imsi: =sim.imsi, key: =shouted, note: =start, person: =find.status}
      - {when: sim.msisdn, delete: "/numbers/{{ sim.msisdn }}"}
      - {each: variables.nothing, delete: "/lines/{{ item }}"}
  - name: any other SIM
    on: [SIM/Updated, SIM/Created]
    calls:
      - {post: "/sims/{{ settings.key }}", idempotent: true, text: "x={{ sim.imsi }}"}
"""
GIVEN: dict[str, Any] = {
    "event_id": "e",
    "data": {"event_type": "SIM/Updated", "variables": {"weight": 1, "lines": ["a", "b/c"]}},
    "pb_data": {"sim_info": {"imsi": subscriber(1), "iccid": "8942", "status": "active"}},
}


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    file = tmp_path / "crm.yaml"
    file.write_text(CRM)
    return file


def explained(mapping: Path | str, given: Any, *options: str, **variables: str | None) -> Result:
    nothing = dict.fromkeys([*VARIABLES, "API_TOKEN", "HASH_KEY"])
    text = given if isinstance(given, str | bytes) else json.dumps(given)
    return CliRunner().invoke(
        app, ["explain", str(mapping), "-", *options], input=text, env={**nothing, **variables}
    )


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def wtl(given: Any, *options: str, **variables: str | None) -> Result:
    return explained(WTL.document.path, given, *options, **variables)


def crm_with(crm: Path, **parts: Any) -> Result:
    given = {**GIVEN, "pb_data": {"sim_info": GIVEN["pb_data"]["sim_info"] | parts}}
    return explained(crm, given, CRM_URL="http://crm", CRM_KEY=SECRET)


@pytest.mark.parametrize("case", WTL.tests, ids=lambda case: case.name)
def test_it_foretells_what_each_test_of_the_mapping_expects(case: Case) -> None:
    environ = {WTL.settings[name].variable: value for name, value in case.settings.items()}
    settings = deployment(WTL, environ).values
    found = explain(parse(event_of(WTL, case)), WTL, settings)
    sent = [call for call in found.calls if call.sent]
    if case.outcome in (Outcome.IGNORED, Outcome.INVALID):
        assert found.result
        assert found.result.outcome is case.outcome
        assert sent == []
        return
    assert found.result is None
    assert len(sent) >= len(case.calls) > 0
    for planned, expected in zip(sent, case.calls, strict=False):
        assert planned.request.line == "POST http://system.test/prov"
        if expected.json_ is not None:
            assert json.loads(planned.request.body) == expected.json_


def test_it_tells_which_rule_was_chosen_and_why_the_others_were_not() -> None:
    told = wtl(event("sim-replaced", imsi=subscriber(2))).stdout
    rules = told.split("\nrules\n")[1].split("\n\n")[0].splitlines()
    assert rules == [
        "     a SIM came into the inventory (line 78): is for SIM/Created",
        "     a subscriber changed (line 120): is for SIM/Updated",
        "     a SIM was only removed (line 131): its `when` does not hold: not sim or not",
        f'     sim.imsi; sim is an object, sim.imsi is "{subscriber(2)}"',
        "  -> a SIM was assigned or swapped (line 151): the first that fits",
        "     1 later rule not asked",
    ]


def test_it_shows_conditions_values_and_calls_in_the_clear() -> None:
    told = wtl(event(imsi=subscriber(3))).stdout
    assert f'require  true   sim.imsi is imsi  (sim.imsi is "{subscriber(3)}")' in told
    assert "  served          true\n" in told
    assert '"msisdn": [\n      "420700000001"\n    ]' in told
    assert f'json.imsi               "{subscriber(3)}"' in told
    assert f"subject imsi:{subscriber(3)}\n" in told
    assert told.endswith("Nothing was sent.\n")


def test_it_shows_lists_tables_and_fields_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "cards.yaml"
    body = "{q: {each: counters, give: {n: =item.unit, s: =item.allocated_amount | float(none)}}, "
    body += "t: '=tables.t[sim.status]', o: =sim.msisdn or omit}"
    tables = "tables: {t: {rows: {active: 1}, else: 2}}\n"
    guards = "require: [{that: counters, because: a}, {that: sim, because: b}]"
    rule = f"{{name: one, on: SIM/Updated, {guards}, calls: [{{put: /a, json: {body}}}]}}"
    file.write_text(HEAD + tables + f"rules: [{rule}]\n")
    counters = {"full_vd_counter_info": [{"unit": "MB", "allocated_amount": "N/A"}]}
    told = explained(file, {**GIVEN, "pb_data": GIVEN["pb_data"] | counters}).stdout
    assert '"q": [\n      {\n        "n": "MB",\n        "s": null\n      }\n    ]' in told
    plain = " ".join(told.split())
    assert '"allocated_amount": "<unreadable pb_data.full_vd_counter_info.0.allocated_' in plain
    assert 'tables.t is "a table of 1 rows"' in told
    assert '"omit"' in told


def test_the_first_line_is_a_summary(crm: Path) -> None:
    def first(told: Result) -> str:
        return told.stdout.partition("\n")[0]

    by = "by rule `a SIM changed` (line 16)"
    assert first(crm_with(crm)) == (
        f"1 request: GET /people; then 3 requests that depend on replies; {by}"
    )
    assert first(crm_with(crm, imsi=None)) == f"ignored: no SIM; {by}"
    assert first(crm_with(crm, imsi="1234567")) == (
        f"invalid: pb_data.sim_info.imsi: IMSI must be 15 digits; {by}"
    )
    given = {"event_id": "e", "data": {"event_type": "Invoice/Paid", "variables": {}}}
    assert first(explained(crm, given)) == "ignored: no rule for events of type Invoice/Paid"


def test_lines_have_80_characters_except_what_is_sent(crm: Path) -> None:
    for told in (wtl(event()), wtl(event("sim-replaced")), crm_with(crm)):
        lines = told.stdout.splitlines()[1:]  # the summary is one line
        assert [line for line in lines if len(line) > 80 and "http" not in line] == []


def test_what_was_not_computed_is_not_shown(crm: Path) -> None:
    told = crm_with(crm, imsi=None).stdout
    assert "conditions of the rule\n  ignore  true (decides)  not sim.imsi" in told
    for other in ("sim.iccid", "variables.weight", "shouted", "\nvalues"):
        assert other not in told
    found = crm_with(crm).stdout
    assert "\n  ignore   false  not sim.iccid" in found
    assert '\n  shouted  "***"' in found


def test_the_first_condition_that_failed_has_the_values_of_both_sides(tmp_path: Path) -> None:
    """It is looked for inside of values that the condition names, too."""
    file = tmp_path / "cards.yaml"
    values = "values: {known: ['1', '2'], good: =sim.status == 'active' or sim.iccid in known, "
    values += "fine: =good and sim.imsi}\n"
    rules = "- {name: a, on: SIM/Updated, when: sim and fine, calls: [{put: /a}]}\n"
    rules += "  - {name: b, on: SIM/Created, calls: [{put: /b}]}"
    file.write_text(f"{HEAD}{values}rules:\n  {rules}\n")
    given = {**GIVEN, "pb_data": {"sim_info": {"imsi": "123456", "status": "x", "iccid": "3"}}}
    first, second = document(explained(file, given, "--json"))["rules"]
    assert (first["chosen"], second["chosen"]) == (False, False)
    assert first["condition"] == {
        "source": "sim.status == 'active' or sim.iccid in known",
        "sides": [
            {"about": "sim.status", "value": '"x"'},
            {"about": "sim.iccid", "value": '"3"'},
            {"about": "known", "value": '["1", "2"]'},
        ],
        "through": ["fine", "good"],
    }
    assert second["condition"]["sides"] == [
        {"about": "event.event_type", "value": '"SIM/Updated"'},
        {"about": "on", "value": '["SIM/Created"]'},
    ]


@pytest.mark.parametrize(
    ("when", "source"),
    [
        ("sim.msisdn or sim.status == 'y' or sim.iccid == '4'", None),
        ("sim.imsi and sim.iccid in ['a  b'] and sim.msisdn", "sim.iccid in ['a b']"),
        ("sim and not (sim.imsi and sim.iccid == '3')", "sim.iccid == '3'"),
        ("sim.imsi and not sim.iccid", "not sim.iccid"),
        ("sim.imsi and (sim.status | length) > 3", "(sim.status | length) > 3"),
    ],
)
def test_the_condition_that_failed_is_a_part_of_the_expression(
    tmp_path: Path, when: str, source: str | None
) -> None:
    file = tmp_path / "cards.yaml"
    rule = f'{{name: a, on: SIM/Updated, when: "{when}", calls: [{{put: /a}}]}}'
    file.write_text(f"{HEAD}rules: [{rule}]\n")
    given = {**GIVEN, "pb_data": {"sim_info": {"imsi": "123456", "status": "x", "iccid": "3"}}}
    (found,) = document(explained(file, given, "--json"))["rules"]
    assert found["condition"]["source"] == (source or when)


def test_json_has_the_place_and_the_event_fields_of_each_value() -> None:
    told = document(wtl(event(imsi=subscriber(3)), "--json"))
    assert told["summary"] == "1 request: POST /prov; by rule `a subscriber changed` (line 120)"
    assert told["result"] is None
    opened = next(item for item in told["values"] if item["about"] == "open")
    text = WTL.document.text.splitlines()[opened["line"] - 1]
    start = opened["column"] - 1
    assert text[start : start + opened["length"]] == "=account.bill_status == 'open'"
    assert opened["id"] == f"{opened['line']}:{opened['column']}"
    assert opened["value"] == "true"
    path = "account_info.bill_status"
    assert opened["reads"] == [{"path": path, "about": "account.bill_status", "value": '"open"'}]
    (call,) = told["calls"]
    assert call["request"]["line"] == "POST http://system.test/prov"
    assert call["request"]["headers"]["Authorization"] == "Bearer ***"
    assert call["subject"] == f"imsi:{subscriber(3)}"
    assert [item["about"] for item in call["values"]][:2] == ["subject", "json.imsi"]
    ids = {item["id"] for item in expressions(WTL)}
    for part in (told["values"], told["conditions"], call["values"]):
        assert {item["id"] for item in part if item["source"]} <= ids


def test_json_of_what_is_no_event_has_the_result() -> None:
    result = wtl({"event_id": "e"}, "--json")
    assert result.exit_code == 1
    assert document(result)["result"]["status"] == 422


REPLIES = {
    "[{json: {id: 7}}]": ("http://crm/people/7/lines/a", 3),
    "[{json: {}}]": ("POST http://crm/people\n", 2),
    "{GET /people: {json: {id: 7}}, PUT *: {}}": ("http://crm/people/7/lines/b%2Fc", 3),
}


@pytest.mark.parametrize("text", REPLIES)
def test_with_replies_later_calls_are_shown_too(crm: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "replies.yaml"
    file.write_text(text)
    told = explained(crm, GIVEN, "--replies", str(file), CRM_URL="http://crm", CRM_KEY=SECRET)
    line, number = REPLIES[text]
    assert told.exit_code == 0
    assert line in told.stdout.replace("?key=***", "")
    assert told.stdout.startswith(f"{number} requests: GET /people, ")
    assert "  reply: applied: HTTP 200\n" in told.stdout
    assert "after the reply of" not in told.stdout
    assert SECRET not in told.stdout


def test_a_reply_that_ends_the_event_ends_the_explanation(crm: Path, tmp_path: Path) -> None:
    file = tmp_path / "replies.json"
    file.write_text(json.dumps([{"status": 404}, {}]))
    told = explained(crm, GIVEN, "--replies", str(file), CRM_URL="http://crm").stdout
    assert told.startswith("unknown_resource: ")
    assert "  reply: unknown_resource: HTTP 404" in told
    assert "answer 404\n" in told
    assert "people/" not in told
    assert "replies: no call fetched reply 2 of `replies`" in told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[{satus: 1}]", "replies.1.satus: this key does not exist in a reply"),
        ("7", "must have a list of replies"),
        ("{", "not YAML"),
    ],
)
def test_replies_that_are_none_are_one_line(crm: Path, tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "replies.yaml"
    file.write_text(text)
    result = explained(crm, GIVEN, "--replies", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr
    assert result.stderr.count("\n") == 1


def test_replies_come_from_one_place(crm: Path) -> None:
    result = explained(crm, GIVEN, "--replies", "a", "--read")
    assert result.exit_code == 2
    assert "give only one of --read, --found and --replies" in result.stderr


def test_the_condition_that_ends_the_event_is_marked(crm: Path) -> None:
    result = crm_with(crm, iccid=None, imsi="123456")
    assert result.exit_code == 0
    decides = [line for line in result.stdout.splitlines() if "(decides)" in line]
    assert len(decides) == 1
    assert decides[0].split()[:4] == ["ignore", "true", "(decides)", "not"]
    assert "answer 202" in result.stdout
    assert "Event ignored: no card" in result.stdout


def test_an_event_without_a_rule_is_ignored_with_the_reason(crm: Path) -> None:
    given = {"event_id": "e", "data": {"event_type": "Invoice/Paid", "variables": {}}}
    result = explained(crm, given)
    assert result.exit_code == 0
    assert "Event ignored: no rule for events of type Invoice/Paid" in result.stdout


@pytest.mark.parametrize("told", ["cannot be computed", "its `when` cannot be computed: x"])
def test_an_event_whose_data_sound_like_a_failure_is_explained_as_it_is_planned(
    crm: Path, told: str
) -> None:
    result = crm_with(crm, status=told)
    assert result.exit_code == 0
    assert "-> any other SIM (line " in result.stdout
    assert "POST http://crm/sims/***" in result.stdout
    assert "Event ignored" not in result.stdout


def test_a_path_with_a_query_and_a_query_are_shown_as_one(crm: Path) -> None:
    crm.write_text(CRM.replace("get: /people\n", "get: /people?x=1\n"))
    first = crm_with(crm).stdout.split("\ncall ")[1]
    assert f"GET http://crm/people?x=1&imsi={subscriber(1)}&all=true&key=***\n" in first


def test_an_invalid_event_gets_the_answer_that_nsps_would_get(crm: Path) -> None:
    result = crm_with(crm, imsi="123456")
    assert result.exit_code == 1
    answer = result.stdout.split("answer 422\n")[1].removesuffix("Nothing was sent.\n")
    assert json.loads(answer)["details"] == [
        {"field": "pb_data.sim_info.imsi", "rule": "IMSI must be 15 digits"}
    ]


@pytest.mark.parametrize("given", ["", "{", "[]", {"event_id": "e"}, {"data": 1}])
def test_what_is_no_event_gets_the_answer_that_nsps_would_get(given: Any) -> None:
    result = wtl(given)
    assert result.exit_code == 1
    assert json.loads(result.stdout.removeprefix("answer 422\n"))["type"] == "VALIDATION_ERROR"


def test_a_condition_that_cannot_be_computed_ends_the_event(crm: Path) -> None:
    given = {**GIVEN, "data": {"event_type": "SIM/Updated", "variables": {"weight": "x" * 5}}}
    result = explained(crm, given)
    assert result.exit_code == 1
    assert "require  cannot be computed: " in result.stdout
    assert '"field": "crm.yaml:' in result.stdout


def test_personal_data_in_a_reason_is_masked_in_the_answer_as_for_nsps(crm: Path) -> None:
    crm.write_text(CRM.replace("because: no card", "because: '{{ sim.imsi }} has no card'"))
    answer = crm_with(crm, iccid=None).stdout.split("answer 202\n")[1]
    assert "Event ignored: ***********0001 has no card" in answer


def test_a_call_that_waits_for_a_reply_is_shown_as_far_as_it_is_known(crm: Path) -> None:
    told = crm_with(crm).stdout
    second, third, fourth = told.split("\ncall ")[2:5]
    assert "PUT http://crm/people/{{ find.json.id }}/lines/{{ item }}?key=***" in second
    assert "after the reply of `find`; only if find.json.id\n" in second
    assert '"line": "a",\n    "person": "=find.json.id"' in second
    assert f'"imsi": "{subscriber(1)}"' in second
    assert "json.deep.0.imsi" in second
    assert "Content-Type: application/json" in second
    assert '"line": "b/c"' in third
    assert f"imsi={subscriber(1)}\n  key=***\n  note=***\n  person==find.status\n" in fourth


def test_a_call_that_is_left_out_says_why(crm: Path) -> None:
    told = crm_with(crm).stdout
    assert "  DELETE /numbers/{{ sim.msisdn }}\n  not sent: `when` does not hold\n" in told
    assert "  DELETE /lines/{{ item }}\n  not sent: `each` is empty\n" in told


def test_query_headers_and_credentials_stand_where_they_would_be_sent(crm: Path) -> None:
    first = crm_with(crm).stdout.split("\ncall ")[1]
    assert f"GET http://crm/people?imsi={subscriber(1)}&all=true&key=***\n" in first
    assert "  X-Zone: eu\n  X-Sign: ***-signed\n" in first


def test_settings_tell_where_they_come_from(crm: Path) -> None:
    told = explained(crm, GIVEN, CRM_ZONE="us", CRM_URL=None, CRM_KEY=None).stdout
    rows = told.split("\nsettings\n")[1].split("\n\n")[0].splitlines()
    assert [row.split(maxsplit=2) for row in rows] == [
        ["url", '"http://system.test"', "made up, CRM_URL is not set"],
        ["key", "***", "made up, CRM_KEY is not set"],
        ["zone", '"us"', "CRM_ZONE"],
    ]
    assert "made up, since the environment has no value: url, key\n" in told


@pytest.mark.parametrize("status", ["active", "used"])
def test_a_secret_never_shows_whatever_an_expression_makes_of_it(crm: Path, status: str) -> None:
    result = crm_with(crm, status=status)
    assert result.exit_code == 0
    assert "***" in result.stdout
    for trace in (SECRET, SECRET.upper(), SECRET[:6]):
        assert trace not in result.output.replace("settings.key", "")


def test_a_password_that_stands_in_the_mapping_itself_does_not_show(crm: Path) -> None:
    basic = "{basic: {username: me, password: word-4711}}"
    crm.write_text(CRM.replace("{api_key: {query: key, value: =settings.key}}", basic))
    told = crm_with(crm).stdout
    assert "Authorization: Basic ***" in told
    assert "word-4711" not in told


@pytest.mark.parametrize(
    ("variables", "key"),
    [({"HASH_KEY": "k", "API_TOKEN": "t"}, "k"), ({"API_TOKEN": "new, old"}, "new")],
)
def test_the_subject_has_the_hash_that_the_log_has(variables: dict[str, str], key: str) -> None:
    told = wtl(event(imsi=subscriber(4)), **variables).stdout
    subject = f"imsi:{subscriber(4)}"
    assert f"subject {subject}, subject_hash {subject_hash(hash_key(key), subject)}\n" in told


def test_without_a_key_there_is_no_hash() -> None:
    assert "subject_hash" not in wtl(event()).stdout


def test_a_wrong_setting_is_one_line_without_its_value() -> None:
    result = wtl(event(), WTL_API_URL="ftp://u:9d2c@hlr")
    assert result.exit_code == 2
    assert result.stderr.startswith("connector: WTL_API_URL: must be a URL")
    assert "9d2c" not in result.output


def test_a_broken_mapping_is_told_by_its_lints(crm: Path) -> None:
    crm.write_text(CRM.replace("sim.iccid", "sim.icid"))
    result = explained(crm, GIVEN)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "`sim` has no field `icid`; did you mean `iccid`?" in result.stderr


def test_a_missing_event_file_is_one_line() -> None:
    result = CliRunner().invoke(app, ["explain", str(WTL.document.path), "none.json"])
    assert result.exit_code == 2
    assert result.stderr == "connector: cannot read none.json: No such file or directory\n"


def test_a_value_that_the_rule_does_not_read_is_not_shown_as_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "cards.yaml"
    values = "values: {key: =sim.imsi, old: =prev_sim.imsi, twice: =key ~ key}\n"
    guards = "require: [{that: sim, because: a}]"
    first = f"{{name: one, on: SIM/Updated, {guards}, calls: [{{put: /a, json: {{k: =twice}}}}]}}"
    guard = "require: [{that: prev_sim, because: a}]"
    other = f"{{name: two, on: SIM/Replaced, {guard}, calls: [{{put: /b, json: {{k: =old}}}}]}}"
    file.write_text(f"{HEAD}{values}rules: [{first}, {other}]\n")
    shown = explained(file, GIVEN).stdout.split("\nvalues\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in shown.splitlines()] == ["key", "twice"]
