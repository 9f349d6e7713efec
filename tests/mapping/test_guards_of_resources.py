"""`connector check` looks into resources: missing parts of the event, and names of no value."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.mapping_files import HEAD, checked

OPEN = "account.bill_status == 'open'"
RESOURCE = {
    "of": ["imsi"],
    "read": {"get": "/a/{{ imsi }}"},
    "want": {"b": 1},
    "create": {"post": "/a", "json": "=want"},
    "change": {"patch": "/a", "json": "=changed"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"read": {"get": "/a/{{ imsi }}", "query": {"b": f"={OPEN}"}}},
        {"absent": f"reply.status == 404 or not {OPEN}"},
        {"found": f"=reply.json if {OPEN} else none"},
        {"want": {"b": f"={OPEN}"}},
        {"makes": {"b": f"={OPEN}"}},
        {"create": {"post": "/a", "when": OPEN, "json": "=want"}},
        {"change": {"patch": "/a", "json": {"b": f"=1 if {OPEN} else 0"}}},
        {"exists": f"{OPEN} and reply.status == 409"},
        {"gone": f"{OPEN} and reply.status == 404"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_key_of_a_resource_can_let_missing_data_through(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    rule: dict[str, Any] = {"name": "a", "on": "SIM/Updated", "hold": {"imsi": "=sim.imsi"}}
    rule["require"] = [{"that": "sim.imsi is imsi", "because": "no IMSI"}]
    data = {"resources": {"card": RESOURCE | change}, "rules": [rule]}
    assert "unguarded-account" in {one.name for one in checked(tmp_path, HEAD + yaml.dump(data))}
    rule["require"].append({"that": "account", "because": "account_info is null"})
    assert not checked(tmp_path, HEAD + yaml.dump(data))


@pytest.mark.parametrize("name", ["none", "omit"])
@pytest.mark.parametrize("key", ["want", "released", "makes", "create"])
def test_the_text_none_is_not_the_value(tmp_path: Path, key: str, name: str) -> None:
    def names(text: str) -> set[str]:
        value = {"post": "/a", "json": {"b": text}} if key == "create" else {"b": text}
        rule = {"name": "a", "on": "SIM/Updated", "hold": {"imsi": "=sim.imsi"}}
        data = {"resources": {"card": RESOURCE | {key: value}}, "rules": [rule]}
        return {one.name for one in checked(tmp_path, HEAD + yaml.dump(data))}

    assert "missing-equals" in names(name)
    assert "missing-equals" not in names(f"={name}") | names(f"='{name}'") | names(f"{name}s")


@pytest.mark.parametrize(
    ("released", "removes"),
    [("=none", True), ("={'b': 1} if open else none", True), ({"b": "=none"}, False)],
)
def test_a_field_that_is_none_removes_no_resource(
    tmp_path: Path, released: Any, *, removes: bool
) -> None:
    rule = {"name": "a", "on": "SIM/Updated", "hold": {"imsi": "=sim.imsi"}}
    rule |= {"release": {"imsi": "=prev_sim.imsi"}}
    data = {"resources": {"card": RESOURCE | {"released": released}}, "rules": [rule]}
    told = [one.mend for one in checked(tmp_path, HEAD + yaml.dump(data, sort_keys=False))]
    assert ("add `remove`" in told) is removes
