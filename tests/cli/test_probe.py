"""`connector probe`: each step against real servers, what fails and its mend, and no secret."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import Result

from connector_tools.counterparts import catalogue
from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.program import NotInstalled
from tests.support import ROOT
from tests.support.certificates import Authority
from tests.support.command_line import connector
from tests.support.scripted import Scripted, ScriptedServer

pytestmark = pytest.mark.deployment

WTL = ROOT / "mappings" / "wtl-hlr-hss.yaml"
PCRF = ROOT / "mappings" / "pcrf-rest.yaml"
WRONG = "wrong-secret-0"
READS = "for an event of the file's tests"
# Entries of the catalogue: the secret, and the step that shows whether it is right.
ENTRIES = {
    "crm-odoo": ("ODOO_API_KEY", "read"),
    "crm-salesforce": ("SALESFORCE_PRIVATE_KEY", "login"),
    "ericsson-cai3g": ("CAI3G_PASSWORD", "login"),
    "freeradius-sql": ("RADIUS_DB_PASSWORD", "login"),
    "hss-ldap": ("HSS_LDAP_PASSWORD", "login"),
    "huawei-mml": ("MML_PASSWORD", "login"),
    "notify-smtp": ("SMTP_PASSWORD", "login"),
    "nudr-quota": ("UDR_CLIENT_SECRET", "login"),
    "open5gs": ("OPEN5GS_PASSWORD", "login"),
    "pcrf-rest": ("PCRF_TOKEN", "read"),
}


@contextmanager
def running(name: str, folder: Path) -> Iterator[tuple[Counterpart, dict[str, str]]]:
    """The counterpart of an entry, and the environment that leads to it."""
    kind = catalogue.counterpart_of(catalogue.mapping_file(name))
    try:
        with kind(folder) as system:
            yield system, system.variables(*system.place)
    except NotInstalled as missing:
        pytest.skip(str(missing))


def steps(result: Result) -> dict[str, str]:
    """The mark of each step; of two servers, the last one."""
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines() if line[0] != " "]
    return {words[1]: words[0] for words in lines}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_system_that_is_right_passes_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with running(name, tmp_path) as (system, environment):
        before = system.holds()
        result = connector("probe", catalogue.mapping_file(name), **environment)
        assert result.exit_code == 0, result.output
        assert system.holds() == before
        assert system.wrong == []
    found = steps(result)
    assert (found["name"], found["connection"], found[ENTRIES[name][1]]) == ("ok", "ok", "ok")
    assert "FAILED" not in result.stdout


@pytest.mark.parametrize("name", sorted(ENTRIES.keys() - {"crm-salesforce"}))
def test_a_wrong_secret_fails_its_step_and_is_not_shown(name: str, tmp_path: Path) -> None:
    secret, step = ENTRIES[name]
    with running(name, tmp_path) as (_, environment):
        assert secret in environment
        result = connector("probe", catalogue.mapping_file(name), **{**environment, secret: WRONG})
    assert result.exit_code == 1, result.output
    assert steps(result)[step] == "FAILED"
    assert secret in result.stdout, "the mend names the secret"
    assert WRONG not in result.output
    if step == "login":
        assert "not tried, because the login failed" in result.stdout


def test_without_a_login_and_a_read_it_says_that_the_credentials_were_not_tried(
    tmp_path: Path,
) -> None:
    with running("wtl-hlr-hss", tmp_path) as (system, environment):
        result = connector("probe", WTL, **{**environment, "WTL_API_TOKEN": WRONG})
        assert system.holds() == {}
    assert result.exit_code == 0
    assert "login       not tried: the credentials go with each request" in result.stdout
    assert "read        not tried: no rule begins with a read" in result.stdout


# What fails, and its mend


def probed(url: str, **more: str) -> Result:
    return connector("probe", PCRF, PCRF_URL=url, PCRF_TOKEN="key-0", **more)


def test_a_port_without_a_listener_is_told_and_nothing_more_is_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    result = probed(f"http://127.0.0.1:{port}")
    assert result.exit_code == 1
    assert "connection refused" in result.stdout
    assert "correct the port in system.http.base_url" in result.stdout
    assert [steps(result)[name] for name in ("login", "read")] == ["-", "-"]


def test_an_unknown_name_is_told_with_the_place_that_names_it() -> None:
    result = probed("http://nowhere.invalid")
    assert result.exit_code == 1
    assert "nowhere.invalid:80: name not found" in result.stdout
    assert "correct system.http.base_url" in result.stdout
    assert steps(result)["connection"] == "-"


@pytest.mark.parametrize(
    ("host", "trusted", "passes", "said"),
    [
        ("localhost", True, True, "the certificate is valid until 20"),
        ("localhost", False, False, "signed by an unknown authority"),
        ("other.example", True, False, "certificate is for another name"),
    ],
)
def test_the_certificate_is_looked_at(
    host: str, trusted: bool, passes: bool, said: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    more = {"SSL_CERT_FILE": str(authority.path)} if trusted else {}
    with ScriptedServer(authority.server([host])) as system:
        system.default = Scripted(404)
        result = probed(system.url.replace("127.0.0.1", "localhost"), **more)
    assert steps(result)["TLS"] == ("ok" if passes else "FAILED"), result.stdout
    assert said in result.stdout


def test_a_port_that_does_not_speak_tls_is_told() -> None:
    with ScriptedServer() as system:
        result = probed(system.url.replace("http:", "https:"))
    assert result.exit_code == 1
    assert "the port does not speak TLS" in result.stdout
    assert "correct scheme or port in system.http.base_url" in result.stdout


def test_a_reply_that_the_file_does_not_expect_is_told() -> None:
    with ScriptedServer() as system:
        system.default = Scripted(200, "<html>Sign in</html>")
        result = probed(system.url)
    assert (result.exit_code, steps(result)["read"]) == (1, "FAILED")
    assert "compare address and rights" in result.stdout


# Usage


def test_a_missing_setting_ends_it_with_its_name() -> None:
    result = connector("probe", PCRF, PCRF_URL="http://127.0.0.1:1", PCRF_TOKEN=None)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "PCRF_TOKEN" in result.stderr


def test_a_wrong_file_ends_it(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: [")
    for file in (wrong, tmp_path / "missing.yaml"):
        result = connector("probe", file)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.stderr


def test_it_prints_a_document_for_programs() -> None:
    with ScriptedServer() as system:
        system.default = Scripted(401)
        result = connector("probe", PCRF, "--json", PCRF_URL=system.url, PCRF_TOKEN=WRONG)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["passed"]) == (1, False)
    last = document["steps"][-1]
    assert (last["step"], last["passed"]) == ("read", False)
    assert "PCRF_TOKEN" in last["mend"]
    assert last["milliseconds"] > 0
    assert WRONG not in result.output
