"""The files of a new mapping file. None that exists is overwritten."""

from collections.abc import Mapping
from pathlib import Path

from connector_tools.program import ROOT

EVENTS = ("sim-created", "sim-updated", "sim-replaced", "sim-deleted")
FOLDER = "events"
_EXAMPLES = ROOT / "mappings" / "events"


class Exists(Exception):  # noqa: N818 - says what happened
    """A file is there already, with another text; the text says which, and what to do."""


def files(name: str, mapping: str, page: str) -> dict[str, str]:
    """All files with their texts, by path in the folder."""
    found = {f"{name}.yaml": mapping, f"{name}.md": page}
    for event in EVENTS:
        found[f"{FOLDER}/{event}.json"] = (_EXAMPLES / f"{event}.json").read_text("utf-8")
    return found


def write(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write all files or none; returns those that were written.

    Example events that are there already with the same text, from another mapping file, stay.

    Raises:
        Exists: one is there.
        OSError: one cannot be written.
    """
    new = [
        (folder / name, text) for name, text in texts.items() if not _is_there(folder / name, text)
    ]
    for path, text in new:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # `x`: also if it came meanwhile
            file.write(text)
    return [path for path, _ in new]


def _is_there(path: Path, text: str) -> bool:
    if not path.exists() and not path.is_symlink():
        return False
    if path.parent.name == FOLDER and path.is_file() and path.read_bytes() == text.encode():
        return True
    raise Exists(f"{path} exists, and nothing is overwritten: choose another NAME or --folder")
