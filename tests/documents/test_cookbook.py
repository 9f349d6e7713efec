"""docs/cookbook: each mapping file is right and tested, each request and each output is real."""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.mapping.load import check, load
from connector_tools.mapping_tests import run_cases, untested
from tests.support import ROOT
from tests.support.cookbook import INDEX, PAGES, mapping_in, sent, shown, text_of, written
from tests.support.cookbook_world import IMSI, World, world

RECIPES = [page for page in PAGES if mapping_in(page)]
FENCED = re.compile(r"(?ms)^```console\n(.*?)^```$")
COMMANDS = [page for page in PAGES if FENCED.search(text_of(page))]
WIDTH = 120


def stems(pages: list[Path]) -> list[str]:
    return [page.stem for page in pages]


# The pages


def test_the_index_has_each_question_once_with_a_link() -> None:
    index = text_of(INDEX).replace("\n  ", " ")
    listed = re.findall(r"(?m)^- \[(.+)\]\(([\w-]+)\.md\)$", index)
    asked = {page.stem: text_of(page).splitlines()[0].removeprefix("# ") for page in PAGES}
    assert sorted(name for _, name in listed) == stems(PAGES)
    assert {name: question for question, name in listed} == asked
    assert len(PAGES) >= 32


@pytest.mark.parametrize("page", PAGES, ids=stems(PAGES))
def test_a_page_answers_first_and_names_a_trap_and_the_reference(page: Path) -> None:
    text = text_of(page)
    question, answer = text.split("\n\n")[:2]
    assert question.endswith("?")
    assert re.match(r"[A-Z`]", answer), "the answer is the first paragraph"
    sent_or_not = ["What is sent"] if page in RECIPES else []
    assert re.findall(r"(?m)^## (.+)$", text) == [*sent_or_not, "The trap", "See also"]
    links = text.partition("\n## See also\n")[2]
    assert re.search(r"\]\((?!\w)[^)]*\)", links), "links to a page of the reference"
    wide = [line for line in outside_of_code(text) if len(line) > WIDTH]
    assert wide == []


def outside_of_code(text: str) -> Iterator[str]:
    """Yield the lines that stand in no code and in no table."""
    lines = re.sub(r"(?ms)^```.*?^```$", "", text).splitlines()
    return (line for line in lines if not line.startswith("|"))


# The mapping files


@pytest.mark.parametrize("page", RECIPES, ids=stems(RECIPES))
def test_the_mapping_file_of_a_page_has_no_lint_and_its_tests_reach_everything(
    page: Path, tmp_path: Path
) -> None:
    found, lints = check(written(page, tmp_path))
    assert lints == []
    assert found
    results = list(run_cases(found))
    assert [(result.case.name, result.problems) for result in results if result.problems] == []
    assert untested(found, results) == []


@pytest.mark.parametrize("page", RECIPES, ids=stems(RECIPES))
def test_a_page_shows_the_requests_that_its_first_test_makes(page: Path, tmp_path: Path) -> None:
    """If the mapping file changed on purpose: `python -m tests.support.cookbook`."""
    assert shown(page) == sent(load(written(page, tmp_path)))


# The commands


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("cookbook")) as ready:
        yield ready


@pytest.mark.deployment  # the commands are the same on every Python
@pytest.mark.parametrize("page", COMMANDS, ids=stems(COMMANDS))
def test_the_commands_of_a_page_print_what_it_shows(page: Path, made: World) -> None:
    """`...` on a page stands for any text, as in doctest."""
    made.policy.held[IMSI] = {"plan": "Mobile S", "state": "active"}
    before = ""
    for command, expected in commands(text_of(page)):
        if command.startswith("export "):
            before += command + "\n"
            continue
        printed = made.run(before + command)
        assert matches(expected, printed), f"{command} printed\n{printed}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of the console blocks of a page, with the output that is shown."""
    for block in FENCED.findall(text):
        yield from re.findall(r"(?ms)^\$ (.+?)\n(.*?)(?=^\$ |\Z)", block)


def matches(expected: str, printed: str) -> bool:
    if expected.startswith("...\n"):  # doctest wants something before the end of this line
        printed = f"\n{printed}"
    return doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)


def test_an_output_is_compared() -> None:
    assert matches("a ... c\n", "a b c\n")
    assert matches("...\nc\n", "a\nc\n")
    assert not matches("a ... d\n", "a b c\n")
    assert not matches("", "a\n")


# What other parts of the repository decide


def test_the_page_of_roles_has_those_of_the_bootstrap() -> None:
    source = (ROOT / "terraform" / "bootstrap" / "main.tf").read_text(encoding="utf-8")
    granted = source.partition("locals {")[2].partition("grants =")[0]
    plan, deploy = granted.split("deploy = concat(")
    page = text_of(next(page for page in PAGES if page.stem == "deployer-roles"))
    of_deploy, of_plan = page.split("| Role of `nsps-plan`")
    for roles, table in ((plan, of_plan), (deploy, of_deploy)):
        wanted = set(re.findall(r'"((?:[a-z]+\.)?[a-zA-Z]+)",?', roles)) - {
            "egress",
            "edge",
            "audit",
        }
        assert set(re.findall(r"(?m)^\| `roles/([\w.]+)`", table)) == wanted


def test_the_connectors_of_two_systems_are_written_as_terraform_wants_them() -> None:
    page = text_of(next(page for page in PAGES if page.stem == "two-systems"))
    variables = (ROOT / "terraform" / "variables.tf").read_text(encoding="utf-8")
    (block,) = re.findall(r"(?ms)^```hcl\n(.*?)^```", page)
    for file, setting in re.findall(r'file = "(\S+)", variables = \{ (\w+) ', block):
        mapping = load(ROOT / file)
        required = {one.variable for one in mapping.settings.values() if not one.secret}
        assert setting in required
    for key in ("mapping", "file", "variables", "function", "max_instances"):
        assert re.search(rf"\b{key}\b", block)
        assert re.search(rf"\b{key} +=", variables)
