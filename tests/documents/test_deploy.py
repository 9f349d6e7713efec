"""gcloud accepts every gcloud command of docs/deploy.md, with its flags."""

import json
import re
import shutil
import subprocess

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


def _commands() -> list[str]:
    text = (DOCS / "deploy.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [
        line[line.index("gcloud ") :] for line in lines if re.search(r"(^|\| )\s*gcloud ", line)
    ]
    return [re.sub(r"\$(\w+)", lambda name: VARIABLES[name[1]], command) for command in found]


def _refused(command: str) -> str | None:
    """The error of gcloud's linter for a command, None if it has none. The command is not run."""
    ran = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--command-string={command}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    (verdict,) = json.loads(ran.stdout)
    return None if verdict["success"] else str(verdict["error_message"])


needs_gcloud = pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")


def test_the_page_has_at_least_twenty_commands() -> None:
    assert len(_commands()) >= 20


@needs_gcloud
def test_gcloud_refuses_an_unknown_flag() -> None:
    refused = _refused("gcloud secrets versions add a-secret --projecct=p --data-file=-")
    assert refused
    assert "--projecct" in refused


@needs_gcloud
@pytest.mark.parametrize("command", _commands())
def test_gcloud_accepts_each_command_and_its_flags(command: str) -> None:
    assert _refused(command) is None
