"""Installs packages from npm's registry for a test, once for each version of a lock file."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

import pytest

from connector_tools.program import kept_environment

LOCK = "package-lock.json"
_FILES = ("package.json", LOCK)
_SECONDS = 180


def installed(here: Path, name: str) -> Path:
    """The folder with `node_modules`; without npm or its registry, the test is skipped.

    Args:
        here: Where `package.json` and its lock file are.
        name: What is installed; it names the folder in the user's cache.
    """
    version = hashlib.sha256((here / LOCK).read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nsps-connector"
    folder = cache / f"{name}-{version}"
    if not folder.exists():
        if not shutil.which("npm"):
            pytest.skip(f"needs npm, to install {name}")
        cache.mkdir(parents=True, exist_ok=True)
        _install(here, name, cache, folder)
    return folder


def _install(here: Path, name: str, cache: Path, folder: Path) -> None:
    """Install beside `folder` and rename at the end: another test may do the same now."""
    made = Path(mkdtemp(dir=cache))
    for file in _FILES:
        shutil.copy(here / file, made)
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
            pytest.skip(f"npm cannot install {name}: {done.stderr.decode()[-300:]}")
        if not folder.exists():
            made.rename(folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {name} within {_SECONDS} s")
    except OSError:
        if not folder.exists():  # else the other test was first
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
