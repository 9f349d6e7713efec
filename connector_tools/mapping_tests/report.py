"""What the tests of a mapping file found: as lines, and as a document for programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.mapping.document import Lint
from connector.mapping.schema import MappingFile
from connector_tools.mapping_tests.coverage import Coverage
from connector_tools.mapping_tests.run import CaseResult
from connector_tools.terminal import counted
from connector_tools.text_lines import Line


@dataclass(frozen=True)
class FileReport:
    """The tests of a file.

    `mapping` is None if the file has errors; `lints` are these, or what no test reaches. `coverage`
    is None if not all tests were run.
    """

    file: Path
    mapping: MappingFile | None = None
    results: tuple[CaseResult, ...] = ()
    lints: tuple[Lint, ...] = ()
    coverage: Coverage | None = None

    @property
    def failed(self) -> list[CaseResult]:
        """The tests that failed."""
        return [result for result in self.results if result.problems]

    @property
    def is_readable(self) -> bool:
        """False if the file itself could not be read."""
        return all(lint.name != "file" for lint in self.lints)

    @property
    def is_good(self) -> bool:
        """True if all tests passed, and reach all that they must."""
        return self.mapping is not None and not self.failed and not self.lints

    def line(self, result: CaseResult) -> int:
        """The line of a test in the file."""
        return self.mapping.document.place(result.loc).line if self.mapping else 1

    @property
    def has_tests(self) -> bool:
        """False if the file can be tested and has no test."""
        return self.mapping is None or bool(self.mapping.tests or self.mapping.stories)

    def lines(self, *, missing: bool) -> Iterator[Line]:
        """Yield a line for each test, and what is wrong; with `missing` each branch not reached.

        Of a file without any test it is not said what no test reaches.
        """
        if not self.has_tests:
            yield f"{self.file} has no tests", "red"
            return
        for result in self.results:
            yield from self._case(result)
        for lint in self.lints:
            yield str(lint), "red" if lint.level == "error" else "yellow"
        if self.coverage:
            yield from self._covered(self.coverage, missing=missing)

    def _case(self, result: CaseResult) -> Iterator[Line]:
        if not result.problems:
            yield f"ok      {result.case.name}", ""
            return
        yield f"FAILED  {result.case.name} ({self.file}:{self.line(result)})", "red"
        for problem in result.problems:
            yield f"        {problem}", ""

    def _covered(self, found: Coverage, *, missing: bool) -> Iterator[Line]:
        whole = f"{found.reached} of {counted(len(found.branches), 'branch', 'branches')}"
        style = "yellow" if found.missing else ""
        yield f"{self.file}: {found.percent:g} % covered, {whole}", style
        for branch in found.missing if missing else ():
            yield f"{self.file}:{branch.place.line}:{branch.place.column}: {branch.what}", "yellow"

    def failures(self) -> Iterator[Line]:
        """Yield the lines of the tests that failed."""
        for result in self.failed:
            yield from self._case(result)

    def document(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "file": str(self.file),
            "passed": len(self.results) - len(self.failed),
            "failed": len(self.failed),
            "tests": [self._test(result) for result in self.results],
            "lints": [_lint(lint) for lint in self.lints],
            "coverage": self.coverage and _coverage(self.coverage),
        }

    def _test(self, result: CaseResult) -> dict[str, Any]:
        return {
            "name": result.case.name,
            "line": self.line(result),
            "passed": not result.problems,
            "seconds": round(result.seconds, 4),
            "problems": result.problems,
            "differences": [one.document for one in result.differences],
        }


def _lint(lint: Lint) -> dict[str, Any]:
    return {
        "code": lint.name,
        "line": lint.place.line,
        "column": lint.place.column,
        "severity": lint.level,
        "message": lint.reason,
        "mend": lint.mend,
    }


def _coverage(found: Coverage) -> dict[str, Any]:
    missing = [
        {"line": one.place.line, "column": one.place.column, "what": one.what}
        for one in found.missing
    ]
    return {
        "percent": found.percent,
        "branches": len(found.branches),
        "reached": found.reached,
        "missing": missing,
    }
