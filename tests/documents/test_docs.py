"""What the documentation says is true of the code: keys, defaults, answers, examples, commands."""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connector.event import EVENT_FIELDS, parse
from connector.mapping import checks as lint
from connector.mapping import ctrl_call, entry, expression, http_call, rule
from connector.mapping import schema as mapping
from connector.mapping.language import LANGUAGE
from connector.outcome import Outcome, Result, answer
from connector.plan import event_scope
from connector.settings import API_TOKEN, HASH_KEY, Settings
from connector.systems.http import outcomes as http_outcome
from connector_tools.mapping_tests import run_cases, untested
from tests.support import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted([README, *DOCS.rglob("*.md")])
EVENTS = ROOT / "mappings" / "events"
MODELS: dict[str, type[entry.Entry]] = {
    "The file": mapping.Mapping,
    "settings": mapping.Setting,
    "system": mapping.System,
    "system.http": mapping.Http,
    "system.ctrl": mapping.Ctrl,
    "system.http.auth": mapping.Auth,
    "system.http.auth.basic": mapping.Basic,
    "system.http.auth.api_key": mapping.ApiKey,
    "system.http.breaker": mapping.Breaker,
    "system.replies": mapping.ReplyRule,
    "rules": rule.Rule,
    "rules.ignore": rule.Ignore,
    "rules.require": rule.Require,
    "rules.calls": http_call.HttpCallEntry,
    "rules.calls over ctrl": ctrl_call.CtrlCallEntry,
    "tests": mapping.Case,
    "tests.replies": mapping.ScriptedReply,
    "tests.calls": mapping.ExpectedCall,
}
ENCODERS: dict[str, expression.Encode] = {
    "path": expression.in_path,
    "xml-text": expression.in_xml,
    "header": expression.in_header,
    "text": str,
}


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def sections(text: str, level: str = "###") -> dict[str, str]:
    """The text below each heading of a level, up to the next heading of it or of a higher one."""
    found = re.findall(rf"(?ms)^{level} (.+?)\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text)
    return {title.strip("`"): body for title, body in found}


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", text)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables, heads left out."""
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
    """A folder for mapping files, with the events that they test with."""
    (tmp_path / "events").symlink_to(EVENTS)
    return tmp_path


def checked(folder: Path, text: str) -> tuple[mapping.Mapping | None, list[str]]:
    file = folder / "acme-crm.yaml"
    file.write_text(text, encoding="utf-8")
    found, lints = lint.check(file)
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


def test_the_reference_has_a_section_for_every_entry_of_a_mapping() -> None:
    entries = {
        kind
        for module in (mapping, rule, http_call, ctrl_call)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, entry.Entry)
    }
    assert set(MODELS.values()) == entries - {entry.Entry, entry.CallEntry, mapping.Limits}


@pytest.mark.parametrize("title", MODELS)
def test_the_reference_tells_every_key_and_its_default(title: str) -> None:
    fields = {info.alias or name: info for name, info in MODELS[title].model_fields.items()}
    told = {row[0].strip("`"): row[1] for row in rows(sections(read("mapping.md"))[title])}
    assert list(told) == list(fields)
    for key, info in fields.items():
        assert (told[key] == "required") == info.is_required(), key
        if isinstance(info.default, str | int) and not info.is_required():
            assert told[key] == f"`{json.dumps(info.default).strip(chr(34))}`", key
        default = info.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, expression.Constant):
            assert told[key] == f"`{default.value}`", key


@pytest.mark.parametrize(("source", "result"), examples("expressions"))
def test_an_expression_gives_what_the_reference_says(source: str, result: str) -> None:
    event = parse((EVENTS / "sim-updated.json").read_bytes())
    mapping = SimpleNamespace(values={})
    scope = event_scope(event, mapping, {"limit": 5.0})  # type: ignore[arg-type]
    compiled = expression.compile_condition(source)
    if result == "!":
        with pytest.raises(expression.EvaluationError):
            compiled.evaluate(scope)
    else:
        assert json.loads(json.dumps(compiled.evaluate(scope))) == json.loads(result)


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


def test_every_name_of_the_language_is_told() -> None:
    told = {row[0].strip("`") for row in rows(sections(read("mapping.md"))["Names"])}
    assert {*lint._SECTIONS, "settings", "item", "reply"} <= told
    for name in (*sum(lint._REPLIES.values(), ()), *EVENT_FIELDS):
        assert f"`{name}`" in sections(read("mapping.md"))["Names"]


# --- settings.md


def test_every_setting_has_its_heading_and_default_and_none_is_invented() -> None:
    wtl = lint.load(ROOT / "mappings" / "wtl-hlr-hss.yaml")
    defaults: dict[str, Any] = {API_TOKEN: "required", HASH_KEY: None}
    defaults |= {
        name: "required" if info.is_required() else info.default
        for name, info in Settings.model_fields.items()
    }
    for setting in wtl.settings.values():
        needed = setting.default is None and not setting.optional
        defaults[setting.variable] = "required" if needed else setting.default
    told = sections(read("settings.md"))
    assert list(told) == list(defaults)
    for name, default in defaults.items():
        shown = {"required": "none, it is required", None: "not set"}.get(default, f"`{default}`")
        assert f"\n- **Default:** {shown}\n" in told[name], name
        assert "\n- **Choose:** " in told[name], name


def test_the_readme_names_every_setting() -> None:
    told = [
        row[0].strip("`")
        for row in rows(sections(README.read_text(encoding="utf-8"), "##")["Settings"])
    ]
    assert told == list(sections(read("settings.md")))


# --- outcomes.md


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_told_with_its_answer(outcome: Outcome) -> None:
    told = sections(read("outcomes.md"))[outcome.value]
    given = answer(
        Result(outcome, "IMSI is empty or not provided" if "ignored" in outcome else None)
    )
    headers = "".join(f", `{name}: {value}`" for name, value in given.headers.items())
    assert f"\n- **Answer:** {given.status}{headers}\n" in told
    assert json.loads(blocks(told, "json")[0]) == given.body
    for part in ("When", "NSPS", "Do"):
        assert f"- **{part}:** " in told


def test_no_outcome_is_invented() -> None:
    headings = sections(sections(read("outcomes.md"), "##")["The outcomes"])
    assert set(sections(read("outcomes.md"))) == {*Outcome} == set(headings)


def test_the_table_of_statuses_is_the_codes() -> None:
    table = sections(read("outcomes.md"), "##")["Replies of the external system"]
    told = {row[0]: Outcome(row[1].strip("`")) for row in rows(table) if "`" in row[1]}
    single = {int(code): end for codes, end in told.items() for code in re.findall(r"\d{3}", codes)}
    for status in range(200, 600):
        expected = told["2xx"] if status < 300 else told["every other"]
        assert http_outcome.of_status(status) == single.get(status, expected), status


# --- lints.md


def lint_names() -> set[str]:
    """The first text that is given to whatever makes a lint."""
    files = [ROOT / "connector" / "mapping" / name for name in ("checks.py", "document.py")]
    found: set[str] = set()
    for file in [*files, ROOT / "connector_tools" / "mapping_tests.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                "lint",
                "Lint",
                "_warning",
            ):
                texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                found.update(str(text) for text in texts[:1])
    return found


def test_every_lint_has_its_heading_and_none_is_invented() -> None:
    assert set(sections(read("lints.md"), "##")) - {"How to read a lint"} == lint_names()


@pytest.mark.parametrize("name", sorted(lint_names() - {"file"}))
def test_the_example_of_a_lint_is_found_and_its_mend_mends(folder: Path, name: str) -> None:
    """An example replaces the sections of the tutorial's first file that it has itself."""
    base = dict(re.findall(r"(?ms)^(\w+):(.*?\n)(?=^\w|\Z)", blocks(read("mapping.md"), "yaml")[0]))
    wrong, mended = blocks(sections(read("lints.md"), "##")[name], "yaml")
    for example, expected in ((wrong, True), (mended, False)):
        given = {key for key in base if re.search(rf"(?m)^{key}:", example)}
        rest = "".join(f"{key}:{base[key]}" for key in base if key not in given)
        assert (name in checked(folder, rest + example)[1]) is expected


# --- every page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(
        r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", page.read_text(encoding="utf-8")
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

    from connector_tools.cli.app import app  # noqa: PLC0415 - as above

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z]+):", makefile))
    commands = set(get_group(app).commands)
    text = page.read_text(encoding="utf-8")
    code = "\n".join([*re.findall(r"`([^`\n]+)`", text), *blocks(text, "(?:sh|sh tested|console)")])
    assert set(re.findall(r"\bmake ([a-z]+)", code)) <= targets
    assert set(re.findall(r"(?m)^(?:\$ |.*bin/)?connector ([a-z]+)", code)) <= commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_sub_command_and_option_exists(page: Path) -> None:
    from typer.core import TyperGroup  # noqa: PLC0415 - needs an extra, the rest does not
    from typer.main import get_group  # noqa: PLC0415 - as above

    from connector_tools.cli.app import app  # noqa: PLC0415 - as above

    text = page.read_text(encoding="utf-8")
    code = [*re.findall(r"`([^`\n]+)`", text), *blocks(text, "(?:sh|sh tested|console)")]
    for line in re.findall(r"(?m)^(?:\$ |.*bin/)?connector (.+)$", "\n".join(code)):
        command: Any = get_group(app)
        words = shlex.split(line, comments=True)
        while isinstance(command, TyperGroup) and words and words[0].islower():
            name = words.pop(0)
            assert name in command.commands, line
            command = command.commands[name]
        known = {"--help", *(option for param in command.params for option in param.opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line


def test_the_readme_shows_the_steps_of_the_demo_and_their_ends() -> None:
    from connector_tools.stack.demo import steps  # noqa: PLC0415 - needs an extra, the rest does not

    shown = blocks(README.read_text(encoding="utf-8"), "text")[0].splitlines()[1:-1]
    told = [re.split(r" {2,}", line)[:5] for line in shown]
    done = [[step.name, str(step.status), step.outcome, step.old, step.new] for step in steps()]
    assert told == done


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
