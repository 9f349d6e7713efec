"""An event to begin with, for a mapping file that is served on this machine."""

from pathlib import Path

from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome
from connector_tools.program import ROOT

_EVENT = ROOT / "mappings" / "events" / "sim-updated.json"


def example(file: Path, mapping: MappingFile | None = None) -> Path:
    """An event that a mapping file has calls for: that of its first test which is applied.

    If no file of such an event is there, as beside a copied mapping file, it is one of the
    catalogue. With `mapping`, the file is not read; it may have errors by now.
    """
    tests = (mapping or load(file)).tests
    events = (file.parent / test.event for test in tests if test.outcome is Outcome.APPLIED)
    return next((event for event in events if event.is_file()), _EVENT)
