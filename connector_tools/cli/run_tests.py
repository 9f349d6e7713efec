"""`connector test`: run the tests inside mapping files.

The module is not called test.py, so that it is not taken for a test of this repository.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from connector.mapping import load as mapping_load
from connector_tools.cli.output import count_errors, show_lints
from connector_tools.mapping_tests import run_cases, untested
from connector_tools.terminal import FAILED, say

app = typer.Typer()


class _FileResult(NamedTuple):
    """How many tests of a file passed and failed; `complete` if they reach all they must."""

    passed: int
    failed: int
    complete: bool


@app.command("test", epilog="Example: connector test mappings/wtl-hlr-hss.yaml")
def run_tests(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Mapping files.")],
) -> None:
    """Run the tests inside mapping files.

    The tests script the replies of the external system; nothing is sent. It is a failure, too, if
    no test reaches a part of the mapping: a call, a condition, the meaning of a reply.
    """
    results = [_run(file) for file in files]
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    say(f"{passed} passed, {failed} failed", "red" if failed else "green")
    if failed or not all(result.complete for result in results):
        raise typer.Exit(FAILED)


def _run(file: Path) -> _FileResult:
    """Run the tests of a file, and print a line for each; or print why they cannot be run."""
    found, lints = mapping_load.check(file)
    if found is None or count_errors(lints):
        show_lints(lints)
        return _FileResult(0, 0, complete=False)
    results = []
    for result in run_cases(found):
        results.append(result)
        line = found.document.place(result.loc).line
        if result.problems:
            say(f"FAILED  {result.case.name} ({file}:{line})", "red")
        else:
            say(f"ok      {result.case.name}")
        for problem in result.problems:
            say(f"        {problem}")
    missing = untested(found, results)
    show_lints(missing)
    failed = sum(1 for result in results if result.problems)
    return _FileResult(len(results) - failed, failed, complete=not missing)
