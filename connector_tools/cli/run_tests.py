"""`connector test`: run the tests inside mapping files.

The module is not called test.py, so that it is not taken for a test of this repository.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from connector.mapping import load as mapping_load
from connector_tools.cli.options import MappingPaths
from connector_tools.cli.output import count_errors
from connector_tools.mapping_tests import run_cases, untested
from connector_tools.mapping_tests.coverage import coverage
from connector_tools.mapping_tests.junit import junit
from connector_tools.mapping_tests.report import FileReport
from connector_tools.mapping_tests.skeleton import skeleton
from connector_tools.terminal import CANNOT_RUN, FAILED, print_json, say, stop, terminal

app = typer.Typer()

_Only = Annotated[
    str,
    typer.Option(
        "-k", metavar="TEXT", help="Run only the tests with this text in their names, in any case."
    ),
]


@app.command("test", epilog="Example: connector test mappings/wtl-hlr-hss.yaml -k swap")
def run_tests(
    files: MappingPaths,
    only: _Only = "",
    show_missing: Annotated[
        bool, typer.Option("--coverage", help="List each branch that no test reaches.")
    ] = False,
    junit_file: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Also write the results as JUnit XML."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Run the tests inside mapping files.

    The tests script the replies of the external system; nothing is sent. It is a failure, too, if
    no test reaches a part of the mapping: a call, a condition, the meaning of a reply. Not with -k,
    which runs only a part of the tests.

    Exit codes: 0 all passed; 1 a test failed, a file has errors, or something is not tested; 2 a
    file cannot be read, or no test has the text of -k.
    """
    reports = []
    for file in files:
        reports.append(_run(file, only))
        if not as_json:
            _show(reports[-1], missing=show_missing)
    if junit_file:
        _write(junit_file, junit(reports))
    if as_json:
        print_json(_document(reports))
    else:
        _show_end(reports)
    _end(reports, only)


def _run(file: Path, only: str) -> FileReport:
    """Run the tests of a file; if it has errors, the report has these instead."""
    found, lints = mapping_load.check(file)
    if found is None or count_errors(lints):
        return FileReport(file, lints=tuple(lints))
    results = tuple(run_cases(found, only))
    if only:
        return FileReport(file, found, results)
    return FileReport(
        file, found, results, tuple(untested(found, results)), coverage(found, results)
    )


def _show(report: FileReport, *, missing: bool) -> None:
    """Print the results of a file; of one without any test, how to begin."""
    for text, style in report.lines(missing=missing):
        say(text, style)
    if report.mapping and not report.has_tests:
        say("Begin with these, at the end of the file:")
        for line in skeleton(report.mapping).splitlines():
            say(line)


def _show_end(reports: list[FileReport]) -> None:
    """Print the failures once more, where they are found at once, and the sum."""
    failed = sum(len(report.failed) for report in reports)
    tests = sum(len(report.results) for report in reports)
    if failed and tests > 1:
        say("")
        say("failures", "bold")
        for text, style in _failures(reports):
            say(text, style)
    say(f"{tests - failed} passed, {failed} failed", "red" if failed else "green")


def _failures(reports: list[FileReport]) -> Iterator[tuple[str, str]]:
    for report in reports:
        yield from report.failures()


def _document(reports: list[FileReport]) -> dict[str, object]:
    failed = sum(len(report.failed) for report in reports)
    tests = sum(len(report.results) for report in reports)
    return {
        "passed": tests - failed,
        "failed": failed,
        "files": [report.document() for report in reports],
    }


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        stop(f"cannot write {file}: {error.strerror}")


def _end(reports: list[FileReport], only: str) -> None:
    """End the command with the exit code of the results."""
    if any(not report.is_readable for report in reports):
        raise typer.Exit(CANNOT_RUN)
    if not all(report.is_good for report in reports):
        raise typer.Exit(FAILED)
    if only and not any(report.results for report in reports):
        say(f"connector: no test has `{only}` in its name", "red", to=terminal(stderr=True))
        raise typer.Exit(CANNOT_RUN)
