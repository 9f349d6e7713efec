"""Check that a release is complete, build it, and print how to publish it: `make release`.

A release is a commit on `main` with a clean tree, a version in pyproject.toml, a dated section of
that version in CHANGELOG.md, and the tag `vVERSION`. Nothing is pushed and no tag is created.
"""

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from connector_tools.program import ROOT

_MAIN = "main"
_SECTION = re.compile(r"(?ms)^## \[(?P<name>[^\]]+)\](?P<rest>.*?)$(?P<body>.*?)(?=^## |\Z)")
# As pip does it without an isolated environment: one process each, and nothing is downloaded.
_BUILD = "import sys; from hatchling import build as b; getattr(b, sys.argv[1])(sys.argv[2])"


class Refused(Exception):  # noqa: N818 - not a failure: the release is not complete
    """The release cannot be built; `problems` say why, and what to do about each."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


def release(root: Path) -> tuple[str, list[Path]]:
    """Check and build the release of a repository; its version, and the files built in `dist`.

    Raises:
        Refused: it is not complete, or the build fails.
    """
    try:
        version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        found = [*_tree(root), *_changelog(root, version), *_tags(root, version)]
    except subprocess.CalledProcessError as error:
        raise Refused(f"git does not work here: {error.stderr.decode().strip()}") from None
    if found:
        raise Refused(*found)
    return version, _build(root, version)


def _tree(root: Path) -> Iterator[str]:
    branch = _git(root, "branch", "--show-current")
    if branch != _MAIN:
        where = f"on the branch {branch}" if branch else "on no branch"
        yield f"HEAD is {where}. Release from {_MAIN}: git switch {_MAIN}"
    changed = _git(root, "status", "--porcelain").splitlines()
    if changed:
        names = ", ".join(line.split(maxsplit=1)[-1] for line in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        yield f"Changes are not committed: {names}{more}. Commit or remove them."


def _changelog(root: Path, version: str) -> Iterator[str]:
    file = root / "CHANGELOG.md"
    text = file.read_text("utf-8") if file.exists() else ""
    sections = {found["name"]: found for found in _SECTION.finditer(text)}
    unreleased = sections.pop("Unreleased", None)
    if unreleased and re.search(r"(?m)^[-*] ", unreleased["body"]):
        yield "CHANGELOG.md has entries under Unreleased. Move them to the new version's section."
    if version not in sections:
        yield (
            f"CHANGELOG.md has no section for {version}, the version in pyproject.toml. Write one: "
            f"## [{version}] - {date.today().isoformat()}"
        )
        return
    if not _dated(sections[version]["rest"]):
        yield (
            f"The section {version} of CHANGELOG.md has no date. Write: "
            f"## [{version}] - {date.today().isoformat()}"
        )
    newest = next(iter(sections))
    if newest != version:
        yield (
            f"The newest section of CHANGELOG.md is {newest}, pyproject.toml says {version}. "
            "Give both the same version."
        )


def _dated(rest: str) -> bool:
    try:
        date.fromisoformat(rest.removeprefix(" - ").strip())
    except ValueError:
        return False
    return rest.startswith(" - ")


def _tags(root: Path, version: str) -> Iterator[str]:
    tag, head = f"v{version}", _git(root, "rev-parse", "HEAD")
    tagged = _git(root, "tag", "--list", tag, "--format", "%(objectname) %(*objectname)").split()
    if not tagged:
        yield f"There is no tag {tag}. Create it: git tag --annotate {tag} --message {tag}"
    elif tagged[-1] != head:
        yield (
            f"The tag {tag} is at {tagged[-1][:10]}, HEAD is {head[:10]}. Switch to the tagged "
            "commit, or give pyproject.toml and CHANGELOG.md a new version."
        )
    others = [name for name in _git(root, "tag", "--points-at", "HEAD").split() if name != tag]
    for other in others:
        if re.match(r"v\d", other):
            yield f"HEAD has the tag {other}, pyproject.toml says {version}. Correct one of them."


def _build(root: Path, version: str) -> list[Path]:
    """Build from what the tag holds, so that no file of this machine gets into the packages."""
    dist = root / "dist"
    archive = subprocess.run(  # noqa: S603 - git, with a tag that was checked
        ["git", "-C", str(root), "archive", "--format", "tar", f"v{version}"],  # noqa: S607
        capture_output=True,
        check=True,
    )
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
        built = Path(folder, "dist")
        for kind in ("build_sdist", "build_wheel"):
            ran = subprocess.run(  # noqa: S603 - this Python, with the code above
                [sys.executable, "-c", _BUILD, kind, str(built)],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if ran.returncode:
                raise Refused(f"The build failed:\n{ran.stderr.strip()}")
        dist.mkdir(exist_ok=True)
        return [Path(shutil.copy(file, dist)) for file in sorted(built.iterdir())]


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    ran = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - git
    return ran.stdout.decode().strip()


def main() -> int:
    """Release this repository; 0 if the packages are built, else 1."""
    try:
        version, files = release(ROOT)
    except Refused as refused:
        print("This is not a release:", *refused.problems, sep="\n  ", file=sys.stderr)
        return 1
    print("Built:", *(file.relative_to(ROOT) for file in files), sep="\n  ")
    print("Nothing was pushed. To publish:", f"git push origin {_MAIN}", sep="\n  ")
    print(f"  git push origin v{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
