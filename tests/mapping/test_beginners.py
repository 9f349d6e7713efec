"""What somebody who writes a first mapping file gets wrong: found, at its place, with its mend.

Each mistake changes the first file of the tutorial. The marks « and » stand around what the lint
must mark; they are taken out before reading.
"""

import re
from pathlib import Path

import pytest

from connector.mapping.document import Lint, Place
from connector.mapping.load import check_text
from tests.support import ROOT

TUTORIAL: str = re.findall(
    r"(?s)```yaml\n(.*?)```", (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
)[0]
BODY = "json:\n          status: =account.bill_status\n          product: =account.product_name"
STATUS = "status: =account.bill_status"
PRODUCT = "=account.product_name"
THAT = "that: account.i_account"
PATCH = "patch: /customers/{{ account.i_account }}"
AUTH = "auth: {api_key: {header: X-Api-Key, value: =settings.api_key}}"
BECAUSE = 'because: "account_info is missing: add it to the required data of the NSPS handler"'
MORE = "idempotent: true"
REPLIES = "\nrules:"

# What is replaced, by what, the lint, and a part of its mend.
MISTAKES: list[tuple[str, str, str, str]] = [
    # Values that nothing computes
    (STATUS, "status: «account.bill_status»", "missing-equals", "write `=account.bill_status`"),
    (AUTH, "auth: {bearer: «settings.api_key»}", "missing-equals", "write `=settings.api_key`"),
    (AUTH, "auth: {bearer: «7f3a-9c»}", "written-secret", "write `=settings.key`"),
    (AUTH, "auth: {basic: {username: a, password: «7f3a»}}", "written-secret", "=settings.key"),
    (AUTH, "headers: {X-Api-Key: «7f3a»}", "written-secret", "write `=settings.key`"),
    (PRODUCT, '«" =account.product_name"»', "missing-equals", "remove the blank"),
    (STATUS, "status: «${account.bill_status}»", "placeholder", "write `=account.bill_status`"),
    ("=settings.api_url", "«${CRM_API_URL}»", "placeholder", "write `=settings.api_url`"),
    ("=settings.api_key}", "«$CRM_API_KEY»}", "placeholder", "write `=settings.api_key`"),
    (PATCH, "patch: /customers/«{account.i_account}»", "placeholder", "{{ account.i_account }}"),
    (PATCH, "patch: /customers/«:i_account»", "placeholder", "{{ event.i_account }}"),
    (PATCH, "patch: /customers/«<id>»", "placeholder", "{{ account.id }}"),
    (STATUS, "status: '«%(product_name)s»'", "placeholder", "=account.product_name"),
    (PRODUCT, "«None»", "word", 'or put it in quotes if you mean the text: "None"'),
    (PRODUCT, "«yes»", "word", "write true"),
    # Quotes that YAML needs
    (STATUS, "status: «{{ account.bill_status }}»", "unquoted", '"{{ account.bill_status }}"'),
    (STATUS, "status: «={'a': account.id}»", "unquoted", "\"={'a': account.id}\""),
    (STATUS, "status: «=account.id ~ ' #1'»", "unquoted", "\"=account.id ~ ' #1'\""),
    (
        STATUS,
        "status: «[account.msisdn] if account else []»",
        "unquoted",
        '"=[account.msisdn] if account else []"',
    ),
    (BODY, "json: {a: «=[account.id] if account else []», b: 1}", "unquoted", '"=[account.id]'),
    (BODY, "json: {a: «{{ account.id }}», b: 1}", "unquoted", '"{{ account.id }}"'),
    (BODY, "json: {a: «id:{{ account.id }}», b: 1}", "unquoted", '"id:{{ account.id }}"'),
    (BODY, "json: {a: «=account.id | default('x', true)», b: 1}", "unquoted", "'x', true)\""),
    (BODY, "json: {a: «={'a': account.id}»}", "unquoted", "\"={'a': account.id}\""),
    (BECAUSE, "because: «account_info is missing: add it»", "unquoted", '"account_info is missing'),
    (BECAUSE, "because: «Note: it is missing»  # why", "unquoted", '"Note: it is missing"'),
    (
        THAT,
        "that: «'open' == account.bill_status»",
        "unquoted",
        "\"'open' == account.bill_status\"",
    ),
    (
        THAT,
        'that: «"open" == account.bill_status»',
        "unquoted",
        "'\"open\" == account.bill_status'",
    ),
    (THAT, "that: «{{ account.i_account }}»", "unquoted", "write: account.i_account"),
    ("name: a customer changed", "name: «%customer»", "unquoted", '"%customer"'),
    # Indentation and other syntax
    ("    subject:", "«\t»subject:", "yaml", "indent with spaces"),
    ("        because", "       «b»ecause", "yaml", "in the column of the key"),
    ("      - patch:", "        patch:", "value", "begin each item with `- `"),
    ("rules:\n  - name", "«rules»:\n    name", "value", "begin each item with `- `"),
    (STATUS, "«<<»: {a: 1}", "merge-key", "write the keys out"),
    (STATUS, "plmn: «00101»", "number", "put it in quotes"),
    (STATUS, "version: «1.10»", "number", "put it in quotes"),
    (MORE, MORE + "\n        headers: {X-Version: «1.10»}", "number", "put it in quotes"),
    (STATUS, STATUS + "\n          «status»: 1", "duplicate-key", "keep one"),
    (PRODUCT, "{a: 1, «a:1»}", "yaml", "write a blank after the colon: a: 1"),
    # Keys
    ("base_url", "«url»", "unknown-key", "did you mean `base_url`?"),
    ("patch:", "«PATCH»:", "unknown-key", "did you mean `patch`?"),
    (MORE, "«retry»: 3", "unknown-key", "repeated by itself"),
    (MORE, "«retry»: 3", "unknown-key", "allowed here: id, when, each"),
    (AUTH, "«retries»: 3\n    " + AUTH, "unknown-key", "repeated by itself"),
    (PATCH, "«method»: PATCH", "unknown-key", "write the method as the key: `put: /path`"),
    (PATCH, "«path»: /customers", "unknown-key", "write the method as the key"),
    ("json:\n", "«body»:\n", "unknown-key", "write `json`, `form`, `text` or `xml`"),
    (AUTH, "auth: {basic: {«user»: a, password: b}}", "unknown-key", "did you mean `username`?"),
    ("summary:", "«timeout»: 3s\nsummary:", "unknown-key", "belongs under `system.http`"),
    (AUTH, "«replies»: []\n    " + AUTH, "unknown-key", "belongs under `system`"),
    ("    subject:", "    «query»: {a: 1}\n    subject:", "unknown-key", "name, on, when, ignore"),
    ("system:\n  http:\n", "«http»:\n", "unknown-key", "it belongs under `system`"),
    # Values that are not allowed
    ("name: acme-crm", "name: «Acme CRM»", "value", "write acme-crm"),
    (AUTH, "timeout: «30 sec»\n    " + AUTH, "constant", "write 30s"),
    (AUTH, "rate_limit: «50 per second»\n    " + AUTH, "value", "write it as 50/s"),
    ("type: url", "type: «URL»", "value", "did you mean `url`?"),
    ("{secret: CRM_API_KEY}", "«CRM_API_KEY»", "value", "keys: env, secret, default"),
    ("type: url", "type: url, default: «crm.example.com»", "constant", "let each deployment"),
    (AUTH, "auth: «=settings.api_key»", "value", "keys: basic, bearer, api_key"),
    (PATCH, "patch: «customers/1»", "value", "write /customers/1"),
    (PATCH, "patch: «https://crm.test/1»", "value", "the rest of the URL belongs to `base_url`"),
    (MORE, "accept: «404»", "value", "write [404]"),
    (MORE, 'accept: [«"404"»]', "value", "write 404 without quotes"),
    (
        REPLIES,
        "\n  replies: [{if: reply.status == 409, outcome: «aplied»}]\nrules:",
        "value",
        "did you mean `applied`?",
    ),
    (
        REPLIES,
        "\n  replies: [{if: reply.«body», outcome: failed}]\nrules:",
        "unknown-field",
        "json",
    ),
    # Expressions
    (PRODUCT, "=account.«produkt_name»", "unknown-field", "did you mean `product_name`?"),
    (PRODUCT, "=account.«imsi»", "unknown-field", "fields: bill_status"),
    (PRODUCT, "=account.assigned_addons.«name»", "unknown-field", "take an item of it first"),
    (
        PRODUCT,
        "{each: account.assigned_addons, give: =item.«nam»}",
        "unknown-field",
        "did you mean `name`?",
    ),
    (PRODUCT, "=«CRM_KEY»", "unknown-name", "known here"),
    (PRODUCT, "=«null»", "unknown-name", "write `none`"),
    (THAT, "that: account.bill_status == «open»", "unknown-name", "known here"),
    (THAT, "that: account.i_account «&»& sim", "value", "write `and`"),
    (THAT, "that: «account.bill_status = 'open'»", "value", "write `==` to compare"),
    (THAT, "that: account.bill_status == «“»open”", "value", "use straight quotes"),
    (PRODUCT, "«=upper(account.product_name)»", "value", "use a filter"),
    (PRODUCT, "=account.product_name | «uppercase»", "value", "did you mean `upper`?"),
    (PRODUCT, "=«'id-' + account.i_account»", "text-as-number", "write `~`"),
    (STATUS, "status: =«'on' if account.bill_status == 'open'»", "missing-else", "else"),
    (THAT, "that: account.i_account is «defined»", "always", "write `is not none`"),
    (THAT, "that: account.status == 'active' or '«frozen»'", "always", "compare it, too"),
    (THAT, "that: account.blocked == '«Y»'", "comparison", "true or false"),
    (THAT, "that: account.id is matching(«'[0-9+'»)", "pattern", "without look-around"),
    ("{secret: CRM_API_KEY}", "{secret: K, matches: «'[a'»}", "value", "a regular expression"),
    (PRODUCT, "«=settings.get(account.product_name)»", "value", "use a filter"),
    (
        REPLIES,
        "\n  replies: [{if: «reply.status == '409'», outcome: applied}]" + REPLIES,
        "comparison",
        "write 409 without quotes",
    ),
    (
        REPLIES,
        "\n  replies: [{if: \"«reply.status in ['409']»\", outcome: applied}]" + REPLIES,
        "comparison",
        "write 409 without quotes",
    ),
    # Events and calls
    ("on: SIM/Updated", "on: «SIM/Update»", "event-type", "did you mean `SIM/Updated`?"),
    ("on: SIM/Updated", "on: [SIM/Created, «SIM.Updated»]", "event-type", "`SIM/Updated`?"),
    ("on: SIM/Updated", "on: «SIM/Updated, SIM/Created»", "value", "[SIM/Updated, SIM/Created]"),
    (PRODUCT, "=sim.imsi", "unguarded-sim", "{that: sim, because: sim_info is null}"),
    (MORE, MORE + "\n        query: {filter: «{a: 1}»}", "constant", "write another value"),
    (MORE, MORE + "\n        query: {all: =«account.assigned_addons»}", "whole-part", "to_json"),
    (BODY, "form: {status: «{a: =account.bill_status}»}", "constant", "write another value"),
    (BODY, "form: {status: =«account»}", "whole-part", "one of its fields"),
    (
        "subject: account:{{ account.i_account }}",
        "subject: «account:account.i_account»",
        "constant-subject",
        "{{ sim.imsi }}",
    ),
]
WARNINGS = {"written-secret", "always", "event-type", "missing-else", "word"}


def mistaken(old: str, new: str) -> str:
    assert old in TUTORIAL
    return TUTORIAL.replace(old, new, 1)


def lints(text: str) -> list[Lint]:
    return check_text(text.replace("«", "").replace("»", ""), Path("crm.yaml"))[1]


def place(text: str, mark: str) -> Place:
    before = text[: text.index(mark)].replace("«", "")
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


@pytest.mark.parametrize(
    ("old", "new", "name", "mend"), MISTAKES, ids=[f"{one[2]}-{one[1][:40]!r}" for one in MISTAKES]
)
def test_a_mistake_of_a_beginner_is_found_at_its_place_with_its_mend(
    old: str, new: str, name: str, mend: str
) -> None:
    text = mistaken(old, new)
    found = next(lint for lint in lints(text) if lint.name == name)
    assert mend in found.mend
    assert found.level == ("warning" if name in WARNINGS else "error")
    if "«" in text:
        assert (found.place, found.end) == (place(text, "«"), place(text, "»"))


def test_the_file_without_a_mistake_has_no_lint() -> None:
    assert lints(TUTORIAL) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (PRODUCT, "=[account.bill_status", "`]` is missing at the end"),
        (PRODUCT, "\"={'a': account.bill_status\"", "`}` is missing at the end"),
        (PRODUCT, "=tables.plans(account.product_name)", "`tables.plans[key]`"),
        (PRODUCT, "=tables.plans.get(account.product_name, 1)", "`tables.plans[key]`"),
        ("name: a customer changed", "name: 'a customer changed", "begins in line"),
    ],
)
def test_a_message_names_what_is_missing(old: str, new: str, said: str) -> None:
    assert said in str(lints(mistaken(old, new))[0])


def test_a_mistake_in_an_entry_that_aliases_repeat_is_told_once() -> None:
    text = mistaken(BODY, "json: &body {plmn: 00101}\n        query: {body: *body}")
    assert [lint.name for lint in lints(text)] == ["number"]


def test_no_lint_speaks_as_the_machine_does() -> None:
    said = [str(lint) for old, new, *_ in MISTAKES for lint in lints(mistaken(old, new))]
    words = ("correct it", "rules.0", "expected token", "Expected an", "end of template")
    assert [text for text in said if any(one in text for one in words)] == []


@pytest.mark.parametrize(
    "text",
    [
        *("='${X}'", "a {b} c", "/v1/values:append", "$5", "{b}", "yes it is", '"no"', "'on'"),
        *("100%", "#5", "price: $5 {x}", "account {id}"),
    ],
)
def test_other_text_is_no_placeholder(text: str) -> None:
    quoted = text if text[0] in "='\"" else f'"{text}"'
    assert lints(mistaken(PRODUCT, quoted)) == []


@pytest.mark.parametrize(
    "kind",
    ["sim/updated", "Account/Id/Changed", "Account/Terminated", "Custom/Thing", "SIM/Swapped"],
)
def test_an_event_type_that_may_exist_gets_no_lint(kind: str) -> None:
    assert lints(mistaken("on: SIM/Updated", f"on: {kind}")) == []


@pytest.mark.parametrize(
    "value",
    [
        "='a' if account.bill_status == 'open' else none",
        "=('a' if account.bill_status == 'open') or 'b'",
        "=account.status is not none",
    ],
)
def test_a_choice_with_both_sides_gets_no_lint(value: str) -> None:
    assert lints(mistaken(PRODUCT, value)) == []


def test_a_query_leaves_a_missing_value_out_so_it_needs_no_else() -> None:
    query = MORE + "\n        query: {a: =account.id if account.blocked == true}"
    assert lints(mistaken(MORE, query)) == []
