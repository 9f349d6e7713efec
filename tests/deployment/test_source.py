"""The source of each mapping file: what Terraform packs, and that the function runs from it.

Terraform computes the lists of files here, and Python copies the files: the archive provider would
need a minute for all mapping files. `test_terraform.py` looks into a zip that the provider packed.
"""

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx
import pytest

from connector.mapping.load import load
from connector.systems.http.entry import ServerEntry
from connector_tools.documents.licences import pinned
from connector_tools.function_process import FunctionCode, FunctionProcess
from connector_tools.program import DidNotStart
from tests.support import ROOT
from tests.support.terraform import Copy, missing

_REASON = missing()
pytestmark = [
    pytest.mark.deployment,
    pytest.mark.skipif(_REASON is not None, reason=_REASON or ""),
]

FILES = sorted(file.name for file in (ROOT / "mappings").glob("*.yaml"))
# One file for each protocol, with variables and secrets that let its function start.
STARTED: dict[str, dict[str, str]] = {
    "wtl-hlr-hss.yaml": {"WTL_API_URL": "http://127.0.0.1:9", "WTL_API_TOKEN": "secret"},
    "freeradius-sql.yaml": {"RADIUS_DB_HOST": "127.0.0.1"},
    "hss-ldap.yaml": {
        "HSS_LDAP_HOST": "127.0.0.1",
        "HSS_LDAP_BASE": "dc=example,dc=com",
        "HSS_LDAP_BIND_DN": "cn=connector,dc=example,dc=com",
        "HSS_LDAP_PASSWORD": "secret",
    },
    "notify-smtp.yaml": {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_USERNAME": "connector",
        "SMTP_PASSWORD": "secret",
        "SMTP_FROM": "noreply@example.com",
        "SMTP_FROM_NAME": "Example",
    },
    "ericsson-cai3g.yaml": {
        "CAI3G_URL": "http://127.0.0.1:9",
        "CAI3G_USER": "connector",
        "CAI3G_PASSWORD": "secret",
    },
    "huawei-mml.yaml": {
        "MML_HOST": "127.0.0.1",
        "MML_USER": "connector",
        "MML_PASSWORD": "secret",
    },
    "nudr-quota.yaml": {
        "UDR_URL": "http://127.0.0.1:9",
        "UDR_TOKEN_URL": "http://127.0.0.1:9/token",
        "UDR_CLIENT_ID": "connector",
        "UDR_CLIENT_SECRET": "secret",
    },
    "osmo-hlr.yaml": {"OSMO_HLR_HOST": "127.0.0.1"},
}
_OURS = {
    "API_TOKEN": "token-of-nsps-in-tests",
    "HASH_KEY": "key-of-the-hashes-in-tests-0123456789",
    "RADIUS_DB_PASSWORD": "secret",
    "RADIUS_PASSWORD": "secret",
    "LEDGER_URL": "memory:",
}
_LISTS = """
module "source" {
  source   = "./source"
  for_each = toset([for file in fileset("${path.root}/../..", "mappings/*.yaml") : file])
  dir      = "${path.root}/../.."
  mapping  = each.value
}

output "sources" {
  value = { for file, source in module.source : basename(file) => source }
}
"""
_OUTPUTS = """
output "origins" {
  value = local.origins
}

output "hash" {
  value = local.hash
}
"""
# Python reads this at its start. A package that is not in the lock cannot be imported then.
_ONLY_THE_LOCK = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"not in the lock: {name}", name=name)

sys.meta_path.insert(0, Refuse())
"""


@dataclass(frozen=True)
class Source:
    """The files of a zip: the place of each in the repository, by its name in the zip."""

    origins: dict[str, str]
    hash: str


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the repository in which Terraform lists the files for each mapping file."""
    copy = Copy(tmp_path_factory.mktemp("copy"))
    module, lists = copy.root / "modules" / "source", copy.root / "lists"
    (lists / "source").mkdir(parents=True)
    (lists / "main.tf").write_text(_LISTS)
    shutil.copy(module / "variables.tf", lists / "source")
    code = (module / "main.tf").read_text().partition('data "archive_file"')[0]
    (lists / "source" / "main.tf").write_text(code + _OUTPUTS)
    copy.done("init", "-input=false", module="lists")
    return copy


def listed(copy: Copy) -> dict[str, Source]:
    """The sources by the names of the mapping files."""
    copy.done("apply", "-auto-approve", "-input=false", module="lists")
    found = json.loads(copy.done("output", "-json", "sources", module="lists"))
    return {name: Source(**source) for name, source in found.items()}


@pytest.fixture(scope="module")
def sources(listing: Copy) -> dict[str, Source]:
    return listed(listing)


@pytest.fixture
def unpacked(sources: dict[str, Source], name: str, tmp_path: Path) -> Path:
    """A folder with what the zip of a mapping file holds."""
    for file, origin in sources[name].origins.items():
        place = tmp_path / "function" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / origin, place)
    return tmp_path / "function"


def normal(names: Iterable[str]) -> set[str]:
    """Names of packages, as PEP 503 spells them."""
    return {re.sub("[-_.]+", "-", name).lower() for name in names}


def function(folder: Path, mapping: str) -> FunctionProcess:
    """The function in a folder, with the packages of its lock and no others."""
    locked = normal(pinned(folder / "requirements.txt"))
    homes = packages_distributions()
    left_out = {module for module, home in homes.items() if not normal(home) & locked}
    refusing = _ONLY_THE_LOCK.replace("NAMES", repr(left_out - {"connector"}))
    blocking = folder.with_name("blocking")
    blocking.mkdir()
    (blocking / "sitecustomize.py").write_text(refusing)
    environ = {**_OURS, **STARTED[mapping], "PYTHONPATH": str(blocking)}
    environ["MAPPING_FILE"] = f"mappings/{mapping}"
    log = folder.with_name("function.log")
    made = FunctionProcess(environ, log=log, code=FunctionCode(source=folder / "main.py"))
    made.folder = folder
    made.start()
    return made


def refusal(folder: Path, mapping: str) -> str:
    """Why the function does not start."""
    with pytest.raises(DidNotStart) as refused:
        function(folder, mapping).wait_until_healthy()
    assert "Traceback" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", FILES)
def test_a_zip_holds_what_its_mapping_file_needs_and_nothing_else(
    sources: dict[str, Source], name: str
) -> None:
    system = load(ROOT / "mappings" / name).system
    protocol = system.protocol
    http2 = isinstance(system, ServerEntry) and system.server.http2
    extra = "http2" if http2 else protocol
    usual = extra in ("http", "soap", "ctrl", "line")
    origins = dict(sources[name].origins)
    expected = "requirements.txt" if usual else f"requirements/{extra}.txt"
    assert origins.pop("requirements.txt") == expected
    assert all(file == origin for file, origin in origins.items())
    rooms = {file.split("/")[2] for file in origins if re.match(r"connector/systems/\w+/", file)}
    assert rooms == {protocol} | ({"http"} if protocol == "soap" else set())
    assert any("/http2/" in file for file in origins) == http2
    others = {file for file in origins if not file.startswith("connector/")}
    assert others == {"main.py", f"mappings/{name}"}
    assert {"connector/py.typed", "connector/systems/guard.py"} <= origins.keys()
    assert not [file for file in origins if file.endswith((".md", ".pyc"))]


@pytest.mark.parametrize("name", STARTED)
def test_the_function_starts_from_its_zip_with_the_packages_of_its_lock(
    unpacked: Path, name: str
) -> None:
    running = function(unpacked, name)
    try:
        running.wait_until_healthy()
        assert httpx.get(f"{running.url}/health", trust_env=False).status_code == 200
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("name", "extra"),
    [("freeradius-sql.yaml", "sql"), ("notify-smtp.yaml", "smtp"), ("nudr-quota.yaml", "http2")],
)
def test_with_the_usual_lock_the_start_names_the_extra(
    unpacked: Path, name: str, extra: str
) -> None:
    """It also shows that the test above cannot import what is not in the lock."""
    shutil.copy(ROOT / "requirements.txt", unpacked)
    assert f"nsps-connector[{extra}]" in refusal(unpacked, name)


@pytest.mark.parametrize("name", ["wtl-hlr-hss.yaml"])
def test_a_mapping_file_of_another_protocol_is_refused_with_a_sentence(
    unpacked: Path, name: str
) -> None:
    shutil.copy(ROOT / "mappings" / "hss-ldap.yaml", unpacked / "mappings")
    said = refusal(unpacked, "hss-ldap.yaml")
    assert "needs exactly one of `http`; the code of `ldap` is not deployed here" in said


@pytest.mark.parametrize("name", ["wtl-hlr-hss.yaml"])
@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [("{post: ", "{psot: ", "unknown key `psot`"), ("base_url:", "base_ulr:", "`base_ulr`")],
)
def test_a_mistake_is_explained_without_the_code_of_other_protocols(
    unpacked: Path, name: str, old: str, new: str, problem: str
) -> None:
    file = unpacked / "mappings" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert problem in refusal(unpacked, name)


def test_a_change_of_one_mapping_file_changes_no_other_zip(
    listing: Copy, sources: dict[str, Source]
) -> None:
    """The name of a zip has the hash of its files, and a new name deploys the function again."""
    changed = listing.folder / "mappings" / "hss-ldap.yaml"
    text = changed.read_text()
    changed.write_text(f"{text}# changed\n")
    try:
        after = listed(listing)
    finally:
        changed.write_text(text)
    differ = {name for name, source in sources.items() if after[name].hash != source.hash}
    assert differ == {"hss-ldap.yaml"}


def test_a_mapping_file_that_does_not_exist_is_refused_with_a_sentence(listing: Copy) -> None:
    main = listing.root / "lists" / "main.tf"
    main.write_text(_LISTS.replace("each.value\n", '"mappings/no-such.yaml"\n'))
    try:
        ran = listing.run("plan", "-input=false", module="lists")
    finally:
        main.write_text(_LISTS)
    assert ran.returncode == 1
    assert "mappings/no-such.yaml is not one" in re.sub(r"[│\s]+", " ", ran.stderr)
