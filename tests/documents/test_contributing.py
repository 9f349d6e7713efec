"""The changelog, the hooks and the issue templates agree with the repository."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT

HOOKS = [
    (repository["repo"], hook)
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
]


def test_the_changelog_has_the_version_of_the_project_as_its_newest() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"(?m)^## (.+)$", text)
    assert sections[0] == "[Unreleased]"
    assert sections[1].startswith(f"[{version}] - 20")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"(?m)^### (.+)$", text)) <= kinds


@pytest.mark.parametrize(("repository", "hook"), HOOKS)
def test_a_hook_uses_the_make_targets_and_needs_no_network(
    repository: str, hook: dict[str, object]
) -> None:
    assert (repository, hook["language"]) == ("local", "system")
    command, target, *arguments = shlex.split(str(hook["entry"]))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert command == "make"
    assert re.search(rf"(?m)^{target}:", makefile)
    for file in re.findall(r"tests/\S+\.py", " ".join(arguments)):
        assert (ROOT / file).exists()


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md")))
def test_an_issue_template_has_a_name_and_a_purpose(path: Path) -> None:
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert {"name", "about"} <= yaml.safe_load(head).keys()
    assert "**" in body
