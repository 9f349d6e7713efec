"""The Terraform code: its own tests, and plans with right and with wrong values."""

import re

import pytest

from tests.support import ROOT
from tests.support.terraform import Copy, initialised, needs_no_cloud, needs_terraform

pytestmark = pytest.mark.deployment

_CONNECTORS = """
project_id = "my-project"
connectors = { ENTRIES }
"""
_ENTRY = """
NAME = {
  mapping = {
    file         = "mappings/limited.yaml"
    variables    = { WTL_API_URL = "https://hlr.example.com" }
    system_limit = 150
  }
  delivery = { shape = "buffered" }
  function = { WRONG }
}
"""
_WRONG = {
    "event_budget_seconds = 60": "Google cuts an event off before the connector answers",
    "max_instances = 31": "31 instances of 5/s exceed 150/s",
    "timeout_seconds = 600": "Pub/Sub sends an event again that is still being applied",
}
_EXAMPLE = "-var-file=terraform.example.tfvars"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("copy"))
    return initialised(copy, ".", "bootstrap", "modules/connector")


@needs_terraform
def test_the_terraform_tests_of_the_root_module_pass(copy: Copy) -> None:
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", copy.done("test"))


@needs_terraform
def test_the_terraform_tests_of_the_connector_module_pass(copy: Copy) -> None:
    said = copy.done("test", module="modules/connector")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", said)


@needs_terraform
def test_the_terraform_tests_of_the_accounts_pass(copy: Copy) -> None:
    said = copy.done("test", module="bootstrap")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", said)


@needs_no_cloud
@pytest.mark.parametrize("name", ["dev", "stage", "prod"])
def test_the_example_of_each_environment_can_be_planned(copy: Copy, name: str) -> None:
    file = f"-var-file=environments/{name}.example.tfvars"
    said = copy.done("plan", "-input=false", f"-state={name}.tfstate", file)
    assert "0 to change, 0 to destroy" in said


@needs_no_cloud
def test_the_secrets_can_be_created_first(copy: Copy) -> None:
    """The guide has a command for that, because the function does not start without secrets."""
    guide = (ROOT / "docs" / "deploy.md").read_text()
    (target,) = re.findall(r"^terraform apply -target='(.+)'$", guide, re.M)
    said = copy.done("plan", "-state=first.tfstate", f"-target={target}", "-input=false", _EXAMPLE)
    assert 'google_secret_manager_secret.this["API_TOKEN"] will be created' in said
    assert 'google_project_service.this["secretmanager.googleapis.com"] will be created' in said
    assert "google_cloudfunctions2_function" not in said


@needs_no_cloud
def test_wrong_values_are_refused_with_a_sentence_each(copy: Copy) -> None:
    """One plan for all, in which each wrong value has a connector of its own."""
    mapping = copy.folder / "mappings" / "wtl-hlr-hss.yaml"
    limited = copy.folder / "mappings" / "limited.yaml"
    limited.write_text(mapping.read_text().replace("  http:\n", "  http:\n    rate_limit: 5/s\n"))
    file = copy.folder / "wrong.tfvars"
    entries = [_ENTRY.replace("NAME", f"hlr-{n}").replace("WRONG", w) for n, w in enumerate(_WRONG)]
    file.write_text(_CONNECTORS.replace("ENTRIES", "".join(entries)))
    try:
        ran = copy.run("plan", "-input=false", "-state=wrong.tfstate", f"-var-file={file}")
    finally:
        limited.unlink()
    assert ran.returncode == 1
    said = re.sub(r"[│\s]+", " ", ran.stderr)
    assert said.count("Error: ") == len(_WRONG)
    for sentence in _WRONG.values():
        assert sentence in said


@needs_no_cloud
def test_a_shadow_of_another_protocol_is_refused(copy: Copy) -> None:
    """Here and not in a test of Terraform, which cannot expect a failure inside a module."""
    file = copy.folder / "shadow.tfvars"
    text = (copy.root / "terraform.example.tfvars").read_text()
    shadow = (
        'shadow = "mappings/osmo-hlr.yaml"\n      variables = { OSMO_HLR_HOST = "hlr.example.com", '
    )
    file.write_text(text.replace("variables = {", shadow, 1))
    ran = copy.run("plan", "-input=false", "-state=shadow.tfstate", f"-var-file={file}")
    assert ran.returncode == 1
    said = re.sub(r"[│\s]+", " ", ran.stderr)
    assert "mappings/osmo-hlr.yaml must speak http, as mappings/wtl-hlr-hss.yaml does" in said


@needs_no_cloud
def test_without_a_channel_the_plan_warns(copy: Copy) -> None:
    text = (copy.root / "terraform.example.tfvars").read_text()
    file = copy.folder / "nobody.tfvars"
    file.write_text(re.sub(r"(?ms)^notify = \{.*?^\}", "", text))
    ran = copy.run("plan", "-input=false", "-state=nobody.tfstate", f"-var-file={file}")
    assert ran.returncode == 0, ran.stderr
    assert "notify names nobody" in ran.stdout
    said = copy.done(
        "plan", "-input=false", "-state=nobody.tfstate", "-var-file=terraform.example.tfvars"
    )
    assert "notify names nobody" not in said


@needs_no_cloud
def test_the_objective_and_the_logs_of_secrets_can_be_switched_off(copy: Copy) -> None:
    file = copy.folder / "off.tfvars"
    text = (copy.root / "terraform.example.tfvars").read_text()
    off = "alerts = { slo = 0, no_traffic_hours = 0 }\n    mapping = {"
    text = text.replace("mapping = {", off, 1).replace(
        "emails =", "secret_access = false\n  emails ="
    )
    file.write_text(text)
    said = copy.done("plan", "-input=false", "-state=off.tfstate", f"-var-file={file}")
    for absent in ("slo_fast", "no_traffic", "secret_access", "audit_config"):
        assert f"{absent}" not in re.sub(r"(?m)^.*(documentation|content).*$", "", said), absent
    assert 'promql["outcome_invalid"]' in said
