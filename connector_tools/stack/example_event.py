"""An event to begin with, for a mapping file that is served on this machine."""

from pathlib import Path

from connector.mapping.load import load
from connector.outcome import Outcome
from connector_tools.program import ROOT

_EVENT = ROOT / "mappings" / "events" / "sim-updated.json"


def example(file: Path) -> Path:
    """An event that a mapping file has calls for: that of its first test which is applied."""
    mapping = load(file)
    events = [test.event for test in mapping.tests if test.outcome is Outcome.APPLIED]
    return file.parent / events[0] if events else _EVENT
