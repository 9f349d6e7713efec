"""Builds the documentation: python -m connector_tools.site [--reference-only].

It writes the pages in docs/reference, then builds the site in build/site with Sphinx, checks all
links in it, and writes llms.txt and llms-full.txt beside it. Nothing is fetched. `make docs` calls
it; it needs the packages of the dependency group `docs`.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from typer.main import get_group

from connector_tools.cli.app import command_line
from connector_tools.documents import assistant, pictures, reference
from connector_tools.documents.site_links import problems
from connector_tools.documents.site_pages import ROOT_PAGE
from connector_tools.program import ROOT
from connector_tools.terminal import CANNOT_RUN, FAILED, say

SITE = ROOT / "build" / "site"
_FORWARD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>NSPS connector</title>
<meta http-equiv="refresh" content="0; url={page}.html">
<a href="{page}.html">NSPS connector</a>
</html>
"""


def write_reference() -> None:
    """Write the pages that are made from the code, and the forms of the pictures."""
    for path, text in {**reference.pages(get_group(command_line())), **pictures.files()}.items():
        (ROOT / path).write_text(text, encoding="utf-8")


def build(site: Path) -> list[str]:
    """Build the site in the folder `site`, which is emptied first; the problems that were found."""
    shutil.rmtree(site, ignore_errors=True)
    strict = ["--quiet", "--fail-on-warning", "--keep-going", "--fresh-env", "--jobs", "2"]
    kept = ["--doctree-dir", str(site.with_name(f"{site.name}-doctrees"))]
    ran = subprocess.run(  # noqa: S603 - our own command
        [
            sys.executable,
            "-m",
            "sphinx",
            *strict,
            *kept,
            "-c",
            str(ROOT / "docs"),
            str(ROOT),
            str(site),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        return ran.stderr.splitlines() or [f"Sphinx ended with {ran.returncode}"]
    (site / "index.html").write_text(_FORWARD.format(page=ROOT_PAGE), encoding="utf-8")
    for name, text in assistant.files().items():
        (site / name).write_text(text, encoding="utf-8")
    return list(problems(site))


def main() -> None:
    """Build, and print what is wrong; the exit code is 1 then."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--reference-only", action="store_true", help="only write docs/reference")
    only_reference = parser.parse_args().reference_only
    write_reference()
    if only_reference:
        return
    try:
        found = build(SITE)
    except KeyboardInterrupt:
        sys.exit(CANNOT_RUN)
    for problem in found:
        say(problem, "red")
    if found:
        sys.exit(FAILED)
    say(f"{SITE.relative_to(ROOT)}/index.html is built; all links and anchors in it have a target")


if __name__ == "__main__":
    main()
