"""The mapping file of the README is a whole one, and the first page and a picture show the same."""

import re
from pathlib import Path

from typer.testing import CliRunner

from tests.documents.test_docs import DOCS, README, blocks, read
from tests.support import ROOT
from tests.support.command_line import app

(MAPPING,) = blocks(README.read_text(encoding="utf-8"), "yaml")


def test_the_mapping_has_thirty_lines_and_passes_check_and_test(tmp_path: Path) -> None:
    assert len(MAPPING.splitlines()) == 30
    (tmp_path / "events").symlink_to(ROOT / "mappings" / "events")
    file = tmp_path / "acme-crm.yaml"
    file.write_text(MAPPING, encoding="utf-8")
    checked = CliRunner().invoke(app, ["check", str(file)])
    assert (checked.exit_code, "no lints" in checked.output) == (0, True), checked.output
    tested = CliRunner().invoke(app, ["test", str(file)])
    assert (tested.exit_code, "2 passed, 0 failed" in tested.output) == (0, True), tested.output


def test_the_first_page_shows_the_same_mapping() -> None:
    assert blocks(read("start.md"), "yaml") == [MAPPING]


def test_the_picture_shows_lines_of_the_mapping() -> None:
    picture = (DOCS / "pictures" / "mapping-to-request.svg").read_text(encoding="utf-8")
    shown = re.findall(r'class="code[^"]*" x="(\d+)" y="\d+">([^<]*)<', picture)
    rule = [line.removeprefix("- ") for x, line in shown if 344 <= int(x) < 700]
    assert len(rule) == 7
    assert [line for line in rule if line not in MAPPING] == []
