"""`connector test`."""

from pathlib import Path
from typing import Annotated

import typer

from connector.mapping import load as mapping_load
from connector_tools.cli.output import count_errors, show_lints
from connector_tools.mapping_tests import run_cases, untested
from connector_tools.terminal import FAILED, say

app = typer.Typer()


@app.command("test", epilog="Example: connector test mappings/wtl-hlr-hss.yaml")
def run_tests(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Mapping files.")],
) -> None:
    """Run the tests inside mapping files.

    They script what the external system replies; nothing is sent. A rule, or an `ignore` or
    `require` of it, that no test reaches is a failure too.
    """
    runs = [_run(file) for file in files]
    passed, failed = (sum(run[index] for run in runs) for index in (0, 1))
    say(f"{passed} passed, {failed} failed", "red" if failed else "green")
    if failed or not all(run[2] for run in runs):
        raise typer.Exit(FAILED)


def _run(file: Path) -> tuple[int, int, bool]:
    """How many tests of a file passed and failed, and whether all of it was tested."""
    found, lints = mapping_load.check(file)
    if found is None or count_errors(lints):
        show_lints(lints)
        return 0, 0, False
    results = []
    for index, result in enumerate(run_cases(found)):
        results.append(result)
        line = found.document.place(("tests", index)).line
        if result.problems:
            say(f"FAILED  {result.case.name} ({file}:{line})", "red")
        else:
            say(f"ok      {result.case.name}")
        for problem in result.problems:
            say(f"        {problem}")
    missing = untested(found, results)
    show_lints(missing)
    failed = sum(1 for result in results if result.problems)
    return len(results) - failed, failed, not missing
