"""The tables of terraform-docs in the READMEs, from the Terraform files.

python -m tests.support.terraform_docs      writes them anew
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT

DIRS = [
    ROOT / "terraform" / name for name in ("", "bootstrap", "modules/connector", "modules/source")
]
BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"

_ARGUMENT = re.compile(r"^  (\w+)\s*= (<<-EOT\n.*?\n  EOT|.*?)\n(?=  \w|\n|\Z)", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A block of a Terraform file: `labels` are what stands before its brace."""

    kind: str
    labels: tuple[str, ...]
    arguments: dict[str, str]


def blocks(folder: Path) -> list[Block]:
    """The top-level blocks of a directory's files, which must be as `terraform fmt` writes them."""
    text = "".join(file.read_text() + "\n" for file in sorted(folder.glob("*.tf")))
    found = re.findall(r'^(\w+)((?: "[^"]+")*) \{\n(.*?)^\}', text, re.M | re.S)
    return [
        Block(kind, tuple(re.findall(r'"([^"]+)"', labels)), dict(_ARGUMENT.findall(body)))
        for kind, labels, body in found
    ]


def readme(folder: Path) -> str:
    """What must stand between the marks of a directory's README."""
    found = blocks(folder)
    return "\n\n".join(
        [
            _table("Requirements", ("Name", "Version"), _requirements(folder)),
            _modules(found),
            _table(
                "Resources",
                ("Name", "Type"),
                sorted(
                    (f"{block.labels[0]}.{block.labels[1]}", kind)
                    for block in found
                    for kind in [{"data": "data source"}.get(block.kind, block.kind)]
                    if block.kind in ("resource", "data", "ephemeral")
                ),
            ),
            _inputs(found),
            _outputs(found),
        ]
    )


def marked(text: str) -> str:
    """What stands between the marks of a README's text."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def _requirements(folder: Path) -> list[tuple[str, ...]]:
    text = (folder / "versions.tf").read_text()
    rows = [("terraform", version) for version in re.findall(r'required_version = "(.+?)"', text)]
    rows += re.findall(r'^    ([\w-]+)\s*= \{ source.*version = "(.+?)"', text, re.M)
    return [(_anchored("requirement", name), version) for name, version in rows]


def _modules(found: list[Block]) -> str:
    rows = [
        (_anchored("module", block.labels[0]), block.arguments["source"].strip('"'))
        for block in found
        if block.kind == "module"
    ]
    return _table("Modules", ("Name", "Source"), sorted(rows))


def _inputs(found: list[Block]) -> str:
    rows = []
    for block in sorted(found, key=lambda block: block.labels):
        if block.kind == "variable":
            given = block.arguments
            required = "no" if "default" in given else "yes"
            default = _code(given["default"]) if "default" in given else "n/a"
            kind = _code(given["type"])
            name = _anchored("input", block.labels[0])
            rows.append((name, _text(given["description"]), kind, default, required))
    return _table("Inputs", ("Name", "Description", "Type", "Default", "Required"), rows)


def _outputs(found: list[Block]) -> str:
    rows = [
        (_anchored("output", block.labels[0]), _text(block.arguments["description"]))
        for block in sorted(found, key=lambda block: block.labels)
        if block.kind == "output"
    ]
    return _table("Outputs", ("Name", "Description"), rows)


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return f"## {title}\n\nNo {title.lower()}."
    lines = [head, tuple("-" * max(4, len(name)) for name in head), *rows]
    return f"## {title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _anchored(kind: str, name: str) -> str:
    escaped = name.replace("_", "\\_")
    return f'<a name="{kind}_{name}"></a> [{escaped}](#{kind}\\_{escaped})'


def _text(value: str) -> str:
    heredoc = re.fullmatch(r"<<-EOT\n(.*)\n  EOT", value, re.S)
    if not heredoc:
        return value.strip('"')
    return "<br/>".join(line.strip() for line in heredoc[1].splitlines())


def _code(value: str) -> str:
    lines = value.splitlines()
    if len(lines) == 1:
        return f"`{value}`"
    return "<pre>" + "<br/>".join(line.removeprefix("  ") for line in lines) + "</pre>"


def main() -> None:
    """Write the tables of all READMEs anew."""
    for folder in DIRS:
        file = folder / "README.md"
        text = file.read_text()
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        file.write_text(f"{before}{BEGIN}\n{readme(folder)}\n{END}{after}")


if __name__ == "__main__":
    main()
