"""The result of a run as text: events, faults, answers, and whether the network is right."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from connector_tools.send import quantile
from connector_tools.simulation.held_events import HeldEvent, without_seconds
from connector_tools.simulation.scenario import SimulationResult
from connector_tools.terminal import counted

_MOST = 10  # subscribers and events that are printed in full
_UNSEEN_MOST = 100  # events that are printed if the network cannot be seen


def lines(result: SimulationResult, *, seen: bool = True) -> Iterator[tuple[str, str]]:
    """Yield lines with their styles; `seen` says whether the network could be compared."""
    yield "What happened", "bold"
    days = result.simulated / 86_400
    yield f"  {counted(result.events, 'event')} in {days:.1f} simulated days", ""
    yield f"  {counted(result.attempts, 'attempt')} by NSPS to deliver them", ""
    if seen and result.requests:
        yield f"  {counted(result.requests, 'request')} to the network", ""
    if result.latencies:
        ordered = sorted(result.latencies)
        at = (f"p{share} {quantile(ordered, share / 100) or 0:.3g} s" for share in (50, 95, 99))
        told = "simulated" if seen else "measured here"
        yield f"  answered within {', '.join(at)}, {told}", ""
    yield "", ""
    yield "Faults met", "bold"
    for name, count in (+result.faults).most_common():
        yield f"  {count:8}  {name}", ""
    if not +result.faults:
        yield "  none", ""
    yield "", ""
    yield "Answers", "bold"
    for (status, message), count in sorted(answers_alike(result.answers).items()):
        yield f"  {count:8}  {status or '---'}  {message}", ""
    yield "", ""
    yield from _verdict(result, seen)


def answers_alike(answers: dict[tuple[int, str], int]) -> Counter[tuple[int, str]]:
    """How often each answer was given; those that differ only in a number of seconds are one."""
    found: Counter[tuple[int, str]] = Counter()
    for (status, message), count in answers.items():
        found[status, without_seconds(message)] += count
    return found


def _verdict(result: SimulationResult, seen: bool) -> Iterator[tuple[str, str]]:
    for rule, count in sorted(rules_broken(result.wrong).items()):
        yield f"MUST NOT HAPPEN, {count} times: {rule}", "red"
    yield from _not_promised(result)
    yield from _given_up(result.reported, _MOST if seen else _UNSEEN_MOST)
    if result.stuck:
        left = counted(len(result.left), "event")
        yield f"ENDED EARLY: {left} left, and each gets the same answer: {result.stuck}", "red"
        for held in result.left[:_MOST]:
            yield f"  {held.espf.event_type} {held.event_id}", ""
    elif result.waiting:
        yield f"STILL WAITING at the end: {counted(result.waiting, 'event')}", "red"
    yield from _compared(result) if seen else _unseen(result)


def _not_promised(result: SimulationResult) -> Iterator[tuple[str, str]]:
    """What happened and is no failure (see not_promised.py), and what may be none."""
    for doubt in result.doubts if result.wrong or result.different else ():
        yield (
            f"not promised, expected: {doubt}; a fault of the connector would look the same",
            "red",
        )
    for rule, count in sorted(rules_broken(result.not_promised).items()):
        yield f"not promised, expected: {rule}, {counted(count, 'time')}", "yellow"
    if result.rings:
        who = counted(len(result.rings), "subscriber")
        yield f"not promised, expected: {who} who wait for each other's number:", "yellow"
    for difference, events in result.rings:
        yield f"  subscriber ...{difference.key[-4:]}", ""
        yield f"    billing: {difference.billing}", ""
        yield f"    network: {difference.network}", ""
        for held in events:
            yield f"    {_event(held)}", ""


def _event(held: HeldEvent) -> str:
    """An event with its last answers, on a line."""
    said = "; ".join(f"{status or '---'} {text}" for _, status, text in held.history[-3:])
    return f"{_time(held.enriched)} {held.espf.event_type} {held.event_id}: {said}"


def _given_up(reported: list[HeldEvent], most: int) -> Iterator[tuple[str, str]]:
    if len(reported) > most:
        yield f"NOT APPLIED: {counted(len(reported), 'event')}, the first of them:", "red"
    for held in reported[:most]:
        _, status, text = held.history[-1]
        last = f"{status or '---'} {text}"
        yield f"NOT APPLIED, NSPS gave up: {held.espf.event_type} {held.event_id}: {last}", "red"


def _unseen(result: SimulationResult) -> Iterator[tuple[str, str]]:
    """The verdict on a deployment, whose network cannot be seen."""
    if result.rejected:
        rejected = counted(len(result.rejected), "event")
        yield f"{rejected} rejected (422): their data is wrong for that mapping", "yellow"
    if result.delivered:
        rest = "other " if result.rejected else ""
        yield f"Every {rest}event was accepted in the end.", "green"
    yield (
        "Not measured: whether the external system agrees with billing. Compare it there.",
        "yellow",
    )


def _compared(result: SimulationResult) -> Iterator[tuple[str, str]]:
    """The verdict on a network that was compared with billing."""
    for difference, events in result.different[:_MOST]:
        yield f"DIFFERENT: subscriber ...{difference.key[-4:]}", "red"
        yield f"  billing: {difference.billing}", ""
        yield f"  network: {difference.network}", ""
        for held in events:
            yield f"  {_event(held)}", ""
    share = f"{len(result.different)} of {counted(result.subscribers, 'SIM')} differ from billing"
    if result.rings:
        share += f", beside the {len(result.rings)} above"
    if not result.subscribers:
        share = "the system holds nothing to compare, and noted nothing wrong"
    yield (
        f"{'Converged' if result.converged else 'NOT CONVERGED'}: {share}",
        ("green" if result.converged else "red"),
    )


def rules_broken(wrong: list[str]) -> dict[str, int]:
    """How often each rule was broken, for all subscribers together."""
    found: dict[str, int] = {}
    for text in wrong:
        rule = " ".join(word for word in text.split() if not word.startswith("..."))
        found[rule] = found.get(rule, 0) + 1
    return found


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %H:%M:%S")
