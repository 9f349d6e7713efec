"""gcloud accepts every gcloud command of docs/deploy.md and docs/cookbook, with its flags."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.deployment

DOCS = ROOT / "docs"
VARIABLES = {
    "PROJECT": "my-project",
    "REGION": "europe-west1",
    "BILLING": "000000-000000-000000",
    "REPOSITORY": "projects/p/locations/l/connections/c/repositories/r",
    "role": "viewer",
    "service": "run.googleapis.com",
}
WRONG = "gcloud secrets versions add a-secret --projecct=p --data-file=-"


def _commands() -> list[str]:
    pages = [DOCS / "deploy.md", *sorted((DOCS / "cookbook").glob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [
        line[line.index("gcloud ") :] for line in lines if re.search(r"(^|\| )\s*gcloud ", line)
    ]
    return [re.sub(r"\$(\w+)", lambda name: VARIABLES[name[1]], command) for command in found]


needs_gcloud = pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")


def _refused(commands: list[str], file: Path) -> dict[str, str]:
    """Return the commands that gcloud's linter refuses, with its error. It runs none of them.

    gcloud reads all commands from one file: a start for each would take a second or more.
    """
    file.write_text(json.dumps([{"command_string": command} for command in commands]))
    ran = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = json.loads(ran.stdout)
    assert len(verdicts) == len(set(commands))
    return {
        command: str(verdict["error_message"])
        for command, verdict in zip(dict.fromkeys(commands), verdicts, strict=True)
        if not verdict["success"]
    }


def test_the_page_has_at_least_twenty_commands() -> None:
    assert len(_commands()) >= 20


@needs_gcloud
def test_gcloud_accepts_each_command_and_refuses_an_unknown_flag(tmp_path: Path) -> None:
    refused = _refused([*_commands(), WRONG], tmp_path / "commands.json")
    assert list(refused) == [WRONG]
    assert "--projecct" in refused[WRONG]
