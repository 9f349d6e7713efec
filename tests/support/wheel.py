"""The project's wheel, and an environment outside the repository in which it is installed."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.support import ROOT

_BUILD = "import sys; from hatchling import build; build.build_wheel(sys.argv[1])"


def built_wheel(folder: Path) -> Path:
    """Build the wheel as `make release` does, into an empty folder."""
    subprocess.run(
        [sys.executable, "-c", _BUILD, str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def installed(folder: Path, *, with_packages: bool = True) -> Path:
    """Install the wheel into a fresh virtual environment, offline; returns its `connector`.

    The packages that it needs are those of the environment in which the tests run: a line in a
    `.pth` file makes them importable, and not the repository, which is there by such a file, too.
    """
    wheel = built_wheel(folder / "dist")
    environment = folder / "environment"
    venv.create(environment)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")),
            *("install", "--quiet", "--no-index", "--no-deps", str(wheel)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (site,) = (environment / "lib").glob("python*/site-packages")
    if with_packages:
        (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin" / "connector"
