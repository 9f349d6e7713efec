"""What an audit found."""

from collections import Counter
from dataclasses import dataclass, field

from connector.event import Event
from connector.outcome import Outcome
from connector_tools.audit.finding import Finding, Kind
from connector_tools.audit.known import Sorted


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of a repair.

    `right` is true if a read afterwards showed none of the differences at these `places`.
    """

    subject: str = field(repr=False)
    hash: str
    outcome: Outcome
    reason: str | None
    right: bool
    places: frozenset[tuple[str, str, str]] = field(default=frozenset(), repr=False)


@dataclass(slots=True)
class Report:
    """The result of a run.

    `checked` subjects were read; `skipped` were not judged, by the reason. `left_out` are the
    events that say nothing that can be compared, by the reason. `findings` are confirmed by a
    second read, `sorted` are the same without those that are known. `complete` is true if the run
    reached the end of its round. `events` has, by hash, the event of each subject with a finding.
    """

    checked: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    sorted: Sorted = field(default_factory=Sorted)
    repaired: list[Repaired] = field(default_factory=list)
    not_sent: int = 0
    reads: int = 0
    seconds: float = 0.0
    complete: bool = False
    events: dict[str, Event] = field(default_factory=dict, repr=False)

    @property
    def remaining(self) -> list[Finding]:
        """The differences that count and that no repair has mended."""
        right = {place for one in self.repaired if one.right for place in one.places}
        return [finding for finding in self.sorted.count if finding.place not in right]

    @property
    def by_kind(self) -> dict[Kind, int]:
        """How many differences count, by kind."""
        counted = Counter(finding.kind for finding in self.sorted.count)
        return {kind: counted[kind] for kind in Kind}
