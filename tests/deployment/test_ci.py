""".ci/run installs the servers that tests need."""

import re
import subprocess

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.deployment
SCRIPT = ROOT / ".ci" / "run"
_NAMED = re.compile(r'(?:is not installed: apt-get install (?!it\b)|\bpackage = ")([a-z0-9 -]+)')


def listed() -> set[str]:
    (packages,) = re.findall(r'(?m)^packages="([^"]+)"', SCRIPT.read_text())
    return set(packages.split())


def test_the_script_is_valid() -> None:
    subprocess.run(["/bin/bash", "-n", str(SCRIPT)], check=True)


def test_each_package_that_a_skipped_test_names_is_installed() -> None:
    places = [ROOT / "connector_tools", ROOT / "tests"]
    texts = [file.read_text() for place in places for file in place.rglob("*.py")]
    named = {name for text in texts for found in _NAMED.findall(text) for name in found.split()}
    assert {"exim4-daemon-light", "freeradius-postgresql", "inetutils-telnetd", "slapd"} <= named
    assert named <= listed()


def test_no_two_of_the_packages_exclude_each_other() -> None:
    """apt-get would remove the first for the second."""
    mail_servers = {"exim4-daemon-light", "exim4-daemon-heavy", "postfix", "opensmtpd"}
    assert len(listed() & mail_servers) == 1
