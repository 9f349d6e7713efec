"""The docstring of each package names all its modules, and folders of tests mirror packages."""

import ast
import re
from pathlib import Path

import pytest

from tests.support import ROOT

ROOTS = ("connector", "connector_tools")
PACKAGES = sorted(file.parent for root in ROOTS for file in (ROOT / root).rglob("__init__.py"))
MOST_AT_THE_TOP = 24


def rooms(package: Path) -> set[str]:
    """The modules and packages in a package."""
    modules = {file.stem for file in package.glob("*.py") if not file.stem.startswith("__")}
    return modules | {file.parent.name for file in package.glob("*/__init__.py")}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_docstring_of_a_package_names_its_modules(package: Path) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert rooms(package) - set(re.findall(r"[a-z0-9_]+", text)) == set()


def test_the_package_connector_has_some_twenty_modules_and_packages() -> None:
    assert len(rooms(ROOT / "connector")) <= MOST_AT_THE_TOP


def test_every_folder_of_tests_mirrors_a_package() -> None:
    """Some test several parts together, and `inspector_page` what runs in a browser."""
    wings = rooms(ROOT / "connector") | rooms(ROOT / "connector_tools") | {"tools", "support"}
    wings |= {"contract", "deployment", "documents", "emulator", "inspector_page", "real"}
    assert {file.parent.name for file in (ROOT / "tests").glob("*/__init__.py")} <= wings
