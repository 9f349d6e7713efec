"""The packages that are deployed: pinned with hashes, and under licences that allow their use."""

import re
import tomllib
from pathlib import Path

import pytest

from connector_tools.documents.licences import EXTRAS, added, document, licence, pinned
from tests.support import ROOT

pytestmark = pytest.mark.deployment

# Permissive licences, and MPL-2.0 of certifi: it only applies to changes of certifi's own files.
ALLOWED = re.compile(r"MIT|BSD|Apache|PSF-2\.0|MPL-2\.0|ISC")
LOCKS = [
    "requirements.txt",
    "requirements-dev.txt",
    *(f"requirements/{one.name}" for one in EXTRAS),
]


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_hashes(name: str) -> None:
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", (ROOT / name).read_text())[1:]
    assert len(entries) > 40
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==[^ ]+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


def test_every_dependency_of_the_function_is_in_its_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[>=; ]", text)[0] for text in project["dependencies"]}
    assert names <= pinned().keys()


def test_packages_for_the_command_line_and_for_tests_are_not_deployed() -> None:
    assert not {"typer", "rich", "pytest", "hypothesis", "mypy"} & pinned().keys()


def test_both_lock_files_have_the_same_versions() -> None:
    others = pinned(ROOT / "requirements-dev.txt")
    assert {n: v for n, v in pinned().items() if others.get(n, v) != v} == {}


@pytest.mark.parametrize("name", sorted(pinned()))
def test_the_licence_of_a_package_allows_its_use(name: str) -> None:
    assert ALLOWED.search(licence(name)), licence(name)
    assert not re.search(r"\bA?GPL", licence(name))


@pytest.mark.parametrize("lock", EXTRAS, ids=lambda lock: str(lock.stem))
def test_an_extra_adds_packages_whose_licences_allow_their_use(lock: Path) -> None:
    for name in added(lock):
        assert ALLOWED.search(licence(name)), name
        assert not re.search(r"\bA?GPL", licence(name)), name


@pytest.mark.parametrize("lock", EXTRAS, ids=lambda lock: str(lock.stem))
def test_an_extra_has_the_usual_packages_in_the_usual_versions(lock: Path) -> None:
    assert pinned().items() <= pinned(lock).items()


@pytest.mark.parametrize("lock", EXTRAS, ids=lambda lock: str(lock.stem))
def test_an_extra_is_tested_in_the_versions_that_are_deployed(lock: Path) -> None:
    """`make install` and `make audit` use the list of the developers, which holds all extras."""
    assert pinned(lock).items() <= pinned(ROOT / "requirements-dev.txt").items()


def test_every_extra_of_the_package_has_a_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {lock.stem for lock in EXTRAS} == project["optional-dependencies"].keys()


def test_the_page_of_licences_is_current() -> None:
    assert (ROOT / "docs" / "licences.md").read_text() == document()
