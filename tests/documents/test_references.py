"""Each reference names an existing section of the contract, decision, page or anchor.

Code writes `contract 4.7`, `contract 3, case 6`, `decision 9` or `docs/outcomes.md#applied`.
References to documents outside the repository are not allowed: readers do not have them.
"""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import ROOT

SUFFIXES = {".py", ".md", ".yaml", ".tf", ".toml"}
NUMBER = r"\d+(?:\.\d+)*"
CONTRACT = re.compile(
    rf"\bcontract(?:'s)? (?:sections? )?({NUMBER}(?:, case \d+|(?:(?:, | and ){NUMBER})*))", re.I
)
DECISION = re.compile(r"\bdecisions? (\d+(?:(?:, | and )\d+)*)", re.I)
PAGE = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")
# The names of documents outside the repository.
ELSEWHERE = re.compile(
    r"""nsps-contract | espf-events | \bdesign\.md | \bstyle\.md | (?<![\w/])(?:\.\./)*shared/
    | \bthe\ design\b | \(design\b | \bdesign,\ ["'“] | \bstyle\ \d | \bguide's\ section""",
    re.I | re.X,
)
ISSUE = re.compile(r"(\S*) ?\(?\bissues? \#?\d+", re.I)


@cache
def texts() -> dict[str, str]:
    """The text of each file that git tracks, with wrapped lines and comments joined."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is where the PATH says
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\0")
    files = [ROOT / name for name in listed if name] or _all_files()
    return {
        str(file.relative_to(ROOT)): joined(file.read_text(encoding="utf-8"))
        for file in files
        if file.suffix in SUFFIXES and file != Path(__file__) and file.exists()
    }


def _all_files() -> list[Path]:
    """All files of the repository, for a copy without git."""
    files = (file for file in ROOT.rglob("*") if file.is_file())
    return [
        file
        for file in files
        if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
    ]


def joined(text: str) -> str:
    """The text on one line: a reference can be wrapped, also within a comment."""
    return re.sub(r"\s*\n[ \t]*(?:(?:#|//|\*)[ \t]+)?", " ", text)


def contract_targets(text: str) -> Iterator[str]:
    """The sections (`4.7`) and cases (`3, case 6`) of the contract that a text refers to."""
    for found in CONTRACT.finditer(text):
        if ", case" in found[1]:
            yield found[1]
        else:
            yield from re.findall(NUMBER, found[1])


def decision_targets(text: str) -> Iterator[str]:
    for found in DECISION.finditer(text):
        yield from re.findall(r"\d+", found[1])


def papers(text: str) -> Iterator[str]:
    """Yield the documents outside the repository that a text names.

    Issues of other projects are allowed.
    """
    yield from (found[0] for found in ELSEWHERE.finditer(text))
    for found in ISSUE.finditer(text):
        if not re.search(r"\w[/-]\w", found[1]):  # owner/name, or a name with a hyphen
            yield found[0]


def slugs(page: str) -> set[str]:
    titles = re.findall(r"(?m)^#+ (.+)$", page)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def wrong(finds: dict[str, list[str]], known: set[str]) -> str:
    """A line for each reference whose target is not in `known`."""
    return "\n".join(
        f"{file}: {target}" for file, found in finds.items() for target in {*found} - known
    )


# The repository


def test_every_reference_to_the_contract_names_an_existing_section() -> None:
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    sections = set(re.findall(rf"(?m)^#+ ({NUMBER}(?:, case \d+)?)\b", page))
    finds = {file: list(contract_targets(text)) for file, text in texts().items()}
    assert len(finds["connector/event.py"]) > 5
    assert wrong(finds, sections) == ""


def test_every_reference_to_a_decision_names_an_existing_decision() -> None:
    numbers = {str(int(file.name[:4])) for file in (ROOT / "docs/decisions").glob("[0-9]*.md")}
    finds = {file: list(decision_targets(text)) for file, text in texts().items()}
    assert wrong(finds, numbers) == ""


def test_every_page_that_code_names_exists() -> None:
    """test_docs.py tests the links of the pages themselves."""
    finds = {file: PAGE.findall(text) for file, text in texts().items() if file[-3:] != ".md"}
    named = {target for found in finds.values() for target in found}
    known = set()
    for target in named:
        name, _, anchor = target.partition("#")
        page = ROOT / name
        if page.exists() and (not anchor or anchor in slugs(page.read_text(encoding="utf-8"))):
            known.add(target)
    assert len(known) > 5
    assert wrong(finds, known) == ""


def test_no_text_refers_to_a_document_outside_the_repository() -> None:
    assert wrong({file: list(papers(text)) for file, text in texts().items()}, set()) == ""


# How references are found


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("(contract 4.7)", ["4.7"]),
        ("Contract 2.2: compare without case", ["2.2"]),
        ("(contract 3, case 6).", ["3, case 6"]),
        ("(contract section 5, `msisdn`)", ["5"]),
        ("the contract's section 3", ["3"]),
        ("(contract 2, 3)", ["2", "3"]),
        ("contract 4.1 and 4.2.", ["4.1", "4.2"]),
        ("(contract\n    # section 9)", ["9"]),
        ("a contract of 9 pages", []),
    ],
)
def test_a_reference_to_the_contract_is_found(text: str, targets: list[str]) -> None:
    assert list(contract_targets(joined(text))) == targets


@pytest.mark.parametrize(
    "text",
    [
        '(design, "Outcomes")',
        "The design has ten outcomes",
        "never the input (style 9)",
        "the guide's section 3",
        "see nsps-contract.md",
        "../shared/design.md",
        "as issue 16 says",
        "(issue #16)",
    ],
)
def test_a_reference_to_a_document_elsewhere_is_found(text: str) -> None:
    assert list(papers(text))


@pytest.mark.parametrize(
    "text",
    [
        "(terraform-provider-google issue 11102)",
        "[buildpacks/lifecycle, issue 1358](https://github.com/buildpacks/lifecycle/issues/1358)",
        "by design, and in style",
        "tests/support/shared.py",
    ],
)
def test_issues_of_other_projects_and_usual_words_are_allowed(text: str) -> None:
    assert not list(papers(text))
