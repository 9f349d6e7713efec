"""Which kind of file system a path is on, as Linux tells it."""

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OVER_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|ceph|glusterfs|lustre|beegfs|gpfs|ocfs2|gfs2|orangefs"
    r"|fuse\.(?:sshfs|glusterfs|ceph\S*|s3fs|gcsfuse|rclone|juicefs|moosefs|mfs|davfs\d?)"
)


def network_file_system(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of the file system that `path` is on, if machines share it; else None.

    Also None where the system does not tell, as on macOS. `mounts` is in the form of Linux's
    `/proc/self/mountinfo`.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, kind = path.resolve(), None
    longest = -1
    for line in lines:
        fields, _, after = line.partition(" - ")
        point = Path(_unescaped(fields.split(" ")[4]))
        if place.is_relative_to(point) and len(point.parts) >= longest:  # a later mount hides
            longest, kind = len(point.parts), after.split(" ")[0]
    return kind if kind and _OVER_NETWORK.fullmatch(kind) else None


def _unescaped(text: str) -> str:
    """Blanks and backslashes are written as octal numbers."""
    return re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), text)
