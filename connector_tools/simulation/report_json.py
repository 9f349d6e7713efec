"""The result of a run as a JSON document, with what `report` says in sentences."""

from typing import Any

from connector_tools.send import quantile
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.held_events import HeldEvent
from connector_tools.simulation.report import answers_alike, rules_broken
from connector_tools.simulation.scenario import Scenario, SimulationResult

_LAST = 3  # answers of an event


def document(
    result: SimulationResult, scenario: Scenario, about: str, *, seen: bool
) -> dict[str, Any]:
    """The result for programs; `seen` says whether the network could be compared.

    If it could not, `requests`, `compared` and `different` are null. Times are in seconds.
    """
    answers = sorted(answers_alike(result.answers).items())
    return {
        "ok": result.converged if seen else result.delivered,
        "about": about,
        "seed": scenario.seed,
        "subscribers": scenario.subscribers,
        "events": result.events,
        "simulated_seconds": round(result.simulated, 3),
        "attempts": result.attempts,
        "requests": result.requests if seen else None,
        "latency_seconds": _latency(result.latencies),
        "faults": dict((+result.faults).most_common()),
        "answers": [
            {"status": status or None, "message": message, "count": count}
            for (status, message), count in answers
        ],
        "must_not_happen": rules_broken(result.wrong),
        "doubts": list(result.doubts) if result.wrong or result.different else [],
        "not_promised": rules_broken(result.not_promised),
        "wait_for_each_others_number": [_different(*one) for one in result.rings],
        "gave_up": [_event(held) for held in result.reported],
        "rejected": len(result.rejected),
        "waiting": result.waiting,
        "ended_early": result.stuck or None,
        "left": [_event(held) for held in result.left],
        "compared": result.subscribers if seen else None,
        "different": [_different(*one) for one in result.different] if seen else None,
    }


def _latency(latencies: list[float]) -> dict[str, float | None] | None:
    ordered = sorted(latencies)
    if not ordered:
        return None
    return {f"p{share}": quantile(ordered, share / 100) for share in (50, 95, 99)}


def _different(difference: Difference, events: list[HeldEvent]) -> dict[str, Any]:
    """A subscriber, by the last four digits, and the last events about it."""
    return {
        "subscriber": f"...{difference.key[-4:]}",
        "billing": difference.billing,
        "network": difference.network,
        "events": [_event(held) for held in events],
    }


def _event(held: HeldEvent) -> dict[str, Any]:
    answers = [
        {"status": status or None, "message": message}
        for _, status, message in held.history[-_LAST:]
    ]
    return {"event_type": held.espf.event_type, "event_id": held.event_id, "answers": answers}
