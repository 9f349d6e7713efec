"""Whatever stops the start of the function is found by the check before, in the same words.

Values of the shipped mappings are replaced by mistakes that people make. What the environment of a
deployment lacks is no part of it: each file starts with one of a few environments, or with none.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from connector.mapping.document import BadMapping, Loc, read
from connector.mapping.lints.known import SAMPLES
from connector.mapping.load import check, load
from connector.mapping.schema import MappingFile
from connector.settings import BadSettings
from connector.startup import start
from connector_tools.mapping_tests.values import test_settings as settings_of
from tests.mapping.test_mutants import mutants
from tests.support import ROOT
from tests.support.mapping_files import HEAD, write

pytestmark = pytest.mark.deployment  # once is enough: every Python version gives the same result

NAMES = ("hss-ldap", "freeradius-sql", "notify-smtp", "huawei-mml", "crm-salesforce", "wtl-hlr-hss")
BUDGET = settings.default.max_examples if settings.default else 100
STRIDE = max(1, 13_100 // BUDGET)
API_TOKEN = "t" * 40


def environments(mapping: MappingFile, file: Path) -> Iterator[dict[str, str]]:
    """Yield environments that give each setting a value of its type."""
    made_up = settings_of(mapping, {})
    for index in range(max(map(len, SAMPLES.values()))):
        found = {"API_TOKEN": API_TOKEN, "MAPPING_FILE": str(file)}
        for name, setting in mapping.settings.items():
            samples = SAMPLES[setting.type]
            if setting.default is None and not setting.optional:
                sample = samples[min(index, len(samples) - 1)] if samples else made_up[name]
                found[setting.variable] = f"{sample:g}" if isinstance(sample, float) else sample
        yield found


def refusal(mapping: MappingFile, file: Path) -> list[str]:
    """Why the function does not start with any of the environments; empty if it does."""
    problems: list[str] = []
    for environ in environments(mapping, file):
        try:
            start(environ)
        except BadSettings as bad:
            problems = list(bad.problems)
        else:
            return []
    return problems


def changed(data: dict[str, Any]) -> Iterator[tuple[Loc, str, str]]:
    """Yield mutants; a setting of a certain form would need an environment of its own."""
    formed = {name for name, one in data["settings"].items() if "matches" in one}
    for loc, mistake, text in mutants(data):
        if loc[0] in ("name", "settings", "system", "values", "rules") and not formed & {*loc}:
            yield loc, mistake, text


@pytest.mark.parametrize("name", NAMES)
def test_what_the_check_lets_pass_starts_and_what_does_not_load_is_found_in_the_same_words(
    name: str, tmp_path: Path
) -> None:
    data = read(ROOT / "mappings" / f"{name}.yaml").data
    for key in ("tests", "stories"):
        data.pop(key, None)
    file = tmp_path / "mapping.yaml"
    passed = refused = 0
    for loc, mistake, text in islice(changed(data), 0, None, STRIDE):
        file.write_text(text, encoding="utf-8")
        mapping, lints = check(file)
        said = {str(lint) for lint in lints if lint.level == "error"}
        if mapping and not said:
            passed += 1
            assert refusal(mapping, file) == [], (loc, mistake)
            continue
        refused += 1
        try:
            load(file)
        except BadMapping as bad:
            assert {str(lint) for lint in bad.lints} <= said, (loc, mistake)
    assert passed and refused > 5


def test_the_unchanged_files_start_with_one_of_the_environments(tmp_path: Path) -> None:
    for name in NAMES:
        file = ROOT / "mappings" / f"{name}.yaml"
        assert refusal(load(file), file) == [], name


RULE = """\
rules:
  - name: a
    on: SIM/Updated
    subject: imsi:{{ sim.imsi }}
    require: [{that: sim, because: no SIM}]
    calls: [{put: /a, json: "=%s"}]
"""


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("'none' if not account else account.product_name", []),
        ("account.product_name", ["unguarded-account"]),
    ],
)
def test_the_start_decides_about_the_account_as_the_check_does(
    value: str, names: list[str], tmp_path: Path
) -> None:
    file = write(tmp_path, HEAD + RULE % value)
    found = check(file)[1]
    assert [lint.name for lint in found] == names
    try:
        load(file)
    except BadMapping as bad:
        assert [str(lint) for lint in bad.lints] == [str(lint) for lint in found]
    else:
        assert not names


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("ldap: {host: a, base: 'dc=x', tls: starttls, ca: nothing}", "constant"),
        ("ldap: {host: a, base: 'dc=x', bind_dn: 'cn=a,dc=x', password: ''}", "empty-credential"),
        ("sql: {driver: postgresql, host: a, database: d, user: u, password: '=[1]'}", "constant"),
        ("smtp: {host: a, from: a@b.test, auth: {username: =none, password: b}}", "constant"),
    ],
)
def test_a_value_that_only_the_client_refuses_is_found(
    entry: str, name: str, tmp_path: Path
) -> None:
    kind = entry.partition(":")[0]
    call = {
        "ldap": "{ldap_search: 'dc=x', filter: '(cn=a)'}",
        "sql": "{sql: 'select 1'}",
        "smtp": "{mail: a@b.test, title: t, text: t, message: '{{ event.event_id }}'}",
    }[kind]
    head = f"name: a\nsummary: a\nsystem:\n  {entry}\n"
    file = write(tmp_path, f"{head}rules: [{{name: a, on: SIM/Updated, calls: [{call}]}}]\n")
    mapping, lints = check(file)
    assert mapping
    assert name in [lint.name for lint in lints if lint.level == "error"]
