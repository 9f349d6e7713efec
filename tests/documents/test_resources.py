"""The page of resources shows what `connector explain` prints."""

import re
from pathlib import Path

from typer.testing import CliRunner

from tests.support import ROOT
from tests.support.command_line import app

PAGE = (ROOT / "docs" / "resources.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    (found,) = re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", PAGE)
    return str(found)


def test_the_output_on_the_page_is_what_the_command_prints(tmp_path: Path) -> None:
    file, found = tmp_path / "acme-hss.yaml", tmp_path / "found.json"
    file.write_text(block("yaml"), encoding="utf-8")
    found.write_text(block("json"), encoding="utf-8")
    event = ROOT / "mappings" / "events" / "sim-updated.json"
    arguments = ["explain", str(file), str(event), "--found", str(found)]
    env = {"HSS_API_URL": "https://hss.example.com", "API_TOKEN": None, "HASH_KEY": None}
    told = CliRunner().invoke(app, arguments, env=env)
    assert told.exit_code == 0, told.output
    assert told.stdout.endswith("\n\n" + block("text"))
