"""`connector check`: print what is wrong with mapping files, and mend what can be mended."""

import os
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from connector.mapping import load as mapping_load
from connector.mapping.document import Lint
from connector.mapping.schema import MappingFile
from connector.settings import BadSettings
from connector_tools.cli.options import MappingPaths
from connector_tools.cli.output import count_errors, lint_json, show_lints
from connector_tools.terminal import CANNOT_RUN, FAILED, counted, print_json, say

app = typer.Typer()


class _Checked(NamedTuple):
    """What was found in a file; `fixed` are the lints that `--fix` has mended."""

    file: Path
    mapping: MappingFile | None
    lints: list[Lint]
    fixed: tuple[Lint, ...]
    environment: list[str] | None

    @property
    def errors(self) -> int:
        """How many lints are errors."""
        return count_errors(self.lints)

    @property
    def warnings(self) -> int:
        """How many lints are warnings."""
        return len(self.lints) - self.errors


@app.command(epilog="Example: connector check mappings/*.yaml --strict")
def check(
    files: MappingPaths,
    environment: Annotated[
        bool,
        typer.Option(
            "--environment", help="Also check whether the function would start with it here."
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings, too.")] = False,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Mend in the files what has only one mend; show what it was."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print what is wrong with mapping files: place, reason, what to change.

    Warnings are for the author. Errors stop a deployment; with an error, the exit code is 1, and 2
    if a file cannot be read. The name in brackets has a heading in docs/lints.md.
    """
    found = [_check(file, environment=environment, fix=fix) for file in files]
    if as_json:
        print_json(_document(found))
    else:
        for one in found:
            _show(one)
        if len(found) > 1:
            say(f"{counted(len(found), 'file')}: {_counts(found)}")
    if any(lint.name == "file" for one in found for lint in one.lints):
        raise typer.Exit(CANNOT_RUN)
    wrong = any(one.mapping is None or one.errors or one.environment for one in found)
    if wrong or (strict and any(one.warnings for one in found)):
        raise typer.Exit(FAILED)


def _check(file: Path, *, environment: bool, fix: bool) -> _Checked:
    fixed: tuple[Lint, ...] = ()
    if fix:
        from connector_tools.mending import mend  # noqa: PLC0415 - only this option needs it

        fixed = mend(file)
    mapping, lints = mapping_load.check(file)
    sound = mapping is not None and not count_errors(lints)
    problems = _environment(file) if environment and sound else None
    return _Checked(file, mapping, lints, fixed, problems)


def _environment(file: Path) -> list[str]:
    """What stops the function from starting with this file and this environment."""
    from connector.startup import start  # noqa: PLC0415 - only this option needs it

    try:
        start({**os.environ, "MAPPING_FILE": str(file)})
    except BadSettings as bad:
        return list(bad.problems)
    return []


def _show(one: _Checked) -> None:
    for lint in one.fixed:
        written = ", ".join(f"`{edit.text}`" for edit in lint.fix)
        at = f"{lint.path}:{lint.place.line}:{lint.place.column}"
        say(f"{at}: fixed: {lint.reason}; wrote {written} [{lint.name}]", "green")
    show_lints(one.lints)
    if one.mapping:
        rules, tests = len(one.mapping.rules), len(one.mapping.tests)
        said = f"{counted(rules, 'rule')}, {counted(tests, 'test')}"
        say(f"{one.file}: {_counts([one])}, {said}")
    for problem in one.environment or ():
        say(f"environment: error: {problem}", "red")
    if one.environment == []:
        say("environment: all settings are there and of their types")


def _counts(found: list[_Checked]) -> str:
    errors, warnings = sum(one.errors for one in found), sum(one.warnings for one in found)
    fixed = sum(len(one.fixed) for one in found)
    counts = [counted(errors, "error"), counted(warnings, "warning")]
    said = ", ".join(count for count in counts if not count.startswith("0 ")) or "no lints"
    return f"{said}, {fixed} fixed" if fixed else said


def _document(found: list[_Checked]) -> dict[str, Any]:
    files = [
        {
            "file": str(one.file),
            "rules": len(one.mapping.rules) if one.mapping else None,
            "tests": len(one.mapping.tests) if one.mapping else None,
            "lints": [lint_json(lint) for lint in one.lints],
            "fixed": [lint_json(lint) for lint in one.fixed],
            "environment": one.environment,
        }
        for one in found
    ]
    errors, warnings = sum(one.errors for one in found), sum(one.warnings for one in found)
    return {"files": files, "errors": errors, "warnings": warnings}
