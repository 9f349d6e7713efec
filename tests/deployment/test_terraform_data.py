"""Nothing is lost: changes of the shape, destroys, versions of the code, in real plans."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.terraform import Copy, missing, offline
from tests.support.terraform_docs import blocks

_REASON = missing()
pytestmark = [
    pytest.mark.deployment,
    pytest.mark.skipif(
        _REASON is not None or not offline(),
        reason=_REASON or "needs TF_OFFLINE_SETUP: otherwise it would create resources at Google",
    ),
]
CONNECTOR = 'module.connector["wtl-hlr"]'
FUNCTION = f"{CONNECTOR}.google_cloudfunctions2_function.this"
PUSH = f"{CONNECTOR}.google_pubsub_subscription.push[0]"
_SETTINGS = """
project_id          = "my-project"
grants_wait_seconds = 0
egress              = {}
connectors = {
  wtl-hlr = {
    mapping = {
      file      = "mappings/wtl-hlr-hss.yaml"
      variables = { WTL_API_URL = "https://hlr.example.com" }
    }
    delivery = { shape = "SHAPE" }
    egress   = true
  }
}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("copy"))
    copy.done("init", "-input=false")
    return copy


def settings(copy: Copy, shape: str) -> str:
    """The option of Terraform that names the settings with this shape."""
    file = copy.root / f"{shape}.tfvars"
    file.write_text(_SETTINGS.replace("SHAPE", shape))
    return f"-var-file={file}"


def apply(copy: Copy, shape: str) -> list[tuple[str, str]]:
    """What an apply did, in order: `apply_start` or `apply_complete`, and the address."""
    options = ("-auto-approve", "-input=false", "-refresh=false", "-json")
    told = copy.done("apply", *options, settings(copy, shape))
    lines = [json.loads(line) for line in told.splitlines()]
    hooks = [line for line in lines if line["type"].startswith("apply_")]
    return [(line["type"], line["hook"]["resource"]["addr"]) for line in hooks]


@pytest.fixture(scope="module")
def changed(copy: Copy) -> Iterator[list[tuple[str, str]]]:
    """What the apply did that changed a connector from direct to buffered."""
    apply(copy, "direct")
    yield apply(copy, "buffered")


def gate(copy: Copy, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The gate's judgement of a plan, which Terraform itself accepts."""
    copy.done("plan", "-input=false", "-refresh=false", "-out=tfplan", *arguments)
    plan = copy.done("show", "-json", "tfplan")
    command = [sys.executable, str(ROOT / "terraform" / "gate.py"), "-"]
    return subprocess.run(command, input=plan, capture_output=True, text=True, check=False)


def refused(copy: Copy, *arguments: str) -> str:
    """What Terraform said when it refused a plan, on one line."""
    ran = copy.run("plan", "-input=false", "-refresh=false", *arguments)
    assert ran.returncode == 1
    return re.sub(r"[│\s]+", " ", ran.stderr)


def test_the_function_publishes_only_when_its_subscription_exists(
    changed: list[tuple[str, str]],
) -> None:
    """Events on a topic without a subscription are accepted and lost."""
    switch = changed.index(("apply_start", FUNCTION))
    ready = {address for kind, address in changed[:switch] if kind == "apply_complete"}
    assert {
        PUSH,
        f"{CONNECTOR}.google_pubsub_subscription_iam_member.agent_push[0]",
        f"{CONNECTOR}.google_pubsub_subscription.dead_letters[0]",
        f'{CONNECTOR}.google_pubsub_topic_iam_member.runtime["events"]',
        f"{CONNECTOR}.terraform_data.grants",
    } <= ready


def test_the_way_back_to_direct_does_not_delete_what_waits(
    copy: Copy, changed: list[tuple[str, str]]
) -> None:
    assert "Instance cannot be destroyed" in refused(copy, settings(copy, "direct"))
    assert gate(copy, settings(copy, "draining")).returncode == 0


def test_a_destroy_is_refused_before_it_begins(copy: Copy, changed: list[tuple[str, str]]) -> None:
    said = refused(copy, "-destroy", settings(copy, "buffered"))
    assert "Instance cannot be destroyed" in said
    assert "prevent_destroy" in said


def test_the_gate_refuses_what_terraform_does_not(
    copy: Copy, changed: list[tuple[str, str]]
) -> None:
    """With its block, `prevent_destroy` goes away: this plan deletes everything."""
    kept = {file: file.read_text() for file in (copy.root / "main.tf", copy.root / "outputs.tf")}
    main = copy.root / "main.tf"
    try:
        main.write_text(kept[main].partition('module "connector"')[0])
        (copy.root / "outputs.tf").write_text("")
        done = gate(copy, settings(copy, "buffered"))
    finally:
        for file, text in kept.items():
            file.write_text(text)
    assert done.returncode == 1
    for lost in ("google_firestore_database.ledger", "google_pubsub_subscription.push[0]"):
        assert f"{CONNECTOR}.{lost} would be deleted: " in done.stdout
    for name in ("API_TOKEN", "HASH_KEY", "WTL_API_TOKEN"):
        assert f'google_secret_manager_secret.this["{name}"] would be deleted' in done.stdout


def test_everybody_may_reach_a_function_that_was_made_anew(
    copy: Copy, changed: list[tuple[str, str]]
) -> None:
    """Its service is another one, without the grant; Terraform's state still has the grant."""
    said = copy.done(
        *("plan", "-input=false", "-refresh=false", f"-replace={FUNCTION}"),
        settings(copy, "buffered"),
    )
    grant = f'{CONNECTOR}.google_cloud_run_v2_service_iam_member.invoker["allUsers"]'
    assert f"{grant} will be replaced due to changes in replace_triggered_by" in said


def test_an_update_of_the_function_leaves_the_grant_alone(
    changed: list[tuple[str, str]],
) -> None:
    assert ("apply_complete", FUNCTION) in changed
    assert not [address for _, address in changed if "service_iam_member.invoker" in address]


def test_a_connector_can_stay_on_an_older_version(copy: Copy) -> None:
    """Each checkout has a zip of its own, so a change of the code deploys only its connectors."""
    pinned = copy.folder / "build" / "v1"
    for name in ("main.py", "requirements.txt", "connector/settings.py", "mappings"):
        _copy(copy.folder / name, pinned / name)
    (pinned / "main.py").write_text("# version 1\n")
    file = copy.root / "pinned.tfvars"
    entry = _SETTINGS[_SETTINGS.index("  wtl-hlr") : _SETTINGS.rindex("}")].replace(
        "SHAPE", "direct"
    )
    old = entry.replace("wtl-hlr =", "wtl-old =").replace(
        "egress ", 'checkout = "build/v1"\n egress '
    )
    file.write_text(_SETTINGS.replace("SHAPE", "direct").replace(entry, entry + old))
    copy.done("plan", "-input=false", "-state=pinned.tfstate", "-out=pinned", f"-var-file={file}")
    plan = json.loads(copy.done("show", "-json", "pinned"))
    sources = plan["planned_values"]["outputs"]["smoke_test"]["value"]
    new, old = sources["wtl-hlr"]["source"], sources["wtl-old"]["source"]
    assert new != old
    assert (pinned / "build" / f"source-{old}.zip").exists()
    assert (copy.folder / "build" / f"source-{new}.zip").exists()


def _copy(source: Path, target: Path) -> None:
    files = [source] if source.is_file() else [file for file in source.iterdir() if file.is_file()]
    for file in files:
        place = target if source.is_file() else target / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())


def _protected() -> list[Any]:
    """The resources of types that the gate knows, but for those that may go."""
    text = (ROOT / "terraform" / "gate.py").read_text()
    kinds = set(re.findall(r'^    "(google_\w+)": ', text, re.M))
    kinds -= {"google_cloudfunctions2_function", "google_firestore_backup_schedule"}
    folders = (ROOT / "terraform", ROOT / "terraform" / "modules" / "connector")
    found = [block for folder in folders for block in blocks(folder) if block.kind == "resource"]
    return [block for block in found if block.labels[0] in kinds and block.labels[1] != "source"]


def test_all_that_holds_data_has_prevent_destroy() -> None:
    texts = "".join(file.read_text() for file in (ROOT / "terraform").rglob("*.tf"))
    protected = _protected()
    assert len(protected) == 11
    for block in protected:
        kind, name = block.labels
        start = texts.index(f'resource "{kind}" "{name}" {{')
        body = texts[start : texts.index("\n}\n", start)]
        assert "    prevent_destroy = true" in body, block.labels
