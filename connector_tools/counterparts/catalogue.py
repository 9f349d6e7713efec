"""Finds a mapping file and its counterpart: by the name of a catalogue entry, or by files."""

import os
from collections.abc import Iterator
from importlib import import_module, util
from pathlib import Path

from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.program import ROOT

MAPPINGS = ROOT / "mappings"
_MODULES = "connector_tools.counterparts"


class NoCounterpart(Exception):  # noqa: N818 - says what happened
    """There is no such mapping file or counterpart; the text says what to give."""


def entries() -> Iterator[str]:
    """Yield the names of the catalogue's entries."""
    yield from sorted(file.stem for file in MAPPINGS.glob("*.yaml"))


def mapping_file(given: str) -> Path:
    """The mapping file of this name in the catalogue, or at this path.

    Raises:
        NoCounterpart: there is none.
    """
    for file in (MAPPINGS / f"{given}.yaml", Path(given)):
        if os.path.isfile(file):  # noqa: PTH113 - unlike `is_file`, also false for odd names
            return file.resolve()
    names = ", ".join(entries())
    raise NoCounterpart(f"there is no mapping file `{given}`; give its path, or one of {names}")


def counterpart_of(mapping: Path, given: Path | None = None) -> type[Counterpart]:
    """The counterpart in the Python file `given`; without it, that of the catalogue's entry.

    Raises:
        NoCounterpart: there is none, or the file names none.
    """
    if given:
        return _in_file(given)
    name = f"{_MODULES}.{mapping.stem.replace('-', '_')}"
    if mapping.parent == MAPPINGS and util.find_spec(name):
        found: type[Counterpart] | None = getattr(import_module(name), "COUNTERPART", None)
        if found:
            return found
    raise NoCounterpart(
        f"{mapping.name} has no counterpart: write one (docs/counterparts.md) and give it with "
        "--counterpart FILE"
    )


def _in_file(file: Path) -> type[Counterpart]:
    if not file.is_file():
        raise NoCounterpart(f"there is no file {file}")
    spec = util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise NoCounterpart(f"{file} is no Python file")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, "COUNTERPART", None)
    if not (isinstance(found, type) and issubclass(found, Counterpart)):
        raise NoCounterpart(
            f"{file} needs a line `COUNTERPART = ` with the class of its counterpart"
        )
    return found
