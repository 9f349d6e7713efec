"""Mistakes of people who know no Python: each is found, at its line, with words that help."""

from pathlib import Path

import pytest

from connector.mapping.document import Lint
from connector.mapping.load import check
from connector.portabilling import AccountInfo
from tests.support.mapping_files import HEAD, RULES, write


def lints(folder: Path, text: str) -> list[Lint]:
    found = check(write(folder, text))[1]
    other = ("unguarded-account", "unguarded-sim", "unused-value", "no-subject")
    return [lint for lint in found if lint.name not in other]


def with_value(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"{HEAD}values:\n  v: '{quoted}'\n{RULES}"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("account.blocked == 'Y'", "true or false"),
        ("account.blocked != 'N'", "true or false"),
        ("'true' == account.blocked", "true or false"),
        ("account.blocked in ['Y', 'y']", "true or false"),
        ("not (account.i_account and account.blocked == 1)", "true or false"),
        ("account.bill_status == 'Open'", "open, suspended"),
        ("account.bill_status in ['open', 'active']", "open, suspended"),
        ("account.bill_status not in ['O']", "open, suspended"),
        ("account.i_account == '277147'", "a number"),
        ("sim.i_sim_card == true", "a number"),
        ("account.status == 'Active'", "lower case"),
        ("sim.status == 'used '", "lower case"),
        ("sim.imsi == 1010000000001", "put the value in quotes"),
        ("account.zip == 60200", "put the value in quotes"),
    ],
)
def test_a_comparison_that_never_holds_is_refused(
    tmp_path: Path, expression: str, said: str
) -> None:
    (found,) = lints(tmp_path, with_value(f"={expression}"))
    assert (found.name, found.place.line) == ("comparison", 6)
    assert said in found.mend


@pytest.mark.parametrize(
    "expression",
    [
        "account.blocked == true",
        "account.blocked == none",
        "account.blocked in [true, none]",
        "account.bill_status == 'open'",
        "account.bill_status in ['open', 'suspended']",
        "account.bill_status == sim.status",
        "account.i_account == 277147",
        "account.status == 'zero_balance'",
        "'00101' in sim.imsi",
        "account['custom'] == 5",
        "variables.i_account == '277147'",
        "(account.i_account | string) == '277147'",
        "account.assigned_addons == []",
    ],
)
def test_a_comparison_that_can_hold_is_accepted(tmp_path: Path, expression: str) -> None:
    assert lints(tmp_path, with_value(f"={expression}")) == []


TEXT_AND_NUMBER = "it compares a number with text"
TEXT_AND_TIME = "it compares a time with text"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("account.i_account < '5'", TEXT_AND_NUMBER),
        ("account.zip > 5", TEXT_AND_NUMBER),
        ("account.zip | length == '5'", TEXT_AND_NUMBER),
        ("(account.zip | int(none)) in ['5']", TEXT_AND_NUMBER),
        ("account.i_account in [account.zip]", TEXT_AND_NUMBER),
        ("1 < account.i_account < '9'", TEXT_AND_NUMBER),
        ("account.i_account is ge('5')", TEXT_AND_NUMBER),
        ("account.i_account is in(['5'])", TEXT_AND_NUMBER),
        ("(account.i_account or none) == account.zip | lower", TEXT_AND_NUMBER),
        ("(1 if account else 2) == 'a' ~ 'b'", TEXT_AND_NUMBER),
        ("account.assigned_addons[0].addon_priority == account.zip", TEXT_AND_NUMBER),
        ("counters[0].allocated_amount * 2 == '5'", TEXT_AND_NUMBER),
        ("settings.limit == settings.name", TEXT_AND_NUMBER),
        ("number == account.zip", TEXT_AND_NUMBER),
        ("account.assigned_addons[0].addon_effective_to > event.updated_at", TEXT_AND_TIME),
        ("event.updated_at == '2026-03-02T10:15:32Z'", TEXT_AND_TIME),
        ("until > '2026-03-02'", TEXT_AND_TIME),
        ("event.snapshot_at | plus(days=1) < account.zip", TEXT_AND_TIME),
        ("event.snapshot_at > 1772446530", "it compares a number with a time"),
        ("event.updated_at - event.created_at", "it computes with a time"),
        ("until + 86400", "it computes with a time"),
    ],
)
def test_a_comparison_of_two_kinds_is_refused(tmp_path: Path, expression: str, said: str) -> None:
    text = with_value(f"={expression}").replace("values:\n", KINDS)
    (found,) = lints(tmp_path, text)
    assert (found.name, found.reason) == ("comparison", said)


KINDS = """\
settings: {limit: {env: A, type: number}, name: {env: B}}
values:
  until: =account.assigned_addons[0].addon_effective_to | time('Europe/Prague')
  number: =account.i_account or 5
  used: =settings.limit ~ settings.name
"""


@pytest.mark.parametrize(
    "expression",
    [
        "account.i_account > 5",
        "account.zip == 'a' ~ account.i_account",
        "account.i_account | string == account.zip",
        "account.zip | int > account.i_account",
        "variables.a == 5",
        "variables.a == '5'",
        "counters[0].remaining == 'N/A'",
        "counters[0].remaining | float(0) > 5",
        "until > event.snapshot_at",
        "until | seconds_since(event.snapshot_at) > 3600",
        "until | format_time('%Y') == account.zip",
        "account.i_account == none",
        "(account.zip | int('x')) == 'x'",
        "account.zip in ['5', none]",
        "account['zip'] == 5",
        "account.blocked == true",
        "number == settings.limit",
    ],
)
def test_a_comparison_of_one_kind_or_of_an_unknown_one_is_accepted(
    tmp_path: Path, expression: str
) -> None:
    text = with_value(f"={expression}").replace("values:\n", KINDS)
    assert lints(tmp_path, text) == []


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("when: item.addon_priority > '5'", ["comparison"]),
        ("when: item.addon_effective_to > event.snapshot_at", ["comparison"]),
        ("when: item.addon_effective_to | time > event.snapshot_at", []),
    ],
)
def test_the_kinds_of_an_items_fields_are_known(tmp_path: Path, key: str, found: list[str]) -> None:
    body = f"{{each: account.assigned_addons, {key}, give: =item.name}}"
    in_body = HEAD + RULES.replace("json: {}", f"json: {body}")
    assert [lint.name for lint in lints(tmp_path, in_body)] == found
    of_call = HEAD + RULES.replace("json: {}", f"each: account.assigned_addons, {key}")
    assert [lint.name for lint in lints(tmp_path, of_call)] == found


def test_the_statuses_of_a_lint_are_those_that_the_event_can_have() -> None:
    for code in ("open", "S", "inactive", "closed"):
        status = AccountInfo.model_validate({"bill_status": code}).bill_status
        assert status is not None


@pytest.mark.parametrize(
    "text",
    [
        "account.bill_status",
        "not account.blocked",
        "account.bill_status == 'open' and not account.blocked",
        "sim.imsi | upper",
        "(event.event_id)",
    ],
)
def test_an_expression_without_an_equals_sign_is_refused(tmp_path: Path, text: str) -> None:
    found = lints(tmp_path, with_value(text))
    assert "missing-equals" in [lint.name for lint in found]
    in_json = lints(tmp_path, HEAD + RULES.replace("json: {}", f'json: {{a: ["{text}"]}}'))
    assert [(lint.name, lint.place.line) for lint in in_json] == [("missing-equals", 8)]


@pytest.mark.parametrize(
    "text", ["account", "account.pdf", "sim.imsi is missing", "my account.id", ""]
)
def test_prose_stays_text(tmp_path: Path, text: str) -> None:
    assert lints(tmp_path, with_value(text)) == []


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("account.zip = '1'", "`==`"),
        ("account.zip === '1'", "`==`"),
        ("account.zip <> '1'", "`!=`"),
        ("account.zip == “1”", "straight quotes"),
        ("account.zip == \u20181\u2019", "straight quotes"),
        ("account.zip && account.id", "`and`"),
        ("account.zip || account.id", "`or`"),
        ("!account.zip", "`not`"),
        ("account.zip ? 1 : 2", "`a if condition else b`"),
        ("if account.zip then 1 else 2", "`a if condition else b`"),
        ("account.zip is 5", "`==`"),
        ("{{ account.zip }}", "without {{ }}"),
        ("account.zip == 'open", "close the quote"),
        ("account.zip == null", "`none`"),
        ("[x for x in counters]", "`map`"),
        ("", "the expression is empty"),
        ("account.i_account / 0", "divides by zero"),
        ("account.i_account % 0", "divides by zero"),
        ("account.zip[::0]", "cannot be zero"),
        ("account.zip | int(base=99)", "these arguments"),
    ],
)
def test_the_spelling_of_another_language_gets_advice(
    tmp_path: Path, source: str, advice: str
) -> None:
    (found, *_) = lints(tmp_path, with_value(f"={source}"))
    assert advice in f"{found.reason} {found.mend}"
    assert found.place.line == 6


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("{a: 1,\n      b: '=x +'}", 11, "json.b"),
        ("\n        list:\n          - 1\n          - 'x {{ 1 + }}'", 13, "an item of `json.list`"),
        ("{a: 'x {% if y %}'}", 10, "only {{ }}"),
        ("{'=account.id': 1}", 10, "a key is always text"),
        ("{'{{ account.id }}': 1}", 10, "a key is always text"),
    ],
)
def test_a_mistake_inside_a_body_is_shown_at_its_line(
    tmp_path: Path, body: str, line: int, said: str
) -> None:
    rules = RULES.replace("[{put: /cards, json: {}}]", f"\n    - put: /cards\n      json: {body}")
    (found,) = lints(tmp_path, HEAD + rules)
    assert said in found.reason
    assert found.place.line == line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    on:", "\ton:", "indent with spaces"),
        ("on: SIM", "on:\u00a0SIM", "no-break space"),
        ("    on:", "   \u00a0on:", "no-break space"),
        ("a card changed", "a card: changed", 'put it in quotes: "a card: changed"'),
        ("a card changed", "it's 'a' card: x", "put it in quotes: \"it's 'a' card: x\""),
        ("a card changed", "'it's'", 'put it in quotes: "it\'s"'),
        ("a card changed", "@card", 'put it in quotes: "@card"'),
        ("a card changed", "*card", "put text that begins with * in quotes"),
        ("a card changed", '"a card', "close it"),
        ("a card changed", "a\x00card", "remove it"),
        ("a card changed", "{{ sim.imsi }}", 'put it in quotes: "{{ sim.imsi }}"'),
        ("SIM/Updated", "SIM/Updated, SIM/Created", "write several as a list"),
        ("SIM/Updated", '"SIM/*"', "one event type"),
        ("SIM/Updated", "SIM\\Updated", "one event type"),
        ("put:", "PUT:", "did you mean `put`?"),
        ("/cards,", "/cards, id: My Call,", "lower-case letters"),
        ("/cards,", "/cards, accept: [4],", "must be 200 or more"),
        ("calls", "replay: always\n    calls", "must be 'apply' or 'never'"),
        ('test"}', 'test", rate_limit: 20}', "write it as 20/s"),
        ('test"}', 'test", rate_limit: 20 / sec}', "write it as 20/s"),
        ('test"}', 'test", concurrency: 0}', "must be 1 or more"),
        (
            'test"}',
            'test"}\n  replies: [{if: "true", outcome: error}]',
            "must be 'applied', 'rejected'",
        ),
    ],
)
def test_a_mistake_of_form_gets_words_that_help(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = HEAD + RULES
    assert old in text
    (found, *_) = lints(tmp_path, text.replace(old, new, 1))
    assert said in f"{found.reason}; {found.mend}"
    assert "<" not in found.reason


@pytest.mark.parametrize("charset", ["latin-1", "utf-16"])
def test_a_file_in_another_charset_says_how_to_save_it(tmp_path: Path, charset: str) -> None:
    file = tmp_path / "cards.yaml"
    file.write_bytes((HEAD + RULES).replace("directory", "répertoire").encode(charset))
    (found,) = check(file)[1]
    assert "save it as UTF-8" in found.mend
    assert found.place.line == (2 if charset == "latin-1" else 1)
