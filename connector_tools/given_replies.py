"""The replies of the external system to the calls of an event, given by a person in a file.

The file has what a test of a mapping file has: a list, as under `replies`, or an object with a
reply for each request, as under `system`. All calls of the plan are carried out with them; nothing
is sent. `connector_tools.explain_resources` shows a resource as it is before it is written.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connector.event import Event
from connector.mapping.case import Case
from connector.mapping.document import BadMapping, parse
from connector.mapping.schema import MappingFile
from connector.mapping.script import ByRequest, InOrder, Replies, Script
from connector.plan.planner import plan
from connector.system import Turn
from connector_tools.mapping_tests import test_settings
from connector_tools.mapping_tests.scripted_system import ScriptedSystem
from connector_tools.quiet import quiet
from connector_tools.reading import Course, Reading

_SECONDS = 50.0  # for all calls of an event


class BadReplies(Exception):  # noqa: N818 - it names what happened
    """A file does not have replies; the text says why, with the place in the file."""


def replies_of(text: str, file: Path, mapping: MappingFile) -> Replies:
    """The replies in the text of a file, in YAML or JSON; `file` is for messages.

    Raises:
        BadReplies: the text has no replies of the mapping's protocol.
    """
    try:
        document = parse(text, file)
    except BadMapping as bad:
        raise BadReplies(str(bad.lints[0])) from None
    given: Any = document.data
    if isinstance(given, list):
        given = {"replies": given}
    if not isinstance(given, dict):
        raise BadReplies(f"{file} must have a list of replies, or an object with one by request")
    if given.keys() not in ({"replies"}, {"system"}):
        given = {"system": given}
    case = {"name": "-", "event": "-", "outcome": "applied", **given}
    try:
        found = Case.model_validate(case, context=mapping.protocol)
    except ValidationError as error:
        raise BadReplies(_sentence(error, file)) from None
    return ByRequest(found.system) if found.system else InOrder(found.replies)


def _sentence(error: ValidationError, file: Path) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step + 1 if isinstance(step, int) else step) for step in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "this key does not exist in a reply"
    return f"{file}: {where}: {message}; write replies as in a test of a mapping file"


async def told(
    event: Event, mapping: MappingFile, settings: Mapping[str, Any], replies: Replies
) -> Reading:
    """What the steps of an event learn from these replies; `settings` are those of a `Deployment`.

    Raises:
        Refusal: the event cannot be planned.
    """
    script = Script(mapping.protocol.scripted_reply())
    client = mapping.protocol.scripted(mapping.system, _without_secrets(mapping, settings), script)
    now = asyncio.get_running_loop().time()
    turn = Turn(now + _SECONDS, patience=now + _SECONDS / 2)
    script.begin(replies)
    with quiet():
        async with ScriptedSystem(client, script) as system:
            course = Course(lambda call: system.send(call, turn))
            steps = plan(event, mapping, settings).steps
            result = await course.carry_out(steps, writes_too=True)
            system.leave(turn)
    return Reading(
        replies=course.unwritten,
        shown=course.unwritten,
        result=result,
        wrote=course.wrote and result is not None,
        learned=course.learned(result),
        notes=(*script.problems(), *replies.problems()),
    )


def _without_secrets(mapping: MappingFile, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with what tests use for each secret: a client may not take `***`."""
    made_up = test_settings(mapping, {})
    secret = {name for name, setting in mapping.settings.items() if setting.secret}
    return {name: made_up[name] if name in secret else settings[name] for name in settings}
