"""Plans are compared by what they would do: calls, resources, results."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.event import Event, parse
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome, Result
from connector.plan.intent import decision, differences
from connector.plan.planner import Plan
from tests.support.events import event as body_of

MAPPING = """
name: cards
summary: Keeps a directory of cards.
system:
  http: {base_url: "http://system.test"}
rules:
  - name: a card changed
    on: SIM/Updated
    ignore: [{if: not sim.imsi, because: no IMSI}]
    require: [{that: account, because: account_info is missing}]
    subject: imsi:{{ sim.imsi }}
    calls:
      - {id: found, get: "/find/{{ sim.imsi }}"}
      - put: /cards/{{ sim.imsi }}
        headers: {X-Kind: card}
        query: {dry: "no"}
        json: {status: =account.bill_status, tags: [a, b], inner: {plan: gold}}
"""


def mapping(folder: Path, text: str) -> MappingFile:
    file = folder / "mapping.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def event(**change: Any) -> Event:
    return parse(json.dumps(body_of(**change)).encode())


def seen(folder: Path, text: str, of: Event | None = None) -> list[str]:
    """What differs if the mapping has this text instead."""
    of = of or event()
    before = decision(of, mapping(folder, MAPPING), {})
    after = decision(of, mapping(folder, text), {})
    return [str(one) for one in differences(before, after)]


def test_equal_files_do_not_differ(tmp_path: Path) -> None:
    assert seen(tmp_path, MAPPING) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("=account.bill_status", "open!", "PUT /cards/{}: body.status"),
        ("[a, b]", "[a]", "PUT /cards/{}: body.tags"),
        ("gold", "1", "PUT /cards/{}: body.inner.plan"),
        ('dry: "no"', 'dry: "yes"', "PUT /cards/{}: query.dry"),
        ("X-Kind: card", "X-Kind: sim", "PUT /cards/{}: headers.X-Kind"),
        ("put: /cards/{{ sim.imsi }}", "put: /cards/0{{ sim.imsi }}", "PUT /cards/0{}: new"),
        ("if: not sim.imsi", "if: sim.imsi", "the event: new"),
        ("that: account", "that: not account", "the event: new"),
        ("SIM/Updated", "SIM/Created", "the event: new"),
        ("{id: found, get", "{id: found, accept: [404], get", "GET /find/{}: accept"),
    ],
)
def test_each_change_of_a_file_that_changes_a_plan_is_seen(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    assert place in seen(tmp_path, MAPPING.replace(old, new))


def test_an_event_that_an_expression_refuses_is_the_same_in_another_line_of_another_file(
    tmp_path: Path,
) -> None:
    text = MAPPING.replace("=account.bill_status", "=account.bill_status | int")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("rules:", "# a comment\nrules:"), encoding="utf-8")
    before, after = (
        decision(event(), mapping(tmp_path, text), {}),
        decision(event(), load(other), {}),
    )
    assert isinstance(before, Result)
    assert isinstance(after, Result)
    assert before.details[0].field == "mapping.yaml:14"
    assert after.details[0].field == "other.yaml:15"
    assert differences(before, after) == []


def test_a_change_of_words_alone_is_not_seen(tmp_path: Path) -> None:
    assert seen(tmp_path, MAPPING.replace("a card changed", "renamed")) == []
    assert seen(tmp_path, MAPPING.replace("because: no IMSI", "because: none")) == []


def test_two_reasons_to_ignore_differ_by_their_reason(tmp_path: Path) -> None:
    old = MAPPING.replace("if: not sim.imsi", "if: sim.imsi")
    new = old.replace("because: no IMSI", "because: another")
    before, after = (decision(event(), mapping(tmp_path, text), {}) for text in (old, new))
    assert [str(one) for one in differences(before, after)] == ["the event: reason"]


def test_an_event_that_lacks_data_is_compared_as_invalid(tmp_path: Path) -> None:
    told = MAPPING.replace("account_info is missing", "no account")
    places = seen(tmp_path, told, event(change={"pb_data.account_info": None}))
    assert places
    assert all(place.startswith("the event: details.") for place in places)


def test_a_call_that_needs_a_reply_is_computed_with_the_replies_that_are_known(
    tmp_path: Path,
) -> None:
    old = MAPPING.replace("status: =account.bill_status", "status: =found.json.id")
    new = old.replace("=found.json.id", "=found.json.other")
    before, after = (decision(event(), mapping(tmp_path, text), {}) for text in (old, new))
    assert differences(before, after) == []
    replies = {"found": {"status": 200, "json": {"id": 1, "other": 2}}}
    (found,) = differences(before, after, replies)
    assert (str(found), found.before, found.after) == ("PUT /cards/{}: body.status", 1, 2)


def test_a_call_that_needs_a_reply_in_one_file_only_is_named(tmp_path: Path) -> None:
    late = MAPPING.replace("status: =account.bill_status", "status: =found.json.id")
    places = seen(tmp_path, late)
    assert "PUT /cards/{}: gone" in places
    assert any(place.startswith("a call that needs replies") for place in places)


def test_a_resource_is_compared_as_it_shall_be() -> None:
    root = Path(__file__).parents[2] / "mappings" / "osmo-hlr.yaml"
    one = load(root)
    before = decision(event(), one, {})
    assert isinstance(before, Plan | Result)
    assert differences(before, before) == []
    ignored = Result(Outcome.IGNORED, "no")
    places = [str(item) for item in differences(before, ignored)]
    assert "the event: new" in places
    assert any(place.startswith("hold ") and place.endswith(": gone") for place in places)
