"""A mapping file with tests inside it, for the commands that take one."""

import json
from pathlib import Path

import pytest

MAPPING = """\
name: crm
summary: For the tests of the command line.
settings:
  url: {env: CRM_URL, type: url}
system:
  http: {base_url: =settings.url}
rules:
  - name: a SIM changed
    on: SIM/Updated
    ignore:
      - {if: not sim, because: no SIM}
    subject: imsi:{{ sim.imsi }}
    calls:
      - {put: "/sims/{{ sim.imsi }}"}
tests:
  - name: a SIM is put
    event: event.json
    calls: [{put: /sims/001010000000001, subject: imsi:001010000000001}]
    outcome: applied
  - name: without a SIM there is nothing to do
    event: event.json
    change: {pb_data.sim_info: null}
    outcome: ignored
    because: no SIM
"""
EVENT = {
    "event_id": "e",
    "data": {"event_type": "SIM/Updated"},
    "pb_data": {"sim_info": {"imsi": "001010000000001"}},
}


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (tmp_path / "event.json").write_text(json.dumps(EVENT))
    file = tmp_path / "crm.yaml"
    file.write_text(MAPPING)
    return file
