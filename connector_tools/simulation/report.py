"""How a run ended, for people: what was met, what was answered, what is not as it should be."""

from collections.abc import Iterator
from datetime import UTC, datetime

from connector_tools.send import quantile
from connector_tools.simulation.world import Ended
from connector_tools.terminal import counted

_MOST = 10  # subscribers that are told in full


def lines(ended: Ended, *, seen: bool = True) -> Iterator[tuple[str, str]]:
    """Lines with their styles; `seen` says whether the network's records could be compared."""
    yield "What happened", "bold"
    days = ended.simulated / 86_400
    yield f"  {counted(ended.events, 'event')} in {days:.1f} simulated days", ""
    yield f"  {counted(ended.attempts, 'attempt')} by NSPS to deliver them", ""
    if seen and ended.requests:
        yield f"  {counted(ended.requests, 'request')} to the network", ""
    ordered = sorted(ended.latencies)
    p50, p99 = quantile(ordered, 0.5), quantile(ordered, 0.99)
    if p50 is not None and p99 is not None:
        told = "simulated" if seen else "as measured here"
        yield f"  answered within {p50:.3g} s (half of them), {p99:.3g} s (99 of 100), {told}", ""
    yield "", ""
    yield "Faults met", "bold"
    for name, count in ended.faults.most_common():
        yield f"  {count:8}  {name}", ""
    if not ended.faults:
        yield "  none", ""
    yield "", ""
    yield "Answers", "bold"
    for (status, message), count in sorted(ended.answers.items()):
        yield f"  {count:8}  {status or '---'}  {message}", ""
    yield "", ""
    yield from _verdict(ended, seen)


def _verdict(ended: Ended, seen: bool) -> Iterator[tuple[str, str]]:
    for rule, count in sorted(_counted(ended.wrong).items()):
        yield f"MUST NOT HAPPEN, {count} times: {rule}", "red"
    if len(ended.reported) > _MOST:
        yield f"NOT APPLIED: {counted(len(ended.reported), 'event')}, the first of them:", "red"
    for held in ended.reported[:_MOST]:
        yield f"NOT APPLIED, NSPS gave up: {held.espf.event_type} {held.event_id}", "red"
    if ended.waiting:
        yield f"STILL WAITING at the end: {counted(ended.waiting, 'event')}", "red"
    if not seen:
        if ended.converged:
            yield "Every event was accepted in the end.", "green"
        yield "The network of that deployment is not seen from here: compare it yourself.", "yellow"
        return
    for difference, events in ended.different[:_MOST]:
        yield f"DIFFERENT: subscriber ...{difference.imsi[-4:]}", "red"
        yield f"  billing: {difference.billing}", ""
        yield f"  network: {difference.network}", ""
        for held in events:
            said = "; ".join(f"{status or '---'} {text}" for _, status, text in held.history[-3:])
            yield f"  {_time(held.enriched)} {held.espf.event_type} {held.event_id}: {said}", ""
    share = f"{len(ended.different)} of {counted(ended.subscribers, 'SIM')} differ from billing"
    yield (
        f"{'Converged' if ended.converged else 'NOT CONVERGED'}: {share}",
        ("green" if ended.converged else "red"),
    )


def _counted(wrong: list[str]) -> dict[str, int]:
    """How often each rule was broken, whoever it concerned."""
    found: dict[str, int] = {}
    for text in wrong:
        rule = " ".join(word for word in text.split() if not word.startswith("..."))
        found[rule] = found.get(rule, 0) + 1
    return found


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %H:%M:%S")
