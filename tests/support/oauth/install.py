"""Installs the packages of the OAuth2 server, once for each version of the lock file."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

import pytest

from connector_tools.program import kept_environment

HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")
_OLDEST_NODE = 18  # of Debian 12; oidc-provider 9 needs 22, so the lock file has version 8
_SECONDS = 180


def packages() -> Path:
    """The folder with `node_modules`; without npm or its registry, the test is skipped."""
    version = hashlib.sha256((HERE / _FILES[1]).read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nsps-connector"
    folder = cache / f"oidc-provider-{version}"
    _check_node()
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(cache, folder)
    return folder


def _check_node() -> None:
    for name in ("node", "npm"):
        if not shutil.which(name):
            pytest.skip(f"needs {name}, to run oidc-provider")
    node = str(shutil.which("node"))
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version[1:].partition(".")[0]) < _OLDEST_NODE:
        pytest.skip(f"needs Node.js {_OLDEST_NODE} or newer, this is {version.strip()}")


def _install(cache: Path, folder: Path) -> None:
    """Install beside `folder` and rename at the end: another test may do the same now."""
    made = Path(mkdtemp(dir=cache))
    for name in _FILES:
        shutil.copy(HERE / name, made)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        done = subprocess.run(
            command,
            cwd=made,
            env=kept_environment(),
            check=False,
            capture_output=True,
            timeout=_SECONDS,
        )
        if done.returncode:
            pytest.skip(f"npm cannot install oidc-provider: {done.stderr.decode()[-300:]}")
        if not folder.exists():
            made.rename(folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install oidc-provider within {_SECONDS} s")
    except OSError:
        if not folder.exists():  # else the other test was first
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
