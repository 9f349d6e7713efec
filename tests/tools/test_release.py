"""`make release` in real git repositories: what it refuses and advises, and what it builds."""

import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from connector_tools.release import Refused, release

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-03-02\n\n- More.\n"
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tiny"
version = "1.2.0"
requires-python = ">=3.11"
[tool.hatch.build.targets.wheel]
packages = ["tiny"]
[tool.hatch.build.targets.wheel.force-include]
"CHANGELOG.md" = "tiny/changes.md"
"""


class Repository:
    """A repository whose HEAD is a complete release of version 1.2.0."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch", "main")
        (root / "tiny").mkdir()
        self.write("tiny/__init__.py", "")
        self.write("pyproject.toml", PYPROJECT)
        self.write("CHANGELOG.md", CHANGELOG)
        self.write(".gitignore", "/dist/\n/tiny/local.py\n")
        self.commit()
        self.tag()

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Change a file, commit it, and tag the commit instead of the one before."""
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))
        self.commit()
        self.tag()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change something")

    def tag(self, name: str = "v1.2.0") -> None:
        self.git("tag", "--force", "--annotate", name, "--message", name)

    def problems(self) -> tuple[str, ...]:
        with pytest.raises(Refused) as refused:
            release(self.root)
        assert not (self.root / "dist").exists()
        return refused.value.problems


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):  # a hook of git's sets them
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")  # nobody's signatures or hooks
    return Repository(tmp_path)


def test_a_complete_release_is_built_from_the_tag_alone(repository: Repository) -> None:
    repository.write("tiny/local.py", "")  # ignored by git, so the tree is clean
    version, files = release(repository.root)
    assert version == "1.2.0"
    assert [file.name for file in files] == ["tiny-1.2.0-py3-none-any.whl", "tiny-1.2.0.tar.gz"]
    with zipfile.ZipFile(files[0]) as wheel, tarfile.open(files[1]) as source:
        names = [*wheel.namelist(), *source.getnames()]
    assert "tiny/__init__.py" in names
    assert not [name for name in names if "local" in name]


def test_a_release_changes_nothing_in_git(repository: Repository) -> None:
    before = repository.git("for-each-ref"), repository.git("status", "--porcelain")
    release(repository.root)
    assert (repository.git("for-each-ref"), repository.git("status", "--porcelain")) == before


def test_a_lightweight_tag_is_a_tag(repository: Repository) -> None:
    repository.git("tag", "--force", "v1.2.0", "HEAD")
    assert release(repository.root)[0] == "1.2.0"


def test_another_branch_is_refused(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "mending")
    assert repository.problems() == (
        "HEAD is on the branch mending. Release from main: git switch main",
    )


def test_a_detached_head_is_refused(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--detach")
    assert repository.problems() == ("HEAD is on no branch. Release from main: git switch main",)


def test_a_change_that_is_not_committed_is_refused(repository: Repository) -> None:
    repository.write("tiny/__init__.py", "changed = True\n")
    repository.write("new.txt", "")
    (problem,) = repository.problems()
    assert problem.startswith("Changes are not committed: tiny/__init__.py, new.txt. ")


def test_of_many_changes_five_are_named_and_the_rest_is_counted(repository: Repository) -> None:
    for number in range(7):
        repository.write(f"new{number}.txt", "")
    (problem,) = repository.problems()
    assert "new4.txt and 2 more" in problem


@pytest.mark.parametrize("text", ["# Changelog\n", "", CHANGELOG.replace("1.2.0", "1.2.1")])
def test_a_version_without_a_section_is_refused(repository: Repository, text: str) -> None:
    repository.change("CHANGELOG.md", CHANGELOG, text)
    (problem,) = repository.problems()
    assert problem.startswith("CHANGELOG.md has no section for 1.2.0,")
    assert "Write one: ## [1.2.0] - 20" in problem


def test_a_missing_changelog_is_refused(repository: Repository) -> None:
    repository.git("rm", "--quiet", "CHANGELOG.md")
    repository.commit()
    repository.tag()
    (problem,) = repository.problems()
    assert problem.startswith("CHANGELOG.md has no section for 1.2.0,")


@pytest.mark.parametrize("rest", ["", " - soon", " - 2026-02-30", " 2026-03-02"])
def test_a_section_without_a_date_is_refused(repository: Repository, rest: str) -> None:
    repository.change("CHANGELOG.md", " - 2026-03-02", rest)
    (problem,) = repository.problems()
    assert problem.startswith("The section 1.2.0 of CHANGELOG.md has no date. Write: ## [1.2.0] - ")


def test_entries_that_were_left_under_unreleased_are_refused(repository: Repository) -> None:
    repository.change("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- Not listed.\n")
    (problem,) = repository.problems()
    assert "entries under Unreleased" in problem


def test_a_newer_section_than_the_version_is_refused(repository: Repository) -> None:
    newer = "## [1.3.0] - 2026-04-01\n\n- New.\n\n## [1.2.0]"
    repository.change("CHANGELOG.md", "## [1.2.0]", newer)
    (problem,) = repository.problems()
    assert problem.startswith("The newest section of CHANGELOG.md is 1.3.0,")


def test_a_missing_tag_is_refused_and_not_created(repository: Repository) -> None:
    repository.git("tag", "--delete", "v1.2.0")
    assert repository.problems() == (
        "There is no tag v1.2.0. Create it: git tag --annotate v1.2.0 --message v1.2.0",
    )
    assert repository.git("tag") == ""


def test_a_tag_on_another_commit_is_refused(repository: Repository) -> None:
    tagged = repository.git("rev-parse", "HEAD")
    repository.commit()
    (problem,) = repository.problems()
    assert problem.startswith(f"The tag v1.2.0 is at {tagged[:10]}, HEAD is ")


def test_a_version_that_differs_from_the_tag_and_the_changelog_is_refused(
    repository: Repository,
) -> None:
    repository.change("pyproject.toml", 'version = "1.2.0"', 'version = "1.3.0"')
    section, missing, other = repository.problems()
    assert section.startswith("CHANGELOG.md has no section for 1.3.0,")
    assert missing.startswith("There is no tag v1.3.0.")
    assert other == "HEAD has the tag v1.2.0, pyproject.toml says 1.3.0. Correct one of them."


def test_every_problem_is_named_at_once(repository: Repository) -> None:
    repository.change("CHANGELOG.md", " - 2026-03-02", "")
    repository.git("tag", "--delete", "v1.2.0")
    repository.git("switch", "--quiet", "--create", "mending")
    repository.write("new.txt", "")
    assert len(repository.problems()) == 4


def test_a_build_that_fails_is_reported(repository: Repository) -> None:
    repository.change("pyproject.toml", '"CHANGELOG.md" =', '"absent.md" =')
    (problem,) = repository.problems()
    assert problem.startswith("The build failed:")
    assert "absent" in problem


def test_a_folder_without_git_is_refused(repository: Repository) -> None:
    (repository.root / ".git").rename(repository.root / "no-git")
    (problem,) = repository.problems()
    assert problem.startswith("git does not work here:")
