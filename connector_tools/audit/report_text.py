"""The report of an audit: for people, as JSON, and as lines of the log.

Values are shown masked, unless the operator asks for them; the log never has any.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from logging import INFO, WARNING
from typing import Any

from connector import log
from connector.event import Event, personal, readable
from connector.masking import mask, redact
from connector_tools.audit.finding import MEANINGS, Finding, Kind
from connector_tools.audit.known import Known
from connector_tools.audit.report import Repaired, Report
from connector_tools.terminal import counted
from connector_tools.text_lines import Line, heading

_HASH = 16  # letters of a hash in the log


@dataclass(frozen=True, slots=True)
class Shown:
    """How values are shown: `clear` as they are, else masked.

    Of a text only what stands in the mapping file, or in the event and is not personal, is shown:
    what the system holds can be the data of another subscriber.
    """

    report: Report = field(repr=False)
    mapping_text: str = field(repr=False)
    clear: bool = False

    def subject(self, name: str) -> str:
        """The name of a subject."""
        return name if self.clear or not name else log.mask_subject(name)

    def value(self, value: Any, hash_: str) -> Any:
        """A value that is wanted or found, at any depth."""
        if self.clear:
            return value
        event = self.report.events.get(hash_)
        return self._masked(value, event, frozenset(personal(event)) if event else frozenset())

    def text(self, text: str, hash_: str) -> str:
        """A sentence that may quote the system."""
        event = self.report.events.get(hash_)
        return text if self.clear else redact(text, personal(event) if event else ())

    def _masked(self, value: Any, event: Event | None, hidden: frozenset[str]) -> Any:
        if isinstance(value, dict):
            return {name: self._masked(item, event, hidden) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._masked(item, event, hidden) for item in value]
        if value is None or isinstance(value, bool):
            return value
        text = str(value)
        known = text in self.mapping_text or (event is not None and text in _open(event))
        if not text or (known and text not in hidden and redact(text) == text):
            return value
        if isinstance(value, int | float) and redact(text) == text and text not in hidden:
            return value
        return mask(text)


def _open(event: Event) -> list[str]:
    """Texts of an event that are not personal: names of products, profiles and states."""
    found = readable(event)
    for part, name in ((event.product, "name"), (event.policy, "name"), (event.account, "status")):
        value: object = getattr(part, name, None)
        found += [value] if isinstance(value, str) else []
    return found


def lines(shown: Shown) -> Iterator[Line]:
    """Yield the report for people."""
    report = shown.report
    for kind in Kind:
        found = [finding for finding in report.sorted.count if finding.kind is kind]
        if found:
            yield heading(f"{kind.value}: {len(found)} ({MEANINGS[kind]})")
            yield from ((f"  {_sentence(one, shown)}", "red") for one in found)
    if report.sorted.known:
        yield heading(f"known: {len(report.sorted.known)}")
        for finding, why in report.sorted.known:
            text = f"{finding.kind.value}, {_sentence(finding, shown)}: {_because(why)}"
            yield f"  {text}", ""
    for title, entries in (
        ("expired", report.sorted.expired),
        ("no difference any more", report.sorted.unused),
    ):
        for entry in entries:
            text = f"known difference of {shown.subject(entry.subject)}: {title}: {_because(entry)}"
            yield text, "yellow"
    for repaired in report.repaired:
        yield _repaired(repaired, shown), "" if repaired.right else "red"
    yield from _ends(report)


def _sentence(finding: Finding, shown: Shown) -> str:
    who = f"{shown.subject(finding.subject)} ({finding.hash[:_HASH]})" if finding.hash else "all"
    text = f"{who}: {finding.resource}"
    if finding.field:
        wanted, found = (shown.value(one, finding.hash) for one in (finding.wanted, finding.found))
        text += f".{finding.field}: "
        text += f"wanted {_json(wanted)}, " if finding.wanted is not None else ""
        text += f"found {_json(found)}"
    if finding.other:
        text += f", which {shown.subject(finding.other)} has, too"
    if finding.reason:
        text += f": {shown.text(finding.reason, finding.hash)}"
    return text


def _repaired(one: Repaired, shown: Shown) -> str:
    text = f"repair of {shown.subject(one.subject)} ({one.hash[:_HASH]}): {one.outcome.value}"
    text += f": {shown.text(one.reason, one.hash)}" if one.reason else ""
    return text + ("" if one.right or one.reason else ", but it still differs")


def _because(entry: Known) -> str:
    return f"{entry.because} ({entry.owner}, until {entry.until})"


def _ends(report: Report) -> Iterator[Line]:
    for title, counts in (("not judged", report.skipped), ("not compared", report.left_out)):
        for reason, number in counts.most_common():
            yield f"{title}: {number}: {reason}", "yellow"
    if report.not_sent:
        what = counted(report.not_sent, "subject")
        yield f"would repair {what}; with --send, they are repaired", "yellow"
    by_kind = ", ".join(f"{number} {kind.value}" for kind, number in report.by_kind.items())
    yield f"{counted(report.checked, 'subject')} checked: {by_kind}", "bold"
    rate = report.reads / report.seconds if report.seconds else 0
    end = "the round is complete" if report.complete else "the next run goes on from here"
    text = f"{counted(report.reads, 'read')} in {report.seconds:.1f} s ({rate:.0f}/s)"
    yield f"{text}; {end}", ""


def document(shown: Shown) -> dict[str, Any]:
    """The report as JSON."""
    report = shown.report
    return {
        "checked": report.checked,
        "complete": report.complete,
        "counts": {kind.value: number for kind, number in report.by_kind.items()},
        "drift": len(report.remaining),
        "findings": [_finding(one, shown) for one in report.sorted.count],
        "known": [
            {**_finding(one, shown), "because": why.because, "owner": why.owner}
            for one, why in report.sorted.known
        ],
        "expired": [_known(one, shown) for one in report.sorted.expired],
        "unused": [_known(one, shown) for one in report.sorted.unused],
        "not_judged": dict(report.skipped),
        "not_compared": dict(report.left_out),
        "repaired": [_repair(one, shown) for one in report.repaired],
        "would_repair": report.not_sent,
        "reads": report.reads,
        "seconds": round(report.seconds, 1),
    }


def _finding(one: Finding, shown: Shown) -> dict[str, Any]:
    found = {
        "kind": one.kind.value,
        "subject": shown.subject(one.subject),
        "subject_hash": one.hash[:_HASH],
        "resource": one.resource,
    }
    if one.field:
        found["field"] = one.field
        found["wanted"] = shown.value(one.wanted, one.hash)
        found["found"] = shown.value(one.found, one.hash)
    if one.other:
        found["other"] = shown.subject(one.other)
    if one.reason:
        found["reason"] = shown.text(one.reason, one.hash)
    return found


def _known(one: Known, shown: Shown) -> dict[str, Any]:
    subject = {"subject": shown.subject(one.subject)}
    return subject | one.model_dump(mode="json", exclude={"subject"}, exclude_none=True)


def _repair(one: Repaired, shown: Shown) -> dict[str, Any]:
    return {
        "subject": shown.subject(one.subject),
        "subject_hash": one.hash[:_HASH],
        "outcome": one.outcome.value,
        "reason": one.reason and shown.text(one.reason, one.hash),
        "right": one.right,
    }


def write_log(report: Report, connector: str) -> None:
    """Write a line for each difference, and one for the end of the run; without any value."""
    for finding in report.remaining:
        log.write(WARNING, "audit found", connector=connector, **_logged(finding))
    for entry in report.sorted.expired:
        log.write(WARNING, "known difference expired", connector=connector, owner=entry.owner)
    counts: Mapping[str, int] = {kind.value: number for kind, number in report.by_kind.items()}
    log.write(
        WARNING if report.remaining else INFO,
        "audit ended",
        connector=connector,
        checked=report.checked,
        **counts,
        drift=len(report.remaining),
        known=len(report.sorted.known),
        not_judged=_sum(report.skipped.values()),
        not_compared=_sum(report.left_out.values()),
        repaired=sum(one.right for one in report.repaired),
        reads=report.reads,
        seconds=round(report.seconds, 1),
        complete=report.complete,
    )


def _logged(one: Finding) -> dict[str, Any]:
    line = {
        "kind": one.kind.value,
        "resource": one.resource,
        "field": one.field or None,
        "subject": log.mask_subject(one.subject) if one.subject else None,
        "subject_hash": one.hash[:_HASH] or None,
    }
    return {name: value for name, value in line.items() if value is not None}


def _sum(numbers: Iterable[int]) -> int:
    return sum(numbers)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
