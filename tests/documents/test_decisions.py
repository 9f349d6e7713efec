"""docs/decisions/README.md lists every decision, and all decisions have the same headings."""

import re

import pytest

from tests.documents.test_docs import DOCS, read, rows

FILES = {file.name: file for file in sorted((DOCS / "decisions").glob("[0-9]*.md"))}
INDEX = list(rows(read("decisions/README.md")))
STATE = re.compile(r"in force|in force, changed by (?P<changed>\d+)|replaced by (?P<replaced>\d+)")


def test_the_index_lists_every_decision_once_in_order() -> None:
    listed = [re.findall(r"\]\(([^)]+)\)", row[1]) for row in INDEX]
    assert listed == [[name] for name in FILES]
    assert [row[0] for row in INDEX] == [str(int(name[:4])) for name in FILES]
    assert [row[0] for row in INDEX] == [str(number + 1) for number in range(len(FILES))]


@pytest.mark.parametrize("row", INDEX, ids=lambda row: str(row[0]))
def test_a_row_of_the_index_has_the_title_the_date_and_a_known_state(row: list[str]) -> None:
    number, link, date, state = row
    title, name = re.findall(r"\[(.+)\]\((.+)\)", link)[0]
    lines = FILES[name].read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {number}. {title}"
    assert lines[2].startswith(date)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", date)
    known = STATE.fullmatch(state)
    assert known, state
    by = known["changed"] or known["replaced"]
    if by:
        assert int(number) < int(by) <= len(FILES)
        assert f"decision {by}" in lines[2], "the page itself must name the later decision"


@pytest.mark.parametrize("name", FILES)
def test_the_tests_that_a_decision_names_exist(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    named = re.findall(r"\btests/(?:\w+/)*test_\w+\.py", text)
    assert [path for path in named if not (DOCS.parent / path).exists()] == []


@pytest.mark.parametrize("name", FILES)
def test_a_decision_has_context_decision_and_consequences(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    assert re.findall(r"(?m)^## (.+)$", text) == ["Context", "Decision", "Consequences"]
