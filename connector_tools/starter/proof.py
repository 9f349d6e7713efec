"""Whether a new mapping file passes `connector check` and `connector test`."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.mapping.load import check
from connector_tools.mapping_tests import run_cases, untested
from connector_tools.starter.folder import write


def problems(name: str, texts: Mapping[str, str]) -> list[str]:
    """What the two commands would say against the files; nothing if they pass without a warning."""
    with TemporaryDirectory() as folder:
        write(Path(folder), texts)
        found, lints = check(Path(folder, f"{name}.yaml"))
        if found is None or lints:
            return [str(lint).removeprefix(f"{folder}/") for lint in lints]
        results = list(run_cases(found))
        failed = [f"{one.case.name}: {text}" for one in results for text in one.problems]
        return failed + [str(lint).removeprefix(f"{folder}/") for lint in untested(found, results)]
