"""Terraform on a copy of what is deployed; nothing here can reach Google.

With TF_OFFLINE_SETUP, a command that prints `export TF_CLI_CONFIG_FILE=...`, providers come from
where that file says, and have no cloud behind them. Without it they come from the registry.
"""

import json
import os
import shlex
import shutil
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT

EVERYTHING = "-var-file=tests/everything.example.tfvars"
_READ = ("main.py", "requirements.txt", "requirements", "connector", "mappings")
_LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
_MADE = shutil.ignore_patterns(
    "__pycache__", ".terraform", ".terraform.lock.hcl", "*.tfstate*", "terraform.tfvars"
)


def _named(source: str, target: str) -> None:
    Path(target).write_text(f"# {source}\n", encoding="utf-8")


def missing() -> str | None:
    """Why Terraform cannot be used here."""
    return None if shutil.which("terraform") else "terraform is not installed"


def offline() -> str | None:
    """The command that sets up providers without a cloud."""
    return os.environ.get("TF_OFFLINE_SETUP")


def environment() -> dict[str, str]:
    """For Terraform: no questions, no colours, no credentials of the developer's."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TF_", "GOOGLE_", "CLOUDSDK_"))
    }
    env = inherited | {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    setup = offline()
    if setup:
        made = subprocess.run([setup], check=True, capture_output=True, text=True).stdout
        env |= dict(
            word.split("=", 1) for word in shlex.split(made) if word.startswith("TF_CLI_CONFIG")
        )
    return env


class Copy:
    """A copy of what Terraform reads of the repository.

    The files of `connector/` have their names and not their contents, which cost each plan half of
    its time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "terraform"
        self._env = environment()
        for name in _READ:
            place = ROOT / name
            if place.is_dir():
                take = _named if name == "connector" else shutil.copy2
                shutil.copytree(place, folder / name, copy_function=take, ignore=_MADE)
            else:
                shutil.copy(place, folder / name)
        shutil.copytree(ROOT / "terraform", self.root, ignore=_MADE)
        for place in (self.root, self.root / "bootstrap"):
            (place / "backend_override.tf").write_text(_LOCAL_STATE)

    def run(self, *arguments: str, module: str = ".") -> subprocess.CompletedProcess[str]:
        """Run terraform in the root or in a module."""
        return subprocess.run(  # noqa: PLW1510 - whoever calls looks at what it said
            ["terraform", f"-chdir={self.root / module}", *arguments, "-no-color"],  # noqa: S607
            env=self._env,
            capture_output=True,
            text=True,
        )

    def done(self, *arguments: str, module: str = ".") -> str:
        """What terraform printed; it must succeed."""
        ran = self.run(*arguments, module=module)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def json(self, *arguments: str) -> Any:
        """What terraform said as JSON."""
        return json.loads(self.done(*arguments, "-json"))

    @cached_property
    def resources(self) -> list[dict[str, Any]]:
        """All that was applied, with the values that the provider gave. Ask after the apply."""
        root = self.json("show")["values"]["root_module"]
        modules = [root, *root.get("child_modules", [])]
        return [resource for module in modules for resource in module.get("resources", [])]


needs_terraform = pytest.mark.skipif(missing() is not None, reason=missing() or "")
needs_no_cloud = pytest.mark.skipif(
    missing() is not None or not offline(),
    reason=missing() or "needs TF_OFFLINE_SETUP: otherwise it would create resources at Google",
)


def initialised(copy: Copy, *modules: str) -> Copy:
    """The copy after `terraform init` in these modules."""
    for module in modules:
        ran = copy.run("init", "-input=false", module=module)
        said = ran.stdout + ran.stderr
        if ran.returncode and not offline() and "registry.terraform.io" in said:
            pytest.skip("the Terraform registry cannot be reached, and TF_OFFLINE_SETUP is not set")
        assert ran.returncode == 0, said
    return copy
