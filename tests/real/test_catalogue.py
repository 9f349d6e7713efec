"""Each entry of the catalogue in a small world with faults, with its counterpart."""

import subprocess
import sys

import pytest

from connector_tools.counterparts import catalogue
from tests.support import ROOT

ENTRIES = list(catalogue.entries())
SIZE = ["--subscribers", "25", "--instances", "2"]
REAL = ("freeradius-sql", "hss-ldap", "notify-kannel", "notify-smtp", "osmo-hlr")
EVENTS = dict.fromkeys(REAL, "120") | {"google-sheets": "20"}  # which takes one event a second
FAULTS = ["--fault", "all", "--fault", "outage=20", "--fault", "kill=20"]


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_ends_up_as_billing_says(name: str) -> None:
    command = [sys.executable, "-m", "connector_tools.cli", "simulate", "mapping", name]
    done = subprocess.run(
        [*command, "--events", EVENTS.get(name, "60"), *SIZE, *FAULTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "is not installed" in done.stderr or "not on this machine" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Converged: " in done.stdout


def test_every_counterpart_is_found() -> None:
    for name in ENTRIES:
        found = catalogue.counterpart_of(catalogue.mapping_file(name))
        assert found.mapping == name
