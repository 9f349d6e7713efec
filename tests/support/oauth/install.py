"""Installs the packages of the OAuth2 server."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.npm import installed

HERE = Path(__file__).parent
_OLDEST_NODE = 18  # of Debian 12; oidc-provider 9 needs 22, so the lock file has version 8


def packages() -> Path:
    """The folder with `node_modules`; without Node.js or npm, the test is skipped."""
    _check_node()
    return installed(HERE, "oidc-provider")


def _check_node() -> None:
    for name in ("node", "npm"):
        if not shutil.which(name):
            pytest.skip(f"needs {name}, to run oidc-provider")
    node = str(shutil.which("node"))
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version[1:].partition(".")[0]) < _OLDEST_NODE:
        pytest.skip(f"needs Node.js {_OLDEST_NODE} or newer, this is {version.strip()}")
