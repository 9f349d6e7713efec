"""The published mapping files: their tests pass and reach everything that they must."""

import json
from pathlib import Path
from typing import cast

import jsonschema
import pytest

from connector.mapping.case import Case, Story
from connector.mapping.document import read
from connector.mapping.load import check, load
from connector.mapping.schema import MappingFile
from connector_tools.mapping_tests import run_cases, untested
from tests.support import ROOT

FILES = sorted((ROOT / "mappings").glob("*.yaml"))
MAPPINGS = {file.name: load(file) for file in FILES}
CASES = [
    pytest.param(mapping, case, id=f"{file}: {case.name}")
    for file, mapping in MAPPINGS.items()
    for case in cast("tuple[Case | Story, ...]", (*mapping.tests, *mapping.stories))
]


def test_the_published_mappings_are_found() -> None:
    assert "wtl-hlr-hss.yaml" in MAPPINGS


@pytest.mark.parametrize(("mapping", "case"), CASES)
def test_each_test_inside_a_mapping_passes(mapping: MappingFile, case: Case | Story) -> None:
    only = {"tests": (), "stories": (), "tests" if isinstance(case, Case) else "stories": (case,)}
    alone = mapping.model_copy(update=only).of(mapping.document)
    (result,) = run_cases(alone)
    assert result.problems == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_published_schema_accepts_every_published_mapping(file: Path) -> None:
    """Otherwise an editor would mark errors in files that the function accepts."""
    schema = json.loads((file.parent / "mapping.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(read(file).data)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_published_mapping_has_no_lint(file: Path) -> None:
    assert [str(found) for found in check(file)[1]] == []


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)
def test_the_tests_of_a_mapping_reach_everything(mapping: MappingFile) -> None:
    assert [str(found) for found in untested(mapping, list(run_cases(mapping)))] == []
