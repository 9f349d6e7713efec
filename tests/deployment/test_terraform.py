"""The Terraform code after an apply with every option, and its agreement with the function."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connector import settings
from tests.support import ROOT
from tests.support.terraform import EVERYTHING, Copy, needs_no_cloud, needs_terraform
from tests.support.terraform_docs import DIRS, marked, readme

pytestmark = pytest.mark.deployment

_NORMALIZED = 315_532_801  # 1980-01-01 00:00:01, the date that buildpacks give every file
_NO_BYTECODE = shutil.ignore_patterns("__pycache__")
_EXAMPLE = "-var-file=terraform.example.tfvars"


def _only(found: list[dict[str, Any]], kind: str, name: str = "") -> list[dict[str, Any]]:
    """The values of the resources of a type whose address contains `name`."""
    wanted = [resource for resource in found if resource["type"] == kind]
    return [resource["values"] for resource in wanted if name in resource["address"]]


@needs_terraform
def test_the_code_is_formatted() -> None:
    subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(ROOT / "terraform")],  # noqa: S607
        check=True,
    )


@needs_no_cloud
def test_a_plan_after_applying_every_option_has_no_changes(applied: Copy) -> None:
    applied.done("plan", "-detailed-exitcode", "-input=false", EVERYTHING)


@needs_no_cloud
def test_no_secret_is_in_the_state(applied: Copy) -> None:
    versions = _only(applied.resources, "google_secret_manager_secret_version")
    assert len(versions) == 2
    for version in versions:
        assert version["secret_data"] is None
        assert version["secret_data_wo"] is None
    state = (applied.root / "terraform.tfstate").read_text()
    assert '"result"' not in state  # the attribute of random_password with the password


@needs_no_cloud
def test_the_zip_has_exactly_the_files_of_the_function(applied: Copy) -> None:
    uploaded = _only(applied.resources, "google_storage_bucket_object")
    (zip_file,) = {applied.root / one["source"] for one in uploaded}  # both serve the same mapping
    folder = applied.folder
    other_rooms = {"ctrl", "http2", "ldap", "line", "smtp", "soap", "sql"}
    names = [folder / "main.py", folder / "requirements.txt", folder / "mappings/wtl-hlr-hss.yaml"]
    expected = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in [*names, *(folder / "connector").rglob("*")]
        if file.is_file() and other_rooms.isdisjoint(file.parts)
        if "__pycache__" not in file.parts and file.name != ".secret" and file.suffix != ".md"
    }
    with zipfile.ZipFile(zip_file) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == expected


@needs_no_cloud
def test_the_function_accepts_the_environment_that_terraform_gives_it(applied: Copy) -> None:
    """Without this test, the first deployment would show names or values that do not fit."""
    functions = _only(applied.resources, "google_cloudfunctions2_function")
    assert len(functions) == 2
    for function in functions:
        given = function["service_config"][0]["environment_variables"]
        read = settings.read(given)
        ours = {name for name in given if not name.startswith("WTL_")}
        assert ours <= set(type(read).model_fields)
        ingress = {"wtl-hlr": "publish", "wtl-lab": "direct"}[function["name"]]
        assert ingress == read.INGRESS
        assert function["service_config"][0]["timeout_seconds"] > read.EVENT_BUDGET


@needs_no_cloud
def test_a_cold_start_uses_the_bytecode_of_the_build(applied: Copy, tmp_path: Path) -> None:
    """Google's buildpack compiles in the build's environment and then dates each file to 1980."""
    function = _only(applied.resources, "google_cloudfunctions2_function")[0]
    given = function["build_config"][0]["environment_variables"]
    shutil.copytree(ROOT / "connector", tmp_path / "connector", ignore=_NO_BYTECODE)
    compiled = [sys.executable, "-m", "compileall", "-f", "-q", "."]
    subprocess.run(compiled, cwd=tmp_path, env=os.environ | given, check=True)
    for file in tmp_path.rglob("*"):
        os.utime(file, (_NORMALIZED, _NORMALIZED))
    started = [sys.executable, "-v", "-c", "import connector.startup"]
    ran = subprocess.run(started, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "matches " + str(tmp_path / "connector" / "startup.py") in ran.stderr
    assert "bytecode is stale for 'connector" not in ran.stderr


@needs_no_cloud
def test_terraform_makes_the_secrets_that_the_function_reads(applied: Copy) -> None:
    secrets = _only(applied.resources, "google_secret_manager_secret")
    names = {secret["secret_id"] for secret in secrets}
    wanted = (settings.API_TOKEN, settings.HASH_KEY, "WTL_API_TOKEN")
    assert names == {f"{prefix}-{name}" for prefix in ("wtl-hlr", "wtl-lab") for name in wanted}


@needs_no_cloud
def test_the_collections_with_an_expiry_are_those_of_the_ledger(applied: Copy) -> None:
    code = (ROOT / "connector" / "ledger" / "firestore.py").read_text()
    fields = _only(applied.resources, "google_firestore_field")
    expiring = {field["collection"] for field in fields if field["ttl_config"]}
    assert expiring == set(re.findall(r'^[A-Z]+ = "(nsps_\w+)"$', code, re.M))
    for name in {field["field"] for field in fields}:
        assert re.search(rf"[\"`]{name}[\"`]", code), name


@needs_no_cloud
def test_metrics_and_alerts_filter_on_texts_that_the_function_logs(applied: Copy) -> None:
    places = (
        ROOT / "connector",
        ROOT / "connector_tools" / "audit",
        ROOT / "connector_tools" / "cli",
    )
    code = "".join(file.read_text() for place in places for file in place.rglob("*.py"))
    filters = [m["filter"] for m in _only(applied.resources, "google_logging_metric")]
    filters += [
        policy["conditions"][0]["condition_matched_log"][0]["filter"]
        for kind in (".log[", ".audit[")
        for policy in _only(applied.resources, "google_monitoring_alert_policy", kind)
    ]
    messages = {found for text in filters for found in re.findall(r'message="(.*?)"', text)}
    reasons = {found for text in filters for found in re.findall(r'reason=~"\^(.*?)"', text)}
    assert all('"The ledger cannot be reached"' in part for part in (code, " ".join(filters)))
    assert messages == {
        "event settled",
        "event dead-lettered",
        "request refused",
        "message unreadable",
        "claim not released",
        "snapshot from the future",
        "the connector cannot start",
        "audit found",
        "audit ended",
        "audit failed",
    }
    assert len(reasons) == 1
    for text in messages | reasons:
        assert f'"{text}' in code
    fields = ("milliseconds", "snapshot_age_seconds", "age_seconds", "outcome", "connector")
    for field in (*fields, "event_id", "method", "status"):
        assert f'"{field}"' in code or f"{field}=" in code
    assert any("jsonPayload.circuit" in text for text in filters)
    assert "circuit=state" in code
    assert any("jsonPayload.failing" in text for text in filters)
    assert "failing=" in code


@needs_no_cloud
def test_every_alert_links_to_a_section_of_the_operating_guide(applied: Copy) -> None:
    guide = (ROOT / "docs" / "operate.md").read_text()
    headings = re.findall(r"^#+ (.+)$", guide, re.M)
    sections = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}
    policies = _only(applied.resources, "google_monitoring_alert_policy")
    texts = [policy["documentation"][0]["content"] for policy in policies]
    anchors = {found for text in texts for found in re.findall(r"operate\.md#([\w-]+)\]", text)}
    assert len(texts) == 60
    assert len(anchors) == 31
    assert anchors <= sections


@needs_no_cloud
def test_the_plan_of_the_example_does_not_print_the_source(applied: Copy) -> None:
    """Nobody reads a plan that prints every line of the source."""
    said = applied.done("plan", "-input=false", "-state=example.tfstate", _EXAMPLE)
    assert "0 to change, 0 to destroy" in said
    assert "from functions_framework import" not in said


@pytest.mark.parametrize("folder", DIRS, ids=lambda folder: folder.name)
def test_the_tables_of_the_readme_have_the_variables_and_outputs_of_the_code(folder: Path) -> None:
    """If it fails: `python -m tests.support.terraform_docs` writes the tables."""
    assert marked((folder / "README.md").read_text()) == readme(folder)


@pytest.mark.parametrize("folder", DIRS, ids=lambda folder: folder.name)
def test_every_variable_and_output_is_described(folder: Path) -> None:
    files = [(folder / name).read_text() for name in ("variables.tf", "outputs.tf")]
    for text in files:
        blocks = re.findall(r"^(?:variable|output) .*?^\}", text, re.M | re.S)
        assert blocks
        for block in blocks:
            assert re.search(r'^  description = (".{20,}"|<<-EOT)$', block, re.M), block
