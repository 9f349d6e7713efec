"""The OpenAPI document is current, valid and not stricter than the function, which follows it.

Schemathesis makes requests that the document allows and requests that it forbids. The external
system accepts everything, so each 5xx would be a fault of the function.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import positive_data_acceptance

from connector_tools.documents.openapi import document
from tests.support import ROOT
from tests.support.events import FOLDER, event, subscriber
from tests.support.function import TOKEN, Function
from tests.support.scripted import ScriptedServer

pytestmark = pytest.mark.deployment

DOCUMENT = document()


def fields(document: dict[str, Any], above: str = "") -> Iterator[str]:
    """Yield the dotted paths of all fields, including fields with objects."""
    for name, value in document.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from fields(value, f"{above}{name}.")


EVENT = Draft202012Validator(
    {"$ref": "#/components/schemas/Envelope", "components": DOCUMENT["components"]}
)
ANSWERS = {
    status: Draft202012Validator(reply["content"]["application/json"]["schema"])
    for status, reply in DOCUMENT["paths"]["/process-event"]["post"]["responses"].items()
}
NUMBERS = itertools.count(1)
FIELDS = sorted(fields(event()))
TEXTS = [
    "Y",
    "0",
    "N/A",
    "open",
    " ",
    "00101",
    "2026-03-02T10:15:30Z",
    "../x",
    "\r\nX: y",
    "{{ 1 }}",
]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TEXTS)
    | st.text()
    | st.lists(
        st.none() | st.text() | st.dictionaries(st.text(), st.none(), max_size=1), max_size=2
    )
    | st.dictionaries(st.text(), st.text(), max_size=2)
)
BUDGET = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_the_document_in_the_repository_is_current() -> None:
    kept = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert kept == json.dumps(DOCUMENT, indent=2) + "\n", "connector openapi > docs/openapi.json"


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_the_document_allows_the_events_of_the_guide(file: Path) -> None:
    EVENT.validate(json.loads(file.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [
        {"pb_data.account_info.i_account": "277147"},
        {"pb_data.account_info.blocked": "Y"},
        {"pb_data.account_info.bill_status": "O"},
        {"pb_data.sim_info.imsi": ""},
        {"pb_data.access_policy_info": [{"name": "Mobile L"}]},
        {"pb_data.something_new": {"of": ["the", "next", "release"]}},
        {"created_at": 1772446532.48},
        {"pb_data.account_info.zip": 11000},
        {"pb_data.account_info.assigned_addons": "none"},
    ],
    ids=str,
)
def test_the_document_is_not_stricter_than_the_function(
    change: dict[str, Any], function: Function, system: ScriptedServer
) -> None:
    sent = event(change=change)
    EVENT.validate(sent)
    assert function.post(sent).status_code == 202


# Without /health: a POST to any path is an event, so `Allow` there is not as Schemathesis expects.
ATTACKED = schemathesis.openapi.from_dict(DOCUMENT).include(path="/process-event")


@ATTACKED.parametrize()
@BUDGET
def test_any_request_gets_an_answer_that_the_document_describes(
    case: schemathesis.Case[Any], function: Function, scripted: ScriptedServer
) -> None:
    """If the answer is not 202, the external system gets no request."""
    sent = len(scripted.requests)
    response = case.call_and_validate(
        base_url=function.url,
        headers={"Authorization": f"Bearer {TOKEN}"},
        # The function refuses more with 422 than the schema, e.g. an IMSI without 15 digits.
        excluded_checks=[positive_data_acceptance],
    )
    if response.status_code != 202:
        assert len(scripted.requests) == sent


@BUDGET
@given(field=st.sampled_from(FIELDS), value=VALUES)
def test_an_event_with_any_value_in_a_field_gets_an_answer_that_the_document_describes(
    field: str, value: Any, function: Function, scripted: ScriptedServer
) -> None:
    """The events of Schemathesis have no IMSI and no known type, so no rule handles them."""
    sent, before = event(imsi=subscriber(next(NUMBERS))), len(scripted.requests)
    place = sent
    *way, last = field.split(".")
    for step in way:
        place = place[step]
    place[last] = value
    response = function.post(sent)
    assert response.status_code in (202, 422)
    ANSWERS[str(response.status_code)].validate(response.json())
    if not EVENT.is_valid(sent):
        assert response.status_code == 422, "the schema is stricter than the function"
    if response.status_code == 422:
        assert len(scripted.requests) == before


NO_ID = event(remove=("event_id",))


@pytest.mark.parametrize("sent", [{}, [], "text", None, NO_ID], ids="{} [] text null no-id".split())
def test_a_refused_event_sends_no_request_to_the_external_system(
    sent: Any, function: Function, system: ScriptedServer
) -> None:
    assert function.post(sent).status_code == 422
    assert function.post(event(), token="wrong").status_code == 401
    assert function.post(event(), token=None).status_code == 401
    assert system.requests == []
