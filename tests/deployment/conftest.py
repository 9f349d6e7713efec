"""One apply of Terraform for all tests of a process."""

from pathlib import Path

import pytest

from tests.support.terraform import EVERYTHING, Copy, initialised


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the repository after an apply with every option: two connectors, both shapes...

    It has files that must not be deployed.
    """
    copy = Copy(tmp_path_factory.mktemp("applied"))
    for decoy in (".env", "connector/.secret", "connector/__pycache__/x.pyc", "tests/test_x.py"):
        file: Path = copy.folder / decoy
        file.parent.mkdir(exist_ok=True)
        file.write_text("not to be deployed")
    initialised(copy, ".")
    copy.done("apply", "-auto-approve", "-input=false", EVERYTHING)
    return copy
