"""A mistake in the rules is found, also with the fewest tests that `connector test` accepts.

hss.yaml and hss_resources.yaml have no test that could be left out.
"""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.mapping.load import check
from connector_tools.mapping_tests import run_cases, untested
from tests.mapping_tests.mistakes import mistakes
from tests.support import ROOT

pytestmark = pytest.mark.deployment  # once is enough: every Python version gives the same result

FILES = ("hss", "hss_resources")
STRIDE = 3  # of the mistakes every third is made, which comes to every kind


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "events").symlink_to(ROOT / "mappings" / "events")
    return tmp_path / "hss.yaml"


def read(name: str) -> dict[str, Any]:
    """The data of the file; entries that share an alias are one object."""
    source = Path(__file__).parent / f"{name}.yaml"
    found: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return found


def accepted(file: Path, data: dict[str, Any]) -> bool:
    """Whether `connector check` and `connector test` find nothing wrong."""
    file.write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")
    mapping, lints = check(file)
    if mapping is None or lints:
        return False
    results = list(run_cases(mapping))
    return not untested(mapping, results) and not any(result.problems for result in results)


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_accepted_as_it_is(file: Path, name: str) -> None:
    assert accepted(file, read(name))


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_not_accepted_without_one_of_its_tests(file: Path, name: str) -> None:
    for index in range(len(read(name)["tests"])):
        data = read(name)
        del data["tests"][index]
        assert not accepted(file, data), data["tests"][index - 1]["name"]


@pytest.mark.parametrize("name", FILES)
def test_each_mistake_in_the_rules_is_found(file: Path, name: str) -> None:
    made = list(mistakes(read(name)))
    assert len(made) > 70
    tried = list(islice(made, 0, None, STRIDE))
    lost = [(one.loc, one.what) for one in tried if accepted(file, one.data)]
    assert lost == []
