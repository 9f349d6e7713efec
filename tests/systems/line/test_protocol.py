"""What the room says of itself: previews without secrets, entries that contradict themselves."""

from typing import Any

import pytest

from connector.mapping.expression import Scope
from connector.systems.line.call import LineCallEntry
from connector.systems.line.entry import LineSystemEntry
from connector.systems.line.protocol import PROTOCOL
from tests.systems.line.console import REPLY


def system(**line: Any) -> LineSystemEntry:
    given = {"host": "hlr", "port": 1, "reply": REPLY, **line}
    return LineSystemEntry.model_validate({"line": given}, context=PROTOCOL)


def test_a_preview_is_the_command_with_hidden_secrets() -> None:
    entry = LineCallEntry.model_validate({"line": 'SET KEY:K="{{ settings.key }}";'})
    call = entry.render(Scope(settings={"key": "***"}))
    assert PROTOCOL.preview(call, system(), {}).line == 'SET KEY:K="***";'
    assert "KEY" not in repr(call).replace(call.target, "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"reply": {"fields": "="}}, "needs `ends` or `prompt`"),
        ({"reply": {"ends": "(", "fields": "="}}, "regular expression"),
        ({"reply": {**REPLY, "status": "RETCODE = [0-9]+"}}, "group"),
        ({"reply": {**REPLY, "status": "(RET)CODE = ([0-9]+)"}}, "exactly one group"),
        ({"reply": {**REPLY, "success": []}}, "both `status` and `success`"),
        ({"reply": {**REPLY, "example": "RETCODE = 1"}}, "needs an `example`"),
        ({"concurrency": 3, "sessions": 2}, "more than `sessions`"),
        ({"logout": "A;\nB;"}, "one line of printable ASCII"),
        ({"terminator": ";"}, "Input should be"),
    ],
)
def test_an_entry_that_cannot_work_is_refused(line: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        system(**line)


@pytest.mark.parametrize(
    ("call", "repeatable", "undeclared"),
    [
        ({}, False, True),
        ({"idempotent": False}, False, False),
        ({"idempotent": True}, True, False),
        ({"read_only": True}, True, False),
    ],
)
def test_only_the_mapping_says_whether_a_command_may_be_repeated(
    call: dict[str, Any], repeatable: bool, undeclared: bool
) -> None:
    entry = LineCallEntry.model_validate({"line": "A;", **call})
    assert (entry.repeatable, entry.undeclared) == (repeatable, undeclared)
