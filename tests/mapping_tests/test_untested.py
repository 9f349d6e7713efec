"""What no test of a mapping file reaches is an error of `connector test`.

Each test starts with tests that reach everything, takes one part of one test away, and must find
the lint of that part.
"""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from connector.mapping.document import Lint
from connector.mapping.load import load
from connector_tools.mapping_tests import run_cases, untested
from tests.support.events import event
from tests.support.mapping_files import mapping

RULES = """\
system:
  http: {base_url: "http://system.test"}
  replies:
    - {if: reply.json.wrong, outcome: failed, because: =reply.json.wrong}
values:
  good: =account.bill_status == 'open' and not account.blocked
  level: ='gold' if good else 'none'
rules:
  - name: first
    on: [SIM/Updated, SIM/Created]
    when: not sim or sim.status != 'lost'
    ignore: [{if: not sim.imsi, because: no IMSI}]
    require: [{that: account.i_account, because: no account}]
    subject: imsi:{{ sim.imsi }}
    calls:
      - id: found
        get: /cards/{{ sim.imsi }}
        query: {level: =level}
        accept: [404]
      - when: found.json.id
        put: /cards/{{ found.json.id }}
        headers: {X-Level: =level}
        json: {level: =level}
      - each: (account.assigned_addons or [])
        subject: addon:{{ item.i_product }}
        releases: true
        delete: /addons/{{ item.i_product }}
"""
IMSI = "001010000000001"
FOUND = {"GET /cards/*": {"json": {"id": "c"}}, "PUT /cards/*": {}, "DELETE /addons/*": {}}
LOOK: dict[str, Any] = {
    "get": f"/cards/{IMSI}",
    "query": {"level": "gold"},
    "subject": f"imsi:{IMSI}",
}
PUT: dict[str, Any] = {
    "put": "/cards/c",
    "headers": {"x-level": "gold"},
    "json": {"level": "gold"},
    "subject": f"imsi:{IMSI}",
}
DELETE: dict[str, Any] = {"delete": "/addons/1", "subject": "addon:1", "releases": True}
NONE = {"get": f"/cards/{IMSI}", "query": {"level": "none"}}
ADDON = "pb_data.account_info.assigned_addons"
TESTS: list[dict[str, Any]] = [
    {"name": "changed", "system": FOUND, "calls": [LOOK, PUT, DELETE]},
    {
        "name": "without addons",
        "change": {ADDON: None, "data.event_type": "SIM/Created"},
        "system": {"GET /cards/*": {"status": 404}},
        "calls": [{"get": f"/cards/{IMSI}"}],
    },
    {
        "name": "blocked",
        "change": {"pb_data.account_info.blocked": True, ADDON: []},
        "system": {"GET /cards/*": {}},
        "calls": [NONE],
    },
    {
        "name": "closed",
        "change": {"pb_data.account_info.bill_status": "closed", ADDON: []},
        "system": {"GET /cards/*": {}},
        "calls": [NONE],
    },
    {
        "name": "wrong",
        "system": {"GET /cards/*": {"json": {"wrong": "database"}}},
        "calls": [{"get": f"/cards/{IMSI}"}],
        "outcome": "failed",
        "because": "database",
    },
    {
        "name": "no SIM",
        "change": {"pb_data.sim_info": None},
        "outcome": "ignored",
        "because": "no IMSI",
    },
    {
        "name": "lost",
        "change": {"pb_data.sim_info.status": "lost"},
        "outcome": "ignored",
        "because": "no rule applies",
    },
    {
        "name": "no account",
        "change": {"pb_data.account_info.i_account": None},
        "outcome": "invalid",
        "because": "no account",
    },
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sent = event()
    sent["pb_data"]["account_info"] |= {"assigned_addons": [{"i_product": 1}], "blocked": False}
    (tmp_path / "e.json").write_text(json.dumps(sent), encoding="utf-8")
    return tmp_path


def lints(folder: Path, tests: list[dict[str, Any]], rules: str = RULES) -> list[Lint]:
    """The lints of tests that must pass; `rules` may have another `system` than the head."""
    whole = [{"event": "e.json", "outcome": "applied", **test} for test in tests]
    head = "name: cards\nsummary: Keeps a directory of cards.\n"
    (folder / "cards.yaml").write_text(f"{head}{rules}{yaml.safe_dump({'tests': whole})}")
    found = load(folder / "cards.yaml")
    results = list(run_cases(found))
    assert [result.problems for result in results if result.problems] == []
    return untested(found, results)


def without(name: str, *keys: Any) -> list[dict[str, Any]]:
    """The tests without one test, or without one key of it."""
    tests: list[dict[str, Any]] = json.loads(json.dumps(TESTS))
    place: Any = next(test for test in tests if test["name"] == name)
    if not keys:
        return [test for test in tests if test["name"] != name]
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    return tests


def test_tests_that_reach_everything_have_no_lint(folder: Path) -> None:
    assert [str(lint) for lint in lints(folder, TESTS)] == []


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (("changed",), "no test sends this call"),
        (("without addons",), "no test sends a call of `first` for SIM/Created"),
        (("without addons",), "no test has a reply that `accept: 404` makes a success"),
        (
            ("blocked",),
            "no test in which condition 2 of `account.bill_status == 'open' and "
            "not account.blocked` does not hold",
        ),
        (
            ("closed",),
            "no test in which condition 1 of `account.bill_status == 'open' and "
            "not account.blocked` does not hold",
        ),
        (("wrong",), "no test has a reply that this entry decides"),
        (("no SIM",), "no test reaches this `ignore`"),
        (("no SIM",), "no test in which condition 1 of `not sim or sim.status != 'lost'` holds"),
        (("lost",), "no test in which this `when` does not hold"),
        (("no account",), "no test reaches this `require`"),
        (("changed", "calls", 0, "query"), "no test compares its `query`"),
        (("changed", "calls", 1, "json"), "no test compares its `json`"),
        (("changed", "calls", 1, "headers"), "no test compares its `headers`"),
        (("changed", "calls", 1, "subject"), "no test compares its `subject`"),
        (("changed", "calls", 2, "releases"), "no test compares its `releases`"),
        (("wrong", "because"), "no test compares its `because`"),
        (("no SIM", "because"), "no test compares its `because`"),
        (("no account", "because"), "no test compares its `because`"),
    ],
)
def test_what_no_test_reaches_is_a_lint(folder: Path, left_out: tuple[Any, ...], told: str) -> None:
    tests = without(*left_out)
    for test in tests:  # a query that is compared elsewhere counts
        if left_out[1:] == ("calls", 0, "query"):
            for call in test.get("calls", ()):
                call.pop("query", None)
    found = lints(folder, tests)
    assert told in [lint.reason for lint in found]
    assert {lint.level for lint in found} == {"error"}


def test_a_call_without_its_body_proves_nothing_about_conditions(folder: Path) -> None:
    found = lints(folder, without("changed", "calls", 1, "json"))
    assert "no test in which this `when` holds" in [lint.reason for lint in found]


def test_a_when_that_always_holds_is_a_lint(folder: Path) -> None:
    tests = [test for test in TESTS if test["name"] not in ("without addons", "blocked", "closed")]
    reasons = [lint.reason for lint in lints(folder, tests)]
    assert "no test in which this `when` does not hold" in reasons
    assert "no test in which this `each` has no item" in reasons


def test_an_event_that_the_ledger_drops_proves_nothing(folder: Path) -> None:
    """It was planned, but nothing that the plan says is compared."""
    story = """\
    stories:
      - name: late
        system: {'GET /cards/*': {}, 'DELETE /addons/*': {}}
        steps:
          - event: e.json
            at: 5m
            calls: [{get: /cards/%s}, {delete: /addons/1}]
            outcome: applied
          - {event: e.json, change: {pb_data.account_info.blocked: true}, outcome: superseded}
    """
    rules = RULES.replace("        subject: addon:{{ item.i_product }}\n", "") + dedent(
        story % IMSI
    )
    plain = [
        {**test, "calls": [{**call, "subject": f"imsi:{IMSI}"} for call in test.get("calls", ())]}
        for test in without("blocked")
    ]
    reasons = [lint.reason for lint in lints(folder, plain, rules)]
    assert any("condition 2 of `account.bill_status" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("when: found.json.id", "when: found.json.id or found.json.ident", "found.json.ident"),
        ("{level: =level}\n      - each", "{level: =level, a: =found.headers.etag}\n      - each",
         "found.headers.etag"),
        ("because: =reply.json.wrong", "because: =reply.json.reason or 'database'",
         "reply.json.reason"),
    ],
)  # fmt: skip
def test_a_field_that_no_reply_has_is_a_lint(folder: Path, old: str, new: str, told: str) -> None:
    assert old in RULES
    tests = json.loads(json.dumps(TESTS))
    if "etag" in told:
        tests[0]["calls"][1]["json"] = {"level": "gold", "a": None}
    found = lints(folder, tests, RULES.replace(old, new))
    named = [lint for lint in found if lint.name == "unseen-reply-field"]
    assert [lint.reason for lint in named] == [f"no reply of the tests has `{told}`"]


LISTED = """\
system:
  http: {base_url: "http://system.test"}
rules:
  - name: first
    on: SIM/Updated
    subject: imsi:{{ sim.imsi }}
    calls:
      - id: found
        get: /cards
      - put: /cards
        json:
          each: found.json.list
          when: item.a or item.b
          give: {n: =item.n, t: "{{ sim.imsi }} {{ item.m }}"}
"""


def test_what_is_in_a_list_made_of_a_list_is_reached_item_by_item(folder: Path) -> None:
    """Conditions decide for each item, and fields of items are fields of replies."""
    items = [{"a": 1, "b": 0, "n": 1, "m": 2}, {"a": 0, "b": 0}, {"a": 0, "b": 1, "n": 2, "m": 3}]
    sent = [{"n": 1, "t": f"{IMSI} 2"}, {"n": 2, "t": f"{IMSI} 3"}]
    subject = f"imsi:{IMSI}"
    test: dict[str, Any] = {
        "name": "listed",
        "system": {"GET /cards": {"json": {"list": items}}, "PUT /cards": {}},
        "calls": [
            {"get": "/cards", "subject": subject},
            {"put": "/cards", "subject": subject, "json": sent},
        ],
    }
    assert lints(folder, [test], LISTED) == []
    del items[2], sent[1]
    assert [one.reason.partition(" of ")[0] for one in lints(folder, [test], LISTED)] == [
        "no test in which condition 2"
    ]
    del items[0]["m"]
    sent[0] = {"n": None, "t": f"{IMSI} "}
    wrong = lints(folder, [test], LISTED.replace("{{ item.m }}", "").replace("item.n,", "item.k,"))
    assert "no reply of the tests has `found.json.list[0].k`" in [one.reason for one in wrong]


HOLDING = """\
resources:
  subscriber:
    of: [imsi]
    read: {get: "/subscribers/{{ imsi }}"}
    absent: reply.status == 404 or reply.json.empty
    require: [{that: not found or found.owner == 'us', because: another owner}]
    want: {status: open, number: =sim.msisdn}
    released: {status: barred}
    create: {post: /subscribers, json: =want}
    exists: reply.status == 409
    change: {patch: "/subscribers/{{ imsi }}", json: =changed}
    remove: {delete: "/subscribers/{{ imsi }}"}
    gone: reply.status == 410
rules:
  - name: changed
    on: SIM/Updated
    hold: {imsi: =sim.imsi}
"""


def test_each_result_of_comparing_a_resource_must_be_seen(folder: Path) -> None:
    """One test finds another status; all that nothing shows is named."""
    found = {"status": "barred", "number": "420700000001", "owner": "us"}
    test = {
        "name": "a",
        "change": {"pb_data.sim_info.msisdn": "420700000001"},
        "system": {"GET /subscribers/*": {"json": found}, "PATCH /subscribers/*": {}},
        "calls": [
            {"get": f"/subscribers/{IMSI}", "subject": f"imsi:{IMSI}"},
            {"patch": f"/subscribers/{IMSI}", "json": {"status": "open"}},
        ],
    }
    head = 'system:\n  http: {base_url: "http://system.test"}\n'
    reasons = {(lint.place.line, lint.reason) for lint in lints(folder, [test], head + HOLDING)}
    absent = "`reply.status == 404 or reply.json.empty`"
    assert reasons == {
        (6, "no test finds another `number` than is wanted"),
        (6, "no test finds this resource as it is wanted"),
        (9, f"no test in which condition 1 of {absent} holds"),
        (9, f"no test in which condition 2 of {absent} holds"),
        (9, "no test in which `absent` holds"),
        (9, "no reply of the tests has `reply.json.empty`"),
        (9, "no test has a failed reply for which `absent` does not hold"),
        (14, "no test has a failed reply for which `exists` does not hold"),
        (17, "no test has a failed reply for which `gone` does not hold"),
        (11, "`number` is the same in all tests: a constant would do"),
        (10, "no test has a reply that this condition refuses"),
        (10, "no test in which condition 1 of `not found or found.owner == 'us'` holds"),
        (10, "no test in which condition 2 of `not found or found.owner == 'us'` does not hold"),
        (12, "no test changes a released resource"),
        (13, "no test sends this call"),
        (14, "no test in which `exists` holds"),
        (15, "no test compares its `subject`"),
        (16, "no test sends this call"),
        (17, "no test in which `gone` holds"),
        (14, "no reply of the tests has `reply.status`"),
    }


PRECONDITION = """\
system:
  http: {base_url: "http://system.test"}
resources:
  keys:
    of: [imsi]
    read: {get: "/keys/{{ imsi }}"}
    absent: reply.text == 'null'
    require: [{that: found, outcome: unknown_resource, because: no keys}]
rules:
  - {name: changed, on: SIM/Updated, hold: {imsi: =sim.imsi}}
"""


def test_a_precondition_is_seen_absent_in_an_event_that_it_ends(folder: Path) -> None:
    calls = [{"get": f"/keys/{IMSI}", "subject": f"imsi:{IMSI}"}]
    there = {"name": "there", "system": {"GET /keys/*": {"json": {"id": 1}}}, "calls": calls}
    refused = {"system": {"GET /keys/*": {"json": None}}, "outcome": "unknown_resource"}
    absent = there | refused | {"name": "absent", "because": "no keys"}
    broken = {"system": {"GET /keys/*": {"status": 500}}, "outcome": "failed"}
    there_or_broken = [there, there | broken | {"name": "broken"}]
    assert lints(folder, [*there_or_broken, absent], PRECONDITION) == []
    reasons = [lint.reason for lint in lints(folder, there_or_broken, PRECONDITION)]
    assert reasons == [
        "no test in which `absent` holds",
        "no test has a reply that this condition refuses",
    ]


def test_an_expectation_of_a_call_must_refuse_a_reply(folder: Path) -> None:
    old = "accept: [404]\n"
    new = old + "        expect: [{that: not reply.json.deleted, because: it is deleted}]\n"
    reasons = [lint.reason for lint in lints(folder, TESTS, RULES.replace(old, new))]
    assert "no test has a reply that this condition refuses" in reasons
    refused = {
        "name": "deleted",
        "system": {"GET /cards/*": {"json": {"deleted": True}}},
        "calls": [{"get": f"/cards/{IMSI}"}],
        "outcome": "failed",
        "because": "it is deleted",
    }
    assert lints(folder, [*TESTS, refused], RULES.replace(old, new)) == []


def test_an_entry_that_rules_share_by_an_alias_is_tested_once(folder: Path) -> None:
    rules = """\
    rules:
      - name: first
        on: SIM/Updated
        require: &shared [{that: sim, because: no SIM}]
        calls: [{put: /a}]
      - {name: second, on: SIM/Created, require: *shared, calls: [{put: /b}]}
    tests:
      - {name: a, event: e.json, outcome: applied, calls: [{put: /a}]}
      - name: b
        event: e.json
        change: {pb_data.sim_info: null}
        outcome: invalid
        because: no SIM
      - name: c
        event: e.json
        change: {data.event_type: SIM/Created}
        calls: [{put: /b}]
        outcome: applied
    """
    found = mapping(folder, dedent(rules))
    assert untested(found, list(run_cases(found))) == []


def test_what_rules_share_by_an_alias_names_each_of_them(folder: Path) -> None:
    """The place is that of the anchor; the use that is not tested may be in another rule."""
    rules = """\
    rules:
      - name: first
        on: SIM/Updated
        calls:
          - &shared
            put: /a
            json: {x: 1}
            replies: [{if: reply.json.fault, outcome: failed}]
      - {name: second, on: SIM/Created, calls: [*shared, {put: /b, json: {x: 1}}]}
    tests:
      - name: c
        event: e.json
        change: {data.event_type: SIM/Created}
        calls: [{put: /a}, {put: /b}]
        outcome: applied
    """
    found = mapping(folder, dedent(rules))
    users = ", here or where an alias repeats it (in `first`, `second`)"
    assert {lint.reason for lint in untested(found, list(run_cases(found)))} == {
        "no test sends a call of `first` for SIM/Updated",
        f"no test compares its `json`{users}",
        f"no test has a reply that this entry decides{users}",
        f"no reply of the tests has `reply.json.fault`{users}",
        "no test compares its `json`",
    }


def test_a_test_that_fails_before_it_is_decided_reaches_nothing(folder: Path) -> None:
    rules = "rules: [{name: first, on: SIM/Updated, calls: [{put: /a}]}]\n"
    case = "tests: [{name: a, event: none.json, outcome: applied, calls: [{put: /a}]}]\n"
    found = mapping(folder, rules + case)
    reasons = {lint.reason for lint in untested(found, list(run_cases(found)))}
    assert "no test sends this call" in reasons
