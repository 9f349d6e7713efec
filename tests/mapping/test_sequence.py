"""Lints of blocks, of `require` and `let` between calls, and of `confirm`."""

from pathlib import Path

import pytest

from tests.support.mapping_files import HEAD, checked, marked

BLOCK = "blocks: {b: {of: [x], subject: 'i:{{ x }}', calls: [{put: '/{{ x }}'}]}}\n"


def file(calls: str, blocks: str = BLOCK) -> str:
    return f"{HEAD}{blocks}rules: [{{name: a, on: A, replay: never, calls: [{calls}]}}]\n"


ASK = "{id: got, get: /a}"
SAY = "subject: =sim.imsi, post: /b, idempotent: false, confirm: "

CASES = {
    "a block that does not exist": ("unknown-block", file("{@@block: c, with: {x: =sim.imsi}}")),
    "a block that nobody uses": (
        "unused-block",
        file(ASK, BLOCK.replace("{b:", "{@@b:")),
    ),
    "a parameter that is not used": (
        "unused-parameter",
        file("{block: b, with: {x: =sim.imsi, y: 1}}", BLOCK.replace("[x]", "[x, @@y]")),
    ),
    "a parameter without a value": ("block-parameter", file("@@{block: b}")),
    "a parameter that the block lacks": (
        "block-parameter",
        file("{block: b, with: {x: =sim.imsi, @@z: 1}}"),
    ),
    "a reply in a subject": (
        "block-parameter",
        file(f"{ASK}, {{block: b, with: {{@@x: =got.json.id}}}}"),
    ),
    "a `require` before the first call": (
        "too-early",
        file(f"@@{{require: [{{that: sim, outcome: failed, because: a}}]}}, {ASK}", ""),
    ),
    "a `let` before the first call": ("too-early", file(f"@@{{let: {{a: 1}}}}, {ASK}", "")),
    "a name that is defined later": (
        "unknown-name",
        file(f"{ASK}, {{get: /b, @@query: {{a: =n}}}}, {{let: {{n: 1}}}}", "").replace(
            "@@query: {a: =n}", "query: {a: =@@n}"
        ),
    ),
    "the name of a value": (
        "reserved-name",
        "values: {v: 1}\n" + file(f"{ASK}, {{@@let: {{v: 2}}}}", ""),
    ),
    "a parameter with the name of a part": (
        "reserved-name",
        file("{block: b, with: {sim: 1}}", "blocks: {b: {of: [@@sim], calls: [{get: /a}]}}\n"),
    ),
    "a `confirm` of nothing": (
        "confirm",
        file(f"{ASK}, {{{SAY}}}").replace("confirm: ", "@@confirm: it"),
    ),
    "a `confirm` that writes": (
        "confirm",
        file(f"{{subject: =sim.imsi, id: got, put: /a}}, {{when: got.json, {SAY}got}}").replace(
            "confirm: ", "@@confirm: "
        ),
    ),
    "a `confirm` that is left out at times": (
        "confirm",
        file(f"{{id: got, get: /a, when: sim}}, {{when: not got.json, {SAY}got}}").replace(
            "confirm: ", "@@confirm: "
        ),
    ),
    "a `confirm` that decides nothing": (
        "confirm",
        file(f"{ASK}, {{{SAY}got}}").replace("confirm: ", "@@confirm: "),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_has_its_lint_and_its_place(tmp_path: Path, name: str) -> None:
    lint, text = CASES[name]
    found = [one.place for one in checked(tmp_path, text) if one.name == lint]
    assert found == [marked(text)]


def test_a_block_cannot_use_a_block(tmp_path: Path) -> None:
    blocks = "blocks: {b: {calls: [{block: b}]}}\n"
    lints = checked(tmp_path, file("{block: b}", blocks))
    assert [one.name for one in lints] == ["unknown-key"]


def test_a_block_does_not_see_the_replies_around_it(tmp_path: Path) -> None:
    blocks = "blocks: {b: {calls: [{get: /a, query: {a: =got.json}}]}}\n"
    lints = checked(tmp_path, file(f"{ASK}, {{block: b}}", blocks))
    assert [one.name for one in lints] == ["unknown-name"]


def test_guards_look_into_blocks(tmp_path: Path) -> None:
    """The parameter has the missing data; the block writes it."""
    blocks = "blocks: {b: {of: [x], subject: =sim.imsi, calls: [{put: /a, json: =x}]}}\n"
    text = file("{block: b, with: {x: =account.status == 'a'}}", blocks)
    assert "unguarded-account" in [one.name for one in checked(tmp_path, text)]
    guarded = text.replace("replay: never", "require: [{that: account, because: a}]")
    assert "unguarded-account" not in [one.name for one in checked(tmp_path, guarded)]


def test_a_require_between_calls_guards_those_after_it(tmp_path: Path) -> None:
    must = "{require: [{that: account, outcome: invalid, because: a}]}"
    write = "{subject: =sim.imsi, put: /a, json: =account.status}"
    assert "unguarded-account" in [one.name for one in checked(tmp_path, file(f"{ASK}, {write}"))]
    names = [one.name for one in checked(tmp_path, file(f"{ASK}, {must}, {write}"))]
    assert "unguarded-account" not in names
