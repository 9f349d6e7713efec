"""How a run ended, for people: what was met, what was answered, what is not as it should be."""

from collections.abc import Iterator
from datetime import UTC, datetime

from connector_tools.send import quantile
from connector_tools.simulation.nsps import HeldEvent
from connector_tools.simulation.world import SimulationResult
from connector_tools.terminal import counted

_MOST = 10  # subscribers that are told in full, and events
_UNSEEN_MOST = 100  # events, where they are all that can be told


def lines(ended: SimulationResult, *, seen: bool = True) -> Iterator[tuple[str, str]]:
    """Lines with their styles; `seen` says whether the network's records could be compared."""
    yield "What happened", "bold"
    days = ended.simulated / 86_400
    yield f"  {counted(ended.events, 'event')} in {days:.1f} simulated days", ""
    yield f"  {counted(ended.attempts, 'attempt')} by NSPS to deliver them", ""
    if seen and ended.requests:
        yield f"  {counted(ended.requests, 'request')} to the network", ""
    if ended.latencies:
        ordered = sorted(ended.latencies)
        at = (f"p{share} {quantile(ordered, share / 100) or 0:.3g} s" for share in (50, 95, 99))
        told = "simulated" if seen else "measured here"
        yield f"  answered within {', '.join(at)}, {told}", ""
    yield "", ""
    yield "Faults met", "bold"
    for name, count in (+ended.faults).most_common():
        yield f"  {count:8}  {name}", ""
    if not +ended.faults:
        yield "  none", ""
    yield "", ""
    yield "Answers", "bold"
    for (status, message), count in sorted(ended.answers.items()):
        yield f"  {count:8}  {status or '---'}  {message}", ""
    yield "", ""
    yield from _verdict(ended, seen)


def _verdict(ended: SimulationResult, seen: bool) -> Iterator[tuple[str, str]]:
    for rule, count in sorted(_counted(ended.wrong).items()):
        yield f"MUST NOT HAPPEN, {count} times: {rule}", "red"
    yield from _given_up(ended.reported, _MOST if seen else _UNSEEN_MOST)
    if ended.waiting:
        yield f"STILL WAITING at the end: {counted(ended.waiting, 'event')}", "red"
    yield from _compared(ended) if seen else _unseen(ended)


def _given_up(reported: list[HeldEvent], most: int) -> Iterator[tuple[str, str]]:
    if len(reported) > most:
        yield f"NOT APPLIED: {counted(len(reported), 'event')}, the first of them:", "red"
    for held in reported[:most]:
        _, status, text = held.history[-1]
        last = f"{status or '---'} {text}"
        yield f"NOT APPLIED, NSPS gave up: {held.espf.event_type} {held.event_id}: {last}", "red"


def _unseen(ended: SimulationResult) -> Iterator[tuple[str, str]]:
    """What can be said of a deployment whose network is not seen."""
    if ended.rejected:
        rejected = counted(len(ended.rejected), "event")
        yield f"{rejected} rejected (422): their data is wrong for that mapping", "yellow"
    if ended.delivered:
        rest = "other " if ended.rejected else ""
        yield f"Every {rest}event was accepted in the end.", "green"
    yield (
        "Not measured: whether the external system agrees with billing. Compare it there.",
        "yellow",
    )


def _compared(ended: SimulationResult) -> Iterator[tuple[str, str]]:
    """How the network differs from billing."""
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
