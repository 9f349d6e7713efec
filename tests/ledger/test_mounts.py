"""Which paths are on a network file system, by Linux's table of mounts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connector.ledger.mounts import network_file_system

# The form of /proc/self/mountinfo, from machines that have such mounts; the places were changed.
TABLE = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard
60 22 0:52 / /srv/files rw,relatime shared:310 - nfs4 files.example.com:/srv rw,vers=4.2
61 22 0:53 / /srv/win rw - cifs //files.example.com/win rw,vers=3.1.1
62 60 254:2 / /srv/files/disk rw - xfs /dev/vdb rw
63 22 0:54 / /mnt/with\\040blank rw - fuse.sshfs host:/ rw,user_id=0
64 22 0:55 / /cluster rw - ceph 10.0.0.1:/ rw
65 22 0:56 / /tmp rw - tmpfs tmpfs rw
66 22 0:57 / /hidden rw - nfs files.example.com:/x rw
67 22 254:3 / /hidden rw - ext4 /dev/vdc rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(TABLE)
    return file


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/files", "nfs4"),
        ("/srv/files/deep/ledger", "nfs4"),
        ("/srv/win/ledger", "cifs"),
        ("/mnt/with blank/ledger", "fuse.sshfs"),
        ("/cluster/ledger", "ceph"),
        ("/srv/files/disk/ledger", None),
        ("/srv/filesystem", None),
        ("/data", None),
        ("/tmp/ledger", None),  # noqa: S108 - only a name
        ("/hidden/ledger", None),
    ],
)
def test_the_innermost_and_latest_mount_decides(mounts: Path, path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), mounts) == kind


def test_a_system_that_does_not_tell_has_none(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, tmp_path / "missing") is None


def test_the_disks_of_this_machine_are_none(tmp_path: Path) -> None:
    assert network_file_system(tmp_path) is None


_CHECK = """
from pathlib import Path
from connector.ledger.sqlite_file import place_problem
import connector.ledger.mounts as mounts
print(place_problem(Path({file!r})))
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="only root can change its mounts"
)
def test_a_ledger_on_a_network_file_system_is_refused(tmp_path: Path) -> None:
    """The process sees a table that says so: this machine has no such file system."""
    table = tmp_path / "mountinfo"
    table.write_text(f"{TABLE}70 22 0:60 / {tmp_path} rw - nfs4 files.example.com:/y rw\n")
    script = f'mount --bind {table} /proc/$$/mountinfo && exec "$0" -c "$1"'
    code = _CHECK.format(file=str(tmp_path / "ledger"))
    done = subprocess.run(
        ["/usr/bin/unshare", "--mount", "sh", "-c", script, sys.executable, code],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "is on a network file system (nfs4)" in done.stdout
