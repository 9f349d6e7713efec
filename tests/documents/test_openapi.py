"""The OpenAPI document: current, valid, no stricter than the function, and the function kept to it.

Schemathesis makes the requests, those that the document allows and those that it forbids; the
external system says yes to everything, so that every 5xx would be the function's own fault.
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
    """The dotted paths of all fields, objects too."""
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


def test_it_is_an_openapi_document() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_it_allows_the_events_of_the_guide(file: Path) -> None:
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
        {"updated_at": 1772446532.48},
    ],
    ids=str,
)
def test_it_is_no_stricter_than_the_function(
    change: dict[str, Any], function: Function, system: ScriptedServer
) -> None:
    sent = event(change=change)
    EVENT.validate(sent)
    assert function.post(sent).status_code == 202


# Not /health: a POST to any path is an event, so that its `Allow` is not what it would expect.
ATTACKED = schemathesis.openapi.from_dict(DOCUMENT).include(path="/process-event")


@ATTACKED.parametrize()
@BUDGET
def test_whatever_is_sent_the_answer_is_what_the_document_says(
    case: schemathesis.Case[Any], function: Function, scripted: ScriptedServer
) -> None:
    """And what is refused has changed nothing at the external system."""
    sent = len(scripted.requests)
    response = case.call_and_validate(
        base_url=function.url,
        headers={"Authorization": f"Bearer {TOKEN}"},
        # What the schema cannot say, such as the 15 digits of an IMSI, is refused with 422.
        excluded_checks=[positive_data_acceptance],
    )
    if response.status_code != 202:
        assert len(scripted.requests) == sent


@BUDGET
@given(field=st.sampled_from(FIELDS), value=VALUES)
def test_a_real_event_with_anything_in_a_field_is_answered_as_documented(
    field: str, value: Any, function: Function, scripted: ScriptedServer
) -> None:
    """Schemathesis makes no IMSI and no known type, so that it gets as far as no rule."""
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
def test_what_is_refused_reaches_no_external_system(
    sent: Any, function: Function, system: ScriptedServer
) -> None:
    assert function.post(sent).status_code == 422
    assert function.post(event(), token="wrong").status_code == 401
    assert function.post(event(), token=None).status_code == 401
    assert system.requests == []
