"""The lint of calls that must not be made twice, and the key `once` of a call over HTTP."""

from pathlib import Path

import pytest

from connector.mapping.load import check
from tests.support.mapping_files import HEAD, checked, marked

SEND = "{post: /messages, once: true}"
BLOCK = "blocks: {b: {of: [x], calls: [@@{post: '/{{ x }}', once: true}]}}\n"
RESOURCE = """\
resources:
  @@r: {of: [imsi], read: {get: /a}, want: {a: 1}, create: {post: /messages, once: true}}
"""


def file(calls: str, before: str = "", rule: str = "replay: never, ") -> str:
    return f"{HEAD}{before}rules: [{{name: a, on: A, {rule}calls: [{calls}]}}]\n"


CASES = {
    "in a rule that replays are applied to": file(f"@@{SEND}", rule=""),
    "in a block": file("{block: b, with: {x: =sim.imsi}}", BLOCK),
    "in a resource": file("{get: /a}", RESOURCE, "hold: {imsi: =sim.imsi}, replay: never, "),
    "before another entry": file(f"@@{SEND}, {{get: /a}}"),
    "after a call that writes": file(f"{{put: /a, subject: =sim.imsi}}, @@{SEND}"),
    "after another message": file(f"@@{SEND}, {SEND}"),
    "with what it expects": file(
        "@@{post: /messages, once: true, expect: [{that: reply.text == 'OK', because: refused}]}"
    ),
    "for each item of a list": file("@@{each: sim.imsi, post: /messages, once: true}"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_that_could_be_made_twice_or_get_lost_is_refused(case: str, tmp_path: Path) -> None:
    found = [lint for lint in checked(tmp_path, CASES[case]) if lint.name == "once"]
    assert found and found[0].place == marked(CASES[case])


def test_a_look_up_before_the_call_is_fine(tmp_path: Path) -> None:
    text = file(f"{{id: n, get: /names}}, {SEND.replace('true', 'true, json: =n.json')}")
    assert checked(tmp_path, text) == []


@pytest.mark.parametrize("other", ["idempotent: true", "read_only: true", "confirm: n"])
def test_a_call_for_once_has_nothing_that_says_otherwise(other: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(file(f"{{id: n, get: /a}}, {{post: /messages, once: true, {other}}}"))
    mapping, lints = check(path)
    assert mapping is None
    assert "cannot be made twice" in lints[0].reason
    assert lints[0].mend.startswith("remove `")


def test_a_get_that_is_made_once_does_not_count_as_reading(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(file("{get: /send, once: true}"))
    mapping, lints = check(path)
    assert mapping and not lints
    call = mapping.calls[0].entry
    assert (call.reads, call.repeatable, call.undeclared) == (False, False, False)
