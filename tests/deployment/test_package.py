"""The project's wheel holds all modules of both packages, and marks both as typed."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.deployment
PACKAGES = ("connector", "connector_tools")
BUILD = "from setuptools import build_meta; build_meta.build_wheel('dist')"


def test_the_wheel_holds_the_typed_packages_and_nothing_else(tmp_path: Path) -> None:
    """Type checkers use a package's annotations only if `py.typed` is installed with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Typing :: Typed" in project["classifiers"]
    source = tmp_path / "source"
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, source / package, ignore=ignored)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    expected = {
        str(file.relative_to(source))
        for package in PACKAGES
        for file in (source / package).rglob("*")
        if file.suffix in (".py", ".typed")
    }
    assert {f"{package}/py.typed" for package in PACKAGES} < expected
    subprocess.run(
        [sys.executable, "-c", BUILD], cwd=source, check=True, capture_output=True, timeout=60
    )
    (wheel,) = (source / "dist").glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected
