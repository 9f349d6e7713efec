"""The documentation agrees with the code: keys, defaults, answers, examples, commands."""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from connector.event import EVENT_FIELDS, SECTIONS, parse
from connector.mapping import (
    between,
    block,
    case,
    document,
    entry,
    expression,
    reply_rule,
    resource,
    rule,
    schema,
    setting,
    system_entry,
    table_entry,
    text,
)
from connector.mapping.language import LANGUAGE
from connector.mapping.lints import checks, guards
from connector.mapping.load import check, load
from connector.mapping.protocol import PROTOCOLS, protocol
from connector.mapping.schema import MappingFile
from connector.mapping.tables import Table, Tables
from connector.outcome import Outcome, Result, answer
from connector.plan.scope import event_scope
from connector.settings import API_TOKEN, HASH_KEY, LEDGER_PASSWORD, Settings
from connector.systems.http import outcomes as http_outcome
from connector_tools.documents.reference_keys import (
    MODELS,
    default_cell,
    protocol_models,
    protocol_page,
)
from connector_tools.mapping_tests import run_cases, untested
from tests.support import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
CATALOGUE = ROOT / "mappings"
ROOMS = ROOT / "connector" / "systems"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *CATALOGUE.glob("*.md"), *ROOMS.rglob("*.md")]
)
EVENTS = ROOT / "mappings" / "events"
ENCODERS: dict[str, expression.Encode] = {
    "path": text.in_path,
    "xml-text": text.in_xml,
    "header": text.in_header,
    "text": str,
}


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def sections(text: str, level: str = "###") -> dict[str, str]:
    """The text below each heading of a level, up to the next heading of this or a higher level."""
    found = re.findall(rf"(?ms)^{level} (.+?)\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text)
    return {title.strip("`"): body for title, body in found}


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", text)


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables in a text, without the rows of headings."""
    for table in re.findall(r"(?m)(?:^\|.*\n?)+", text):
        for line in table.strip().splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def examples(kind: str) -> list[tuple[str, str]]:
    lines = "".join(blocks(read("mapping.md"), kind)).splitlines()
    return [
        (left.strip(), right.strip()) for left, _, right in (x.partition(" => ") for x in lines)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for mapping files, with the events for their tests."""
    (tmp_path / "events").symlink_to(EVENTS)
    return tmp_path


def checked(folder: Path, text: str) -> tuple[MappingFile | None, list[str]]:
    file = folder / "acme-crm.yaml"
    file.write_text(text, encoding="utf-8")
    found, lints = check(file)
    names = [item.name for item in lints]
    if found and found.tests and not names:
        names += [item.name for item in untested(found, list(run_cases(found)))]
    return found, names


# --- mapping.md


@pytest.mark.parametrize("text", blocks(read("mapping.md"), "yaml"))
def test_each_step_of_the_tutorial_is_a_file_without_a_lint(folder: Path, text: str) -> None:
    found, lints = checked(folder, text)
    assert lints == []
    assert found


def test_the_tests_in_the_tutorial_pass(folder: Path) -> None:
    steps = [checked(folder, text)[0] for text in blocks(read("mapping.md"), "yaml")]
    results = [result for step in steps if step for result in run_cases(step)]
    assert len(results) > 10
    assert [(result.case.name, result.problems) for result in results if result.problems] == []


def entries_of(*modules: ModuleType) -> set[type[entry.Entry]]:
    """The entries of a mapping file that these modules define."""
    return {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, entry.Entry)
        and kind.__module__ == module.__name__
    }


def differences(page: str, models: dict[str, type[entry.Entry]]) -> Iterator[str]:
    """Yield each difference in keys and defaults between the tables of a page and the models."""
    for title, model in models.items():
        fields = {info.alias or name: info for name, info in model.model_fields.items()}
        listed = {row[0].strip("`"): row[1] for row in rows(sections(page).get(title, ""))}
        if list(listed) != list(fields):
            yield f"{title}: the page has {list(listed)}, the code {list(fields)}"
            continue
        for key, info in fields.items():
            if listed[key] != (wanted := default_cell(info)) and wanted is not None:
                yield f"{title}.{key}: the page says {listed[key]}, the code {wanted}"


def test_the_reference_has_a_section_for_every_entry_of_a_mapping() -> None:
    modules = (
        between,
        block,
        case,
        reply_rule,
        resource,
        rule,
        setting,
        system_entry,
        table_entry,
        schema,
    )
    bases = {
        system_entry.Limits,  # each protocol's page has the fields of these two
        system_entry.Tls,
        between.RequireEntry,  # the page shows the conditions in its list
    }
    assert set(MODELS.values()) == entries_of(*modules) - bases


HSS = """\
name: hss
summary: An HSS.
system: {http: {base_url: "http://hss.test"}}
"""


@pytest.mark.parametrize("number", range(4))
def test_the_examples_of_blocks_confirm_and_pages_are_tested_files(
    folder: Path, number: int
) -> None:
    page = (ROOT / "connector/systems/http/README.md").read_text(encoding="utf-8")
    texts = [*blocks(read("mapping.md"), "sequence"), *blocks(page, "pages")]
    found, lints = checked(folder, HSS + texts[number])
    assert lints == []
    assert found
    assert [result.problems for result in run_cases(found)] == [[]] * len(found.tests)


def test_the_reference_has_every_key_and_its_default() -> None:
    assert list(differences(read("mapping.md"), MODELS)) == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_page_of_a_protocol_has_every_key_and_its_default(name: str) -> None:
    assert list(protocol_differences(name)) == []


def protocol_differences(name: str) -> Iterator[str]:
    """Yield each difference between the page of a protocol and its entries."""
    found = protocol(name)
    page = (ROOT / protocol_page(name)).read_text(encoding="utf-8")
    yield from differences(page, protocol_models(name))
    for field in found.call_entry.reply_fields:
        if f"`{field}`" not in page:
            yield f"the page does not say what `{field}` of a reply is"


LOGINS = blocks(read("mapping.md"), "auth")


@pytest.mark.parametrize("text", LOGINS)
def test_the_examples_of_logins_have_no_lint_and_log_in(folder: Path, text: str) -> None:
    part = yaml.safe_load(text)
    names = sorted(set(re.findall(r"settings\.(\w+)", text)))
    settings: dict[str, Any] = {name: {"secret": name.upper()} for name in names}
    settings |= {"url": {"env": "URL", "type": "url"}} if "url" in names else {}
    settings |= {"pem_key": {"secret": "KEY", "type": "pem"}} if "pem_key" in names else {}
    settings |= {"key_file": {"secret": "KEY", "type": "json"}} if "key_file" in names else {}
    calls = part.get("calls") or [{"put": "/cards"}]
    rule = {"name": "a card changed", "on": "SIM/Updated", "subject": "imsi:{{ sim.imsi }}"}
    method = "put" if "put" in calls[0] else "post"
    base = "/s-1" if "base_url: =session" in text else ""  # the login says where
    sent = [{method: (base + calls[0][method]).rstrip("/")}]
    test = {"name": "it logs in", "event": "events/sim-updated.json", "outcome": "applied"}
    file = {
        "name": "acme-crm",
        "summary": "Logs in.",
        "settings": settings,
        "system": part["system"],
        "rules": [{**rule, "calls": calls}],
        "tests": [{**test, "calls": sent}],
    }
    (folder / "acme-crm.yaml").write_text(json.dumps(file), encoding="utf-8")
    found, lints = check(folder / "acme-crm.yaml")
    assert lints == []
    assert found
    assert [result.problems for result in run_cases(found)] == [[]]


def test_the_mapping_on_the_page_of_resources_has_no_lint(folder: Path) -> None:
    (text,) = blocks(read("resources.md"), "yaml")
    found, lints = checked(folder, text)
    assert lints == []
    assert found and list(found.resources) == ["subscriber", "number"]


@pytest.mark.parametrize(("source", "result"), examples("expressions"))
def test_an_example_of_an_expression_has_the_result_in_the_reference(
    source: str, result: str
) -> None:
    compiled = expression.compile_condition(source)
    scope = example_scope()
    if result == "!":
        with pytest.raises(expression.EvaluationError):
            compiled.evaluate(scope)
    else:
        assert json.loads(json.dumps(compiled.evaluate(scope))) == json.loads(result)


def example_scope() -> expression.Scope:
    """The names that the examples of the reference read."""
    sent = json.loads((EVENTS / "sim-updated.json").read_bytes())
    sent["pb_data"] |= dict.fromkeys(set(SECTIONS.values()) - sent["pb_data"].keys())
    event = parse(json.dumps(sent).encode())
    speeds = Table({"Mobile L": 100, "7": "seven"}, 10, None)
    codes = Table({"Roaming EU": "R1"}, None, "the add-on has no code")
    tables = Tables(speeds=speeds, codes=codes)
    mapping = SimpleNamespace(values={}, tables=tables, look_ups=tables)
    return event_scope(event, mapping, {"limit": 5.0})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", blocks(read("mapping.md"), "yaml-value"))
def test_an_example_of_a_value_has_the_result_in_the_reference(tmp_path: Path, text: str) -> None:
    source, _, result = text.partition("\n=> ")
    (tmp_path / "value.yaml").write_text(source, encoding="utf-8")
    compiled = expression.compile_value(document.read(tmp_path / "value.yaml").data)
    assert expression.as_json(compiled, example_scope()) == json.loads(result)


@pytest.mark.parametrize("kind", ENCODERS)
def test_text_is_encoded_as_the_reference_says(kind: str) -> None:
    found = examples(kind)
    assert found
    for source, result in found:
        compiled = expression.compile_text(source, ENCODERS[kind])
        if result == "!":
            with pytest.raises(expression.EvaluationError):
                compiled.evaluate(expression.Scope(name="A/B & Söhne"))
        else:
            assert compiled.evaluate(expression.Scope(name="A/B & Söhne")) == result


def test_every_filter_and_test_has_an_example() -> None:
    shown = " ".join(source for source, _ in examples("expressions"))
    named = {name for name in LANGUAGE.filters if not name.startswith("_")}
    assert {name for name in named if not re.search(rf"\| {name}\b", shown)} == set()
    assert {
        name for name in LANGUAGE.tests if not re.search(rf"\bis (not )?{name}\b", shown)
    } == set()


def test_the_reference_has_every_name_of_the_language() -> None:
    listed = {row[0].strip("`") for row in rows(sections(read("mapping.md"))["Names"])}
    assert {*checks.SECTIONS, "settings", "item", "reply"} <= listed
    for name in EVENT_FIELDS:
        assert f"`{name}`" in sections(read("mapping.md"))["Names"]


# --- settings.md


def test_the_page_has_exactly_the_settings_of_the_code_with_their_defaults() -> None:
    wtl = load(ROOT / "mappings" / "wtl-hlr-hss.yaml")
    defaults: dict[str, Any] = {
        API_TOKEN: "required",
        HASH_KEY: None,
        LEDGER_PASSWORD: None,
    }
    defaults |= {
        name: "required" if info.is_required() else info.default
        for name, info in Settings.model_fields.items()
    }
    for item in wtl.settings.values():
        needed = item.default is None and not item.optional
        defaults[item.variable] = "required" if needed else item.default
    page = sections(read("settings.md"))
    assert list(page) == list(defaults)
    for name, default in defaults.items():
        shown = {"required": "none, it is required", None: "not set"}.get(default, f"`{default}`")
        assert f"\n- **Default:** {shown}\n" in page[name], name
        assert "\n- **Choose:** " in page[name], name


def test_the_table_of_all_settings_names_each_in_the_order_of_the_page() -> None:
    listed = [
        row[0].strip("`") for row in rows(sections(read("settings.md"), "##")["All settings"])
    ]
    assert listed == list(sections(read("settings.md")))


# --- outcomes.md


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_on_the_page_with_its_answer(outcome: Outcome) -> None:
    section = sections(read("outcomes.md"))[outcome.value]
    given = answer(
        Result(outcome, "IMSI is empty or not provided" if "ignored" in outcome else None)
    )
    headers = "".join(f", `{name}: {value}`" for name, value in given.headers.items())
    assert f"\n- **Answer:** {given.status}{headers}\n" in section
    assert json.loads(blocks(section, "json")[0]) == given.body
    for part in ("When", "NSPS", "Do"):
        assert f"- **{part}:** " in section


def test_the_page_has_no_other_outcomes() -> None:
    headings = sections(sections(read("outcomes.md"), "##")["The outcomes"])
    assert set(sections(read("outcomes.md"))) == {*Outcome} == set(headings)


def test_the_table_of_statuses_has_the_outcomes_of_the_code() -> None:
    table = sections(read("outcomes.md"), "##")["Replies of the external system"]
    page = {row[0]: Outcome(row[1].strip("`")) for row in rows(table) if "`" in row[1]}
    single = {int(code): end for codes, end in page.items() for code in re.findall(r"\d{3}", codes)}
    for status in range(200, 600):
        expected = page["2xx"] if status < 300 else page["every other"]
        assert http_outcome.of_status(status) == single.get(status, expected), status


# --- lints.md


def lint_names() -> set[str]:
    """The names of the lints in the code: the first text argument of each call that makes one."""
    wing = ROOT / "connector" / "mapping"
    files = [wing / f"{name}.py" for name in ("document", "shape", "syntax")]
    files += (wing / "lints").glob("*.py")
    found = set(guards.NAMES.values())
    for file in [*files, ROOT / "connector_tools" / "mapping_tests" / "untested.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                "lint",
                "gap",
                "Lint",
                "_warning",
            ):
                texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                found.update(str(text) for text in texts[:1])
    return found


def test_the_page_has_exactly_the_lints_of_the_code() -> None:
    assert set(sections(read("lints.md"), "##")) - {"How to read a lint"} == lint_names()


@pytest.mark.parametrize("name", sorted(lint_names() - {"file"}))
def test_each_lint_says_why_and_what_to_avoid_and_to_prefer(name: str) -> None:
    section = sections(read("lints.md"), "##")[name]
    why, avoid, prefer = re.split(r"\n(?:Avoid|Prefer):\n", section)
    assert len(why) > 50
    assert blocks(avoid, "yaml") != blocks(prefer, "yaml")
    assert why.strip().startswith(("Error", "Warning", "As "))


@pytest.mark.parametrize("name", sorted(lint_names() - {"file"}))
def test_the_wrong_example_of_a_lint_has_the_lint_and_the_corrected_one_has_not(
    folder: Path, name: str
) -> None:
    """An example is the first file of the tutorial, with the sections of the example replaced."""
    base = dict(re.findall(r"(?ms)^(\w+):(.*?\n)(?=^\w|\Z)", blocks(read("mapping.md"), "yaml")[0]))
    wrong, mended = blocks(sections(read("lints.md"), "##")[name], "yaml")
    for example, expected in ((wrong, True), (mended, False)):
        given = {key for key in base if re.search(rf"(?m)^{key}:", example)}
        rest = "".join(f"{key}:{base[key]}" for key in base if key not in given)
        assert (name in checked(folder, rest + example)[1]) is expected


# --- every page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page: Path) -> None:
    for target in re.findall(
        r"\]\(([^)\s]+)\)|(?:<img src|srcset)=\"([^\"]+)\"", page.read_text(encoding="utf-8")
    ):
        link, _, anchor = (target[0] or target[1]).partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        file = (page.parent / link) if link else page
        assert file.exists(), link
        if anchor:
            titles = re.findall(r"(?m)^#+ (.+)$", file.read_text(encoding="utf-8"))
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_and_command_exists(page: Path) -> None:
    from typer.main import get_group  # noqa: PLC0415 - needs an extra, the rest does not

    from tests.support.command_line import app  # noqa: PLC0415 - as above

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile))
    commands = set(get_group(app).commands)
    text = page.read_text(encoding="utf-8")
    code = "\n".join([*re.findall(r"`([^`\n]+)`", text), *blocks(text, "(?:sh|sh tested|console)")])
    assert set(re.findall(r"\bmake (?:-C \.\. )?([a-z-]+)", code)) <= targets
    assert set(re.findall(r"(?m)^(?:\$ |.*bin/)?connector ([a-z][a-z-]*)", code)) <= commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_sub_command_and_option_exists(page: Path) -> None:
    from typer.core import TyperGroup  # noqa: PLC0415 - needs an extra, the rest does not
    from typer.main import get_command  # noqa: PLC0415 - as above

    from tests.support.command_line import app  # noqa: PLC0415 - as above

    text = page.read_text(encoding="utf-8")
    code = [*re.findall(r"`([^`\n]+)`", text), *blocks(text, "(?:sh|sh tested|console)")]
    for line in re.findall(r"(?m)^(?:\$ |.*bin/)?connector (.+)$", "\n".join(code)):
        command: Any = get_command(app)
        words = shlex.split(line, comments=True)
        while isinstance(command, TyperGroup) and words and re.match("[a-z]", words[0]):
            name = words.pop(0)
            assert name in command.commands, line
            command = command.commands[name]
        known = {"--help", *(option for param in command.params for option in param.opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line


def test_the_first_page_shows_the_steps_and_results_of_the_demo() -> None:
    from connector_tools.stack.demo import steps  # noqa: PLC0415 - needs an extra, the rest does not

    shown = blocks(read("start.md"), "text")[0].splitlines()[1:-1]
    page = [re.split(r" {2,}", line)[:5] for line in shown]
    demo = [[step.name, str(step.status), step.outcome, step.old, step.new] for step in steps()]
    assert page == demo


@pytest.mark.parametrize(
    "command", "".join(blocks(README.read_text(encoding="utf-8"), "sh tested")).splitlines()
)
def test_a_command_of_the_readme_runs(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "connector"
    run = subprocess.run(
        [sys.executable, "-m", "connector_tools.cli", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
