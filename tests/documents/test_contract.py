"""docs/contract.md has the fields and the answers of the code."""

import json
import re

import pytest
from pydantic import BaseModel

from connector import portabilling
from connector.event import Envelope, ESPFEvent
from connector.outcome import Outcome, Result, answer
from tests.documents.test_docs import blocks, rows, sections
from tests.support import ROOT

PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
CASES = {title: body for title, body in sections(PAGE).items() if title.startswith("3, case")}
OUTCOMES = {
    2: Outcome.APPLIED,
    3: Outcome.UNAUTHORIZED,
    4: Outcome.UNKNOWN_RESOURCE,
    5: Outcome.NOT_ALLOWED,
    6: Outcome.INVALID,
    7: Outcome.THROTTLED,
    8: Outcome.FAILED,
    9: Outcome.UNAVAILABLE,
}


@pytest.mark.parametrize(("number", "outcome"), OUTCOMES.items())
def test_a_case_has_the_status_headers_and_body_of_its_outcome(
    number: int, outcome: Outcome
) -> None:
    (case,) = (text for title, text in CASES.items() if title.startswith(f"3, case {number}:"))
    given = answer(Result(outcome, retry_after=1 if outcome is Outcome.THROTTLED else None))
    assert json.loads(blocks(case, "json")[0]) == given.body
    assert re.search(rf"\b{given.status}\b", case)
    for header in given.headers:
        assert header in case


def test_the_page_has_the_ten_cases_of_the_guide() -> None:
    assert [title.split(":")[0] for title in CASES] == [f"3, case {n}" for n in range(1, 11)]


# Fields


def _tables(section: str) -> list[set[str]]:
    """The names in the first column of each table of a section."""
    text = sections(PAGE)[section]
    return [
        {name for row in rows(table) for name in re.findall(r"`(\w+)`", row[0])}
        for table in re.findall(r"(?m)(?:^\|.*\n?)+", text)
    ]


def test_the_envelope_has_the_fields_of_the_code() -> None:
    envelope, data, _ = _tables("2.1 Envelope")
    assert envelope == {*Envelope.model_fields}
    assert data == {*ESPFEvent.model_fields}


def test_each_part_of_pb_data_has_the_fields_of_the_code() -> None:
    kinds: tuple[type[BaseModel], ...] = (
        portabilling.PortaBillingData,
        portabilling.AccountInfo,
        portabilling.AddOn,
        portabilling.ServiceFeature,
        portabilling.SimInfo,
        portabilling.AccessPolicyInfo,
        portabilling.ProductInfo,
        portabilling.VDCounterInfo,
    )
    derived = {"msisdn"}  # of an account: computed from its `id`; NSPS does not send it
    for kind, listed in zip(kinds, _tables("2.2 `pb_data"), strict=True):
        own = derived if kind is portabilling.AccountInfo else set()
        assert listed == {*kind.model_fields} - own, kind
