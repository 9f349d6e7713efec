"""Every lint has a case: its place, its level, its reason and its mend. A correct file has none."""

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from connector.mapping.document import BadMapping
from connector.mapping.load import check
from connector.plan.step import PlannedCall
from tests.support import ROOT
from tests.support.calls import http
from tests.support.mapping_files import HEAD, RULES, checked, mapping, marked, with_call, write
from tests.support.planner import Planner

SETTINGS = "settings: {token: {env: TOKEN}}\n"


def system(more: str) -> str:
    """A file whose system has one more entry."""
    return f"name: cards\nsummary: a\nsystem: {{http: {{base_url: 'http://a', {more}}}}}\n{RULES}"


def setting(entry: str, use: str = "headers: {X: =settings.a}") -> str:
    """A file with a setting, and an entry of the system that reads it."""
    return f"{system(use)}settings: {{a: {{env: A, {entry}}}}}\n"


# For each lint: its name, a file with the place marked, and parts of its reason and of its mend.
# A file without `name:` gets `HEAD` in front.
CASES: list[tuple[str, str, str, str]] = [
    ("file", "", "cannot read", "can be read"),
    ("yaml", "a: @@*nothing", "alias without its anchor", "quotes"),
    ("unquoted", with_call("{put: /a, json: {a: @@=[1] + [2]}}"), "`[`", '"=[1] + [2]"'),
    ("duplicate-key", RULES + "@@rules: []", "`rules` appears twice", "keep one"),
    # Values that readers of YAML understand differently
    ("number", "settings: {a: {env: A, default: @@00101}}\n" + RULES, "number 101", "in quotes"),
    ("number", with_call("{put: /a, json: {a: [@@1_000]}}"), "`1_000`", "in quotes"),
    ("number", with_call("{get: /a, accept: [@@0x194]}"), "`0x194`", "in quotes"),
    (
        "number",
        RULES + "tests: [{name: t, event: e, outcome: applied, change: {zip: @@01234}}]",
        "number 1234",
        "in quotes",
    ),
    (
        "merge-key",
        "values: {a: &a {b: 1}}\n" + with_call("{put: /a, json: {@@<<: *a}}"),
        "merge key",
        "write the keys out",
    ),
    ("tag", with_call("{put: /a, json: {a: @@!!binary aGk=}}"), "`!!binary`", "remove the tag"),
    # The shape of the file
    ("unknown-key", "@@ruels: []\n", "`ruels`", "did you mean `rules`?"),
    ("unknown-key", with_call("{put: /a, @@jsn: {}}"), "`jsn`", "did you mean `json`?"),
    (
        "unknown-key",
        with_call("{put: /a, @@xyzzy: {}}"),
        "`xyzzy`",
        "allowed here: id, when, each, subject,",
    ),
    (
        "unknown-key",
        RULES + "tests: [{name: a, event: e, outcome: applied, @@if_: b}]",
        "`if_`",
        "",
    ),
    (
        "missing-key",
        "@@name: cards\nsystem: {http: {base_url: a}}\n" + RULES,
        "`summary` is missing",
        "add `summary`",
    ),
    ("missing-key", "rules: [@@{on: A, calls: [{get: /a}]}]", "`name` is missing", "add"),
    (
        "value",
        "rules: [{name: a, on: A, @@calls: {get: /a}}]",
        "`calls` must be a list",
        "begin each item with `- `",
    ),
    ("value", with_call("@@{put: /a, post: /b}"), "needs exactly one of", "write one of them"),
    ("value", with_call("@@{put: /a, json: {}, xml: a}"), "more than one of", "keep one of them"),
    ("value", with_call("{get: @@a}"), "must be a path that starts with /", "write /a"),
    (
        "value",
        with_call("{get: @@'/a#b'}"),
        "`get` must not have control characters or #",
        "write %23 for #",
    ),
    (
        "value",
        with_call("{get: /a, when: \"counters | map('@@uper')\"}"),
        "`when`: no filter has the name `uper`",
        "",
    ),
    (
        "value",
        with_call("{get: /a, when: \"counters | select('@@ood')\"}"),
        "`when`: no test has the name `ood`",
        "",
    ),
    ("value", with_call("{get: /a, when: @@'sim | default(1, 2, 3)'}"), "these arguments", ""),
    ("value", "settings: {a: {env: @@A B}}\n" + RULES, "not allowed", "digits, _ and - only"),
    (
        "value",
        "settings: {a: {env: A, default: @@true}}\n" + RULES,
        "`settings.a.default` must be text or a number",
        "put it in quotes",
    ),
    ("value", "rules: [{name: a, on: @@'SIM/Updated ', calls: [{get: /a}]}]", "one event type", ""),
    ("value", system("rate_limit: @@9999999/s"), "per second", "20/s"),
    ("value", system("concurrency: @@true"), "whole number", "write digits, without quotes"),
    ("value", with_call("{get: /a, when: @@sim.}"), "missing after the dot", "complete"),
    ("value", with_call("{get: /a, when: sim | @@nothing}"), "nothing", "lists the filters"),
    (
        "value",
        with_call("{get: /a, query: {q: @@=f()}}"),
        "nothing can be called",
        "use a filter (`value | lower`)",
    ),
    ("value", with_call("{get: '/a/{{ sim | @@nothing }}'}"), "nothing", "lists the filters"),
    ("value", with_call('{get: /a, when: "@@\'open"}'), "`'` has no meaning", "close the quote"),
    ("value", with_call("{get: /a, accept: [200, @@20]}"), "accept", "write 200 or more"),
    (
        "value",
        with_call("{get: /a, headers: {@@'X Y': a}}"),
        "`headers.X Y` must be the name of a header",
        "write the name of a header",
    ),
    (
        "value",
        with_call("{put: /a, headers: {@@Content-Length: '3'}}"),
        "must not be given: the connector sets it",
        "remove it",
    ),
    ("value", "settings: {@@a: {type: url}}\n" + RULES, "needs either `env` or `secret`", ""),
    (
        "value",
        RULES + "tests: [{name: a, event: e, outcome: @@aplied}]",
        "outcome",
        "did you mean `applied`?",
    ),
    ("value", "name: cards\nsummary: a\nsystem: @@x\n" + RULES, "`system`", "write one of them"),
    # Names
    ("unused-table", "tables: {@@t: {rows: {a: 1}, else: 2}}\n" + RULES, "`t`", "remove it"),
    ("reserved-name", "values: {@@sim: =account}\n" + RULES, "`sim`", "another name"),
    ("reserved-name", with_call("{@@id: sim, put: /a}"), "`sim`", "another name"),
    (
        "reserved-name",
        "resources: {@@policy: {of: [imsi], read: {get: /a}, want: {a: 1}}}\n" + RULES,
        "`policy`",
        "another name",
    ),
    (
        "reserved-name",
        "resources: {card: {of: [@@sim], read: {get: /a}, want: {a: 1}}}\n" + RULES,
        "`sim`",
        "another name",
    ),
    (
        "reserved-name",
        "values: {a: 1}\n" + with_call("{@@id: a, put: /a, query: {b: =a}}"),
        "`a`",
        "another name",
    ),
    ("unknown-name", with_call("{put: /a, when: @@acount}"), "`acount`", "mean `account`?"),
    ("unknown-name", with_call("{put: /a, when: @@xyzzy}"), "`xyzzy`", "known here: account, c"),
    ("unknown-name", with_call("{put: /a, json: {b: [1, =@@item]}}"), "`item`", "known here"),
    ("unknown-name", with_call("{put: /a, when: @@reply.status}"), "`reply`", "known here"),
    ("unknown-name", with_call("{put: /a, when: @@range}"), "`range`", "known here"),
    ("unknown-name", with_call("{id: b, put: /a, when: @@b.status}"), "`b`", "known here"),
    (
        "unknown-name",
        with_call("{put: /a, when: @@c.status}, {id: c, put: /a}").replace("when", "when"),
        "`c`",
        "known here",
    ),
    (
        "unknown-name",
        with_call("{id: c, put: /a}, {put: /a, subject: '{{ @@c.json.id }}'}"),
        "`c`",
        "known here",
    ),
    (
        "unknown-name",
        with_call("{id: c, put: /a}, {put: /a, each: @@c.json.list}"),
        "`c`",
        "known here",
    ),
    (
        "unknown-name",
        "values: {a: =@@later, later: =sim.imsi}\n" + with_call("{put: /a, when: a or later}"),
        "`later`",
        "known here",
    ),
    (
        "unknown-name",
        "name: cards\nsummary: a\nsystem: {http: {base_url: =@@sim.imsi}}\n" + RULES,
        "`sim`",
        "settings",
    ),
    # Fields
    (
        "unknown-field",
        with_call("{put: /a, when: account.@@bill_statuss}").replace("on:", "when: account, on:"),
        "`account` has no field `bill_statuss`",
        "did you mean `bill_status`?",
    ),
    ("unknown-field", with_call("{put: /a, when: sim.@@puk}"), "`puk`", "fields: i_account, "),
    ("unknown-field", with_call("{put: /a, when: event.@@evnt_id}"), "`evnt_id`", "`event_id`?"),
    ("unknown-field", with_call("{put: /a, when: sim.@@__class__}"), "`__class__`", "fields"),
    (
        "unknown-field",
        SETTINGS + with_call("{put: '/{{ settings.token }}', when: settings.@@tokn}"),
        "`settings` has no field `tokn`",
        "did you mean `token`?",
    ),
    (
        "unknown-field",
        with_call("{id: c, put: /a}, {put: /a, when: c.@@stattus}"),
        "`c` has no field `stattus`",
        "did you mean `status`?",
    ),
    (
        "unknown-field",
        HEAD + "  replies: [{if: reply.@@jsn, outcome: failed}]\n" + RULES,
        "`reply` has no field `jsn`",
        "did you mean `json`?",
    ),
    # Fields of lists
    ("unknown-field", with_call("{put: /a, each: 'counters.@@unit'}"), "is a list", "[0].unit"),
    ("unknown-field", with_call("{put: /a, when: 'counters[0].@@unt'}"), "`unt`", "`unit`?"),
    (
        "unknown-field",
        with_call("{put: /a, when: \"counters | map(attribute='@@unt')\"}"),
        "`counters[0]` has no field `unt`",
        "did you mean `unit`?",
    ),
    (
        "unknown-field",
        with_call("{put: '/{{ item.unit }}', text: '{{ item.@@unt }}', each: counters}"),
        "`unt`",
        "`unit`?",
    ),
    (
        "unknown-field",
        "values: {all: =policy.attributes}\n"
        + with_call("{put: /a, when: \"(all or []) | selectattr('@@nam')\"}"),
        "`policy.attributes[0]` has no field `nam`",
        "did you mean `name`?",
    ),
    ("unknown-field", with_call("{put: /a, when: '@@sim[0]'}"), "not a list", "of its fields"),
    ("unknown-field", with_call("{put: /a, each: @@sim.imsi}"), "not a list", "read a list"),
    ("unknown-field", with_call("{put: /a, each: @@policy}"), "not a list", "read a list"),
    ("unknown-field", with_call("{put: /a, when: 'sim.imsi.@@a'}"), "no fields", "remove `.a`"),
    # Values that fail for every event
    ("constant", system("timeout: @@30 sec"), "`system.http.timeout` must be a", "write 30s"),
    ("constant", system("timeout: @@'2 Minutes'"), "duration", "write 2m"),
    ("constant", system("timeout: @@='30 sec'"), "duration", "no event"),
    ("constant", system("timeout: @@[1]"), "duration", "no event"),
    ("constant", system("connect_timeout: @@0"), "above zero", "no event"),
    ("constant", system("connect_timeout: @@99999999s"), "a day at most", "no event"),
    ("constant", system("breaker: {pause: @@1 hour}"), "`system.http.breaker.pause`", "no event"),
    ("constant", system("auth: {bearer: @@ünü}"), "printable ASCII", "no event"),
    ("constant", system("headers: {A: b, X: @@ünü}"), "`system.http.headers.X`", "no event"),
    *(
        ("constant", system("").replace("base_url: 'http://a", f"base_url: @@'{url}"), "URL", "")
        for url in ("a", "ftp://a", "http://", "http://a:99999", "http://u@a", "http://a?b")
    ),
    (
        "constant",
        "name: cards\nsummary: a\nsystem: {ctrl: {host: @@a b}}\n"
        "rules: [{name: a, on: A, calls: [{ctrl_get: b}]}]",
        "`system.ctrl.host`",
        "no event",
    ),
    (
        "constant",
        "name: cards\nsummary: a\nsystem: {ctrl: {host: a, port: @@70000}}\n"
        "rules: [{name: a, on: A, calls: [{ctrl_get: b}]}]",
        "from 1 to 65535",
        "no event",
    ),
    ("constant", setting("default: @@30 sec, type: number"), "must be a number", "remove it"),
    ("constant", setting("default: @@x, type: url"), "must be a URL", "remove it"),
    ("constant", setting("default: @@'(', type: pattern"), "regular expression", "remove it"),
    ("constant", setting("default: @@x, matches: '[0-9]+'"), "must match", "remove it"),
    ("constant", setting("type: url", "timeout: @@=settings.a"), "duration", "no event"),
    ("constant", setting("default: ü", "headers: {X: @@=settings.a}"), "ASCII", "no event"),
    ("constant", with_call("{put: /a, json: {a: [1, @@=1/0]}}"), "divides by zero", "no event"),
    ("constant", with_call("{put: /a, when: @@1 + 'a'}"), "types", "no event"),
    (
        "constant",
        "values: {a: @@=2 ** 9999, b: =a}\n" + with_call("{get: '/{{ b }}'}"),
        "large",
        "",
    ),
    ("constant", with_call("{put: /a, each: @@5}"), "needs a list", "remove `each`"),
    ("constant", with_call("{put: /a, subject: @@''}"), "subject is empty", "name what"),
    ("constant", with_call("{put: /a, subject: @@'=[1]'}"), "list cannot be text", "no event"),
    (
        "constant",
        "rules: [{name: a, on: A, ignore: [{if: sim, because: @@'={}'}], calls: [{get: /a}]}]",
        "cannot be text",
        "no event",
    ),
    ("constant", with_call("{put: @@'/{{ sim.imsi }}/../a'}"), "dotted path", "no event"),
    ("constant", with_call("{put: /a, headers: {X: @@'ü{{ sim.imsi }}'}}"), "ASCII", "no event"),
    ("constant", with_call("{put: /a, text: @@'a {{ none }}'}"), "no value", "no event"),
    # Patterns
    (
        "pattern",
        with_call("{put: /a, when: sim.imsi is matching(@@'a(')}"),
        "unclosed",
        "write a regular expression without loo",
    ),
    ("pattern", with_call("{put: /a, when: sim.imsi is matching(@@'(?!b)')}"), "look-around", ""),
    (
        "pattern",
        with_call("{put: \"@@/{{ ['a'] | select('matching', '[') | first }}\"}"),
        "unclosed character class",
        "write a regular expression without loo",
    ),
    (
        "pattern",
        "values: {a: '[', b: \"='x' ~ a\"}\n"
        + with_call("{put: /a, when: sim.imsi is matching(@@b)}"),
        "`x[` must be a regular expression",
        "write a regular expression without loo",
    ),
    (
        "pattern",
        with_call("{put: /a, when: sim.imsi is matching(@@5)}"),
        "must be text",
        "write a regular expression without loo",
    ),
    (
        "pattern",
        with_call("{put: /a, when: \"sim.imsi is matching(@@'a' + 5)\"}"),
        "cannot be computed",
        "write a regular expression without loo",
    ),
    (
        "pattern",
        "values: {a: =account.id}\n"
        + with_call("{put: /a, when: sim.imsi is matching(@@a ~ 'b')}"),
        "data (`account`) decides the pattern",
        "into the file",
    ),
    (
        "pattern",
        SETTINGS + with_call("{put: /a, when: sim.imsi is matching(@@settings.token)}"),
        "`token`",
        "`type: pattern`",
    ),
    # Entries without effect
    ("unused-value", "values: {@@a: 1}\n" + RULES, "`a`", "remove it"),
    ("unused-setting", "settings: {@@token: {env: A}}\n" + RULES, "`token`", "remove it"),
    (
        "unreachable-rule",
        RULES + "  - @@{name: b, on: sim/updated, calls: [{get: /a}]}\n",
        "`a card changed` takes all its events",
        "put it before",
    ),
    (
        "foreign-call",
        "rules: [{name: a, on: A, calls: [@@{ctrl_get: version}]}]",
        "`ctrl_get`",
        "`ctrl` under `system`",
    ),
    (
        "duplicate-name",
        RULES + "  - @@{name: a card changed, on: A, calls: [{get: /a}]}\n",
        "`a card changed`",
        "another name",
    ),
    (
        "duplicate-name",
        with_call("{id: c, get: /a}, @@{id: c, get: /b}"),
        "`c`",
        "another name",
    ),
    (
        "duplicate-name",
        RULES
        + "tests: [{name: t, event: e, outcome: applied}, @@{name: t, event: e, outcome: failed}]",
        "`t`",
        "another name",
    ),
    # Calls that may do harm
    ("undeclared-idempotence", with_call("@@{post: /a}"), "POST", "`idempotent: true`"),
    ("undeclared-idempotence", with_call("@@{patch: /a}"), "PATCH", "`idempotent: true`"),
    ("repeated-call", with_call("@@{post: /a, idempotent: false}"), "replays", "`replay: never`"),
    ("unguarded-account", with_call("@@{put: /a, json: =account.id}"), "`account`", "`require`"),
    (
        "unguarded-account",
        "values: {a: =account.status, b: =a}\n" + with_call("@@{put: /a, json: {c: =b}}"),
        "`account`",
        "`require`",
    ),
    # Oversights
    (
        "text-as-number",
        with_call("{get: /a, query: {b: =-account.@@product_name}}"),
        "`account.product_name` is text",
        "| float",
    ),
    (
        "text-as-number",
        "values: {a: =account}\n" + with_call("{get: /a, query: {b: =1 - a.@@id * 2}}"),
        "`a.id` is text",
        "| float",
    ),
    ("whole-part", with_call("{get: '/a/{{ @@account }}'}"), "`account`", "one of its fields"),
    (
        "whole-part",
        with_call("{get: /a, query: {b: '{{ account.@@assigned_addons }}'}}"),
        "`account.assigned_addons`",
        "one of its fields",
    ),
    (
        "constant-subject",
        "rules: [{name: a, on: a, subject: @@everyone, calls: [{put: /a}]}]",
        "all events wait",
        "{{ sim.imsi }}",
    ),
    ("constant-subject", with_call("{put: /a, subject: @@me}"), "all events wait", "sim.imsi"),
    ("no-subject", "rules: [{name: a, on: a, calls: [@@{put: /a}]}]", "about whom", "`subject:"),
    ("empty-credential", system("auth: {bearer: @@''}"), "is empty", "`secret:`"),
    ("written-secret", system("auth: {bearer: @@7f3a}"), "into the file", "=settings.key"),
]
WARNINGS = {
    "written-secret",
    "unused-value",
    "unused-setting",
    "unused-table",
    "undeclared-idempotence",
    "repeated-call",
    "no-subject",
}


def with_head(text: str) -> str:
    return text if text.startswith(("name:", "@@name:")) else HEAD + text


@pytest.mark.parametrize(
    ("name", "text", "reason", "mend"),
    CASES[1:],
    ids=[f"{name}-{number}" for number, (name, *_) in enumerate(CASES[1:])],
)
def test_each_lint_has_its_place_reason_and_mend(
    tmp_path: Path, name: str, text: str, reason: str, mend: str
) -> None:
    text = with_head(text)
    found = [one for one in checked(tmp_path, text) if one.name == name]
    assert [one.place for one in found] == [marked(text)]
    assert reason in found[0].reason
    assert found[0].mend and mend in found[0].mend
    assert found[0].level == ("warning" if name in WARNINGS else "error")


def test_an_unreadable_file_gives_one_lint(tmp_path: Path) -> None:
    found, lints = check(tmp_path / "none.yaml")
    assert found is None
    assert [(one.name, one.level) for one in lints] == [("file", "error")]


def test_every_lint_of_the_code_has_a_case_here() -> None:
    wing = ROOT / "connector" / "mapping"
    lints = [
        wing / "lints" / f"{name}.py" for name in ("checks", "fields", "constants", "oversights")
    ]
    files = [wing / "shape.py", wing / "syntax.py", wing / "document.py", *lints]
    sources = [file.read_text(encoding="utf-8") for file in files]
    calls = r"""(?:\blint|\bLint|_warning)\(\s*(?:mapping,\s*)?"([a-z-]+)\""""
    given = {name for source in sources for name in re.findall(calls, source)}
    assert len(given) > 10
    assert given == {name for name, *_ in CASES}


CLEAN = """
settings: {token: {secret: TOKEN}, region: {env: REGION, default: eu}}
values:
  open: =account.bill_status == 'open'
  served: =open and not account.blocked
rules:
  - name: a card changed
    on: [SIM/Updated, SIM/Created]
    when: variables.anything.at.all
    require: [{that: account, because: "account_info is missing of {{ event.event_type }}"}]
    subject: imsi:{{ sim.imsi }}
    calls:
      - {id: found, get: "/{{ settings.region }}/{{ sim.imsi }}", accept: [404]}
      - {when: found.status == 404, post: /cards, idempotent: true, json: {served: =served}}
      - each: account.assigned_addons
        put: /cards/{{ found.json.id }}/{{ item.i_product }}
        headers: {X-Token: "{{ settings.token }}"}
  - name: all other changes
    on: SIM/Updated
    subject: iccid:{{ prev_sim.iccid }}
    calls: [{delete: "/cards/{{ prev_sim.iccid }}"}]
"""


def test_a_correct_file_has_no_lints(tmp_path: Path) -> None:
    assert [str(one) for one in checked(tmp_path, HEAD + CLEAN)] == []


def test_keys_of_a_body_are_not_those_of_a_call(tmp_path: Path) -> None:
    call = "{put: /a, json: {each: 5, subject: '', because: ['=[1]'], when: =sim.imsi}}"
    assert checked(tmp_path, HEAD + with_call(call)) == []


@pytest.mark.parametrize(
    "rule",
    [
        "ignore: [{if: not account, because: a}]",
        "require: [{that: account, because: a}]",
        "when: account.i_account",
        "require: [{that: known, because: a}]",
    ],
)
def test_a_condition_of_a_rule_on_the_account_guards_it(tmp_path: Path, rule: str) -> None:
    call = f"{{name: a, on: A, {rule}, subject: =sim.imsi, "
    call += "calls: [{put: /a, json: =account.id}]}"
    values = "values: {known: =account.bill_status}\n" if "known" in rule else ""
    assert checked(tmp_path, HEAD + values + f"rules: [{call}]") == []


def test_a_condition_of_a_call_on_the_account_guards_it(tmp_path: Path) -> None:
    call = with_call("{when: account, put: /a, json: =account.id}")
    assert checked(tmp_path, HEAD + call) == []


@pytest.mark.parametrize("values", ["{a: =a}", "{a: =b, b: =a}"])
def test_a_value_that_reads_itself_is_found(tmp_path: Path, values: str) -> None:
    text = f"{HEAD}values: {values}\n" + with_call("{put: /a, json: {c: =a}}")
    assert {one.name for one in checked(tmp_path, text)} == {"unknown-name"}


@pytest.mark.parametrize(
    "pattern", ["'[0-9]+'", "a", "'(?:' ~ settings.range ~ ').*' if settings.range else a"]
)
def test_a_pattern_of_the_file_or_of_a_setting_has_no_lints(tmp_path: Path, pattern: str) -> None:
    settings = (
        "settings: {range: {env: RANGE, type: pattern, optional: true}}\nvalues: {a: '[a-z]'}\n"
    )
    path = "'/{{ settings.range }}/{{ a }}'"
    call = f'{{put: {path}, when: "sim.imsi is matching({pattern})"}}'
    assert checked(tmp_path, HEAD + settings + with_call(call)) == []


def test_a_rule_after_a_rule_with_a_condition_is_reachable(tmp_path: Path) -> None:
    text = HEAD + RULES.replace("    calls", "    when: sim\n    subject: =sim.imsi\n    calls")
    assert checked(tmp_path, text + "  - {name: b, on: SIM/Updated, calls: [{get: /a}]}\n") == []


def test_several_earlier_rules_together_make_a_rule_unreachable(tmp_path: Path) -> None:
    types = ("A", "B", "[a, b]")
    rules = [f"{{name: r{n}, on: {on}, calls: [{{get: /a}}]}}" for n, on in enumerate(types)]
    (found,) = checked(tmp_path, HEAD + f"rules: [{', '.join(rules)}]")
    assert found.name == "unreachable-rule"


def test_all_lints_come_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = HEAD + "values: {a: =b, c: =d}\n" + with_call("{post: '/{{ e }}', when: sim.f}")
    found = checked(tmp_path, text)
    assert {one.name for one in found} == {
        "unknown-name",
        "unknown-field",
        "unused-value",
        "undeclared-idempotence",
    }
    assert found == sorted(found, key=lambda one: (one.place.line, one.place.column))


def test_warnings_do_not_stop_a_mapping_but_errors_do(tmp_path: Path) -> None:
    assert mapping(tmp_path, with_call("{post: /a}")).name == "cards"
    with pytest.raises(BadMapping) as caught:
        mapping(tmp_path, with_call("{post: /a, when: acount}"))
    assert [one.name for one in caught.value.lints] == ["unknown-name"]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "null", "[]", "5", "a: b", "rules: [null]", "rules: {}", "system:"]
)
def test_a_file_without_a_mapping_gets_a_lint(tmp_path: Path, text: str) -> None:
    assert checked(tmp_path, text)


JUNK: list[Any] = [None, 5, "x", "=", "={{", "{{", [], [[]], {}, {"x": None}, True, [None], -1]
KEYS = ["name", "summary", "settings", "system", "values", "rules", "tests"]


@pytest.mark.parametrize("junk", JUNK, ids=str)
@pytest.mark.parametrize("key", KEYS)
def test_any_value_under_any_key_gives_a_mapping_or_a_lint(
    tmp_path: Path, key: str, junk: Any
) -> None:
    document: dict[str, Any] = {"name": "a", "summary": "a"}
    document["system"] = {"http": {"base_url": "http://a"}}
    document["rules"] = [{"name": "a", "on": "A", "calls": [{"get": "/a"}]}]
    found, lints = check(write(tmp_path, json.dumps({**document, key: junk})))
    assert found or lints


def test_a_wrong_call_gives_one_lint_at_the_call(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, HEAD + with_call("{get: a}"))
    assert "starts with /" in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rules: []",
        "rules: {}",
        "rules: [{name: a, on: A, calls: 5}]",
        "settings: []",
        "system: x",
        "summary: 5",
        with_call("{get: /a, query: [1]}"),
        "tests: [5]",
    ],
)
def test_lints_use_no_words_of_python(tmp_path: Path, text: str) -> None:
    found = checked(tmp_path, text)
    assert found
    words = "tuple|dictionary|instance|str|string|validation|None"
    assert not [one.reason for one in found if re.search(rf"\b({words})\b", one.reason, re.I)]


@pytest.mark.parametrize("name", ["session", "tables", "call", "found", "want", "changed"])
def test_names_that_older_files_use_keep_their_meaning(tmp_path: Path, name: str) -> None:
    """They are reserved only in a file with a login, tables or resources."""
    rest = f"""
        values: {{{name}: =sim.imsi}}
        rules:
          - name: a card changed
            on: SIM/Updated
            require: [{{that: sim, because: no SIM}}]
            subject: imsi:{{{{ sim.imsi }}}}
            calls: [{{put: /cards, json: {{imsi: ={name}}}}}]
        """
    assert checked(tmp_path, HEAD + dedent(rest)) == []
    (step,) = Planner(tmp_path)(rest, name="sim-updated").steps
    assert isinstance(step, PlannedCall)
    assert http(step.ready).body == b'{"imsi":"001010000000001"}'
