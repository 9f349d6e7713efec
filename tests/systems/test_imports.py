"""A function imports the room of the protocol that its mapping file names, and no other."""

import json
import subprocess
import sys

import pytest

from tests.support import ROOT

_STARTS = "import os, sys, json; from connector.startup import start; start(os.environ)"
_LIBRARIES = {"asyncpg", "asyncmy", "aiosmtplib", "h2", "hpack", "pyasn1", "pyasn1_modules"}
_VARIABLES = {
    "WTL_API_URL": "http://127.0.0.1:9",
    "WTL_API_TOKEN": "secret",
    "OSMO_HLR_HOST": "127.0.0.1",
    "API_TOKEN": "token-of-nsps-in-tests",
    "LEDGER_URL": "memory:",
}


@pytest.mark.parametrize(("mapping", "rooms"), [("wtl-hlr-hss", {"http"}), ("osmo-hlr", {"ctrl"})])
def test_the_start_imports_one_room_and_no_library_of_another(
    mapping: str, rooms: set[str]
) -> None:
    env = _VARIABLES | {"MAPPING_FILE": f"mappings/{mapping}.yaml"}
    code = f"{_STARTS}; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stdout.splitlines()[-1]))
    places = {folder.name for folder in (ROOT / "connector" / "systems").iterdir()}
    found = {name.split(".")[2] for name in loaded if name.startswith("connector.systems.")}
    assert found & places == rooms
    assert loaded.isdisjoint(_LIBRARIES)
    assert not any(name.startswith("connector.systems.http.http2") for name in loaded)
    assert "connector.mapping.lints.once" not in loaded
