"""An explanation in one line, and the result that it foretells."""

import re
from typing import Any

from connector.mapping.protocol import Preview
from connector.outcome import Outcome, Result
from connector_tools.explain import Explanation, answer_shown
from connector_tools.explain_resources import ExplainedResources
from connector_tools.terminal import counted

_MOST = 2  # requests that are named
_HOST = re.compile(r"^(\S+ )https?://[^/ ]+")


def summary(found: Explanation, resources: ExplainedResources) -> str:
    """What becomes of the event, by which rule: `1 request: POST /prov; by rule ... (line 120)`."""
    result = foretold(found, resources)
    what = f"{result.outcome.value}: {reason(result, found)}" if result else _work(found, resources)
    chosen = next((rule for rule in found.rules if rule.chosen), None)
    return f"{what}; by rule `{chosen.name}` (line {chosen.line})" if chosen else what


def foretold(found: Explanation, resources: ExplainedResources) -> Result | None:
    """The result of the event; None if the system decides it."""
    if found.result or resources.result:
        return found.result or resources.result
    if resources.resources or any(call.sent for call in found.calls):
        return None
    return Result(Outcome.IGNORED, "nothing to do for this event")


def reason(result: Result, found: Explanation) -> str:
    """Why an event ends, as NSPS is told: personal data is masked."""
    body = answer_shown(result, found.event).body
    details: Any = body.get("details") or ()
    rules = [f"{item['field']}: {item['rule']}".removeprefix(": ") for item in details]
    text = "; ".join(rules) or str(body.get("error") or body["message"])
    return text.removeprefix("Event ignored: ")


def _work(found: Explanation, resources: ExplainedResources) -> str:
    """What would be sent, as far as it is known."""
    parts = []
    if resources.resources and not resources.known:
        named = [one.title for one in resources.resources]
        parts.append(f"reads {counted(len(named), 'resource')} ({', '.join(named)})")
    sure = [_line(request) for _, request in resources.requests]
    sure += [_line(call.request) for call in found.calls if call.sent and not call.waits]
    late = sum(1 for call in found.calls if call.waits)
    if sure:
        names = [*sure[:_MOST], *(["..."] if len(sure) > _MOST else [])]
        parts.append(f"{counted(len(sure), 'request')}: {', '.join(names)}")
    elif resources.known and not late:
        parts.append("nothing differs: no request")
    if late:
        parts.append(f"{counted(late, 'request')} that {_depends(late)} on replies")
    return "; then ".join(parts)


def _depends(number: int) -> str:
    return "depends" if number == 1 else "depend"


def _line(request: Preview | str) -> str:
    """The line of a request, of a URL only the path."""
    if not isinstance(request, Preview):
        return "a request that is not shown"
    return _HOST.sub(r"\1", request.line).partition("?")[0]
