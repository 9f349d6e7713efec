"""The wheel holds both packages whole, and what the command line needs beside them."""

import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.wheel import built_wheel

pytestmark = pytest.mark.deployment
PACKAGES = ("connector", "connector_tools")
SHIPPED = "connector_tools/shipped"
BESIDE = ("main.py", "mappings", "docs")


def test_the_wheel_holds_the_packages_and_what_commands_need_and_nothing_else(
    tmp_path: Path,
) -> None:
    """Type checkers use a package's annotations only if `py.typed` is installed with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Typing :: Typed" in project["classifiers"]
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES, *BESIDE],  # noqa: S607 - as everywhere
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    expected = {
        name if name.startswith(PACKAGES) else f"{SHIPPED}/{name}"
        for name in tracked
        if (ROOT / name).exists()
    }
    assert {f"{package}/py.typed" for package in PACKAGES} < expected
    assert {f"{SHIPPED}/main.py", f"{SHIPPED}/mappings/events/sim-updated.json"} < expected
    names = zipfile.ZipFile(built_wheel(tmp_path)).namelist()
    held = {name for name in names if ".dist-info/" not in name}
    untracked = {name for name in held - expected if _ignored_by_git_alone(name)}
    assert held - untracked == expected


def _ignored_by_git_alone(name: str) -> bool:
    """Whether a file is new here, so that git does not know it yet."""
    asked = ["git", "ls-files", "--others", "--exclude-standard", name.removeprefix(f"{SHIPPED}/")]
    return bool(subprocess.run(asked, cwd=ROOT, capture_output=True, check=True).stdout)


def test_the_function_needs_no_package_of_the_command_line() -> None:
    """Its lock is what Google's buildpack installs."""
    locked = (ROOT / "requirements.txt").read_text()
    assert not re.findall(r"(?m)^(typer|rich|hatchling)==", locked)
