"""Plans events by a mapping file of the test's own."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connector.event import parse
from connector.outcome import Detail, Outcome, Refusal
from connector.plan.planner import Plan, plan
from connector.plan.step import PlannedCall
from connector.systems.http.call import HttpCall
from tests.support.calls import http
from tests.support.events import event
from tests.support.mapping_files import SUBJECT, mapping, with_call


class Planner:
    """Plans events by a file of the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self,
        rest: str,
        *,
        settings: dict[str, Any] | None = None,
        change: dict[str, Any] | None = None,
        remove: tuple[str, ...] = (),
        name: str = "sim-replaced",
    ) -> Plan:
        sent = json.dumps(event(name, change=change, remove=remove)).encode()
        return plan(parse(sent), mapping(self.folder, rest), settings or {})

    def steps(self, call: str, **options: Any) -> tuple[PlannedCall, ...]:
        """The steps of a rule with these calls."""
        rest = with_call(call).replace("SIM/Updated", "SIM/Replaced, when: account")
        rest = rest.replace(SUBJECT, "")
        steps = self(rest, **options).steps
        return tuple(step for step in steps if isinstance(step, PlannedCall))

    def call(self, call: str, **options: Any) -> HttpCall:
        """The one call, ready."""
        (step,) = self.steps(call, **options)
        return http(step.ready)

    def refused(self, call: str, **options: Any) -> Detail:
        return self._refused(partial(self.steps, call, **options))

    def refused_by(self, rest: str, **options: Any) -> Detail:
        """The detail with which a file, given by all after its head, refuses an event."""
        return self._refused(partial(self, rest, **options))

    def _refused(self, plan: Callable[[], object]) -> Detail:
        with pytest.raises(Refusal) as caught:
            plan()
        assert caught.value.result.outcome is Outcome.INVALID
        (detail,) = caught.value.result.details
        return detail
