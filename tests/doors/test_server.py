"""Changes to the interpreter, the framework and the server: all in one module, each explained."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector import log
from connector.doors import server
from tests.support import ROOT

SERVER = ROOT / "connector" / "doors" / "server.py"
OTHERS = [
    ROOT / "main.py",
    *(file for file in (ROOT / "connector").rglob("*.py") if file != SERVER),
]
QUESTIONS = ["What", "Why", "Upstream", "Remove when"]
CHANGES = [
    found
    for name, found in inspect.getmembers(server, inspect.isfunction)
    if name not in ("before_imports", "adapt")  # these call the others
]
LOADED = """
import sys
for name in "asyncio cloudevents starlette gunicorn uvicorn pydantic connector.log".split():
    assert name not in sys.modules, name
"""


@pytest.mark.parametrize("change", [*CHANGES, log.adopt], ids=lambda change: change.__name__)
def test_every_change_answers_the_same_four_questions(change: object) -> None:
    answers = re.findall(r"(?m)^([A-Z][a-z ]+): \S.{10,}$", inspect.getdoc(change) or "")
    assert answers == QUESTIONS


def imported(tree: ast.Module) -> set[str]:
    """The names that a module's imports bind."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(each.asname or each.name).split(".")[0] for node in nodes for each in node.names}


def owner(node: ast.expr) -> str:
    """The name at the root of `a.b[c].d`, which is `a`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def foreign_changes(text: str) -> Iterator[str]:
    """Each statement that changes what the module has only imported."""
    tree = ast.parse(text)
    names = imported(tree)
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Delete):
            targets = node.targets
        if any(not isinstance(each, ast.Name) and owner(each) in names for each in targets):
            yield ast.unparse(node)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            first = owner(node.args[0]) if node.args else ""
            if re.match(r"(gc|signal)\.(?!getsignal)|os\.(putenv|environ\.)(?!get\b)", called) or (
                called in ("setattr", "delattr") and first in names
            ):
                yield ast.unparse(node)


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_other_module_changes_what_it_does_not_own(file: Path) -> None:
    assert list(foreign_changes(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "from functions_framework import aio\naio.Starlette = 1",
        "from a import b\nb.c.d = 1",
        "from a import b\nb.c['d'] += 1",
        "from a import b\ndel b.c",
        "from a import b\nsetattr(b, 'c', 1)",
        "import os\nos.environ['A'] = '1'",
        "import os\nos.environ.setdefault('A', '1')",
        "import gc\ngc.disable()",
        "import signal\nsignal.signal(15, None)",
    ],
)
def test_each_kind_of_foreign_change_is_recognised(text: str) -> None:
    assert len(list(foreign_changes(text))) == 1


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_the_first_changes_are_made_before_the_imports_that_they_concern() -> None:
    """main.py must begin with them, and they must not import those modules themselves."""
    _, load, call, *rest = ast.parse((ROOT / "main.py").read_text(encoding="utf-8")).body
    assert ast.unparse(load) == "from connector.doors import server"
    assert ast.unparse(call) == "server.before_imports()"
    assert rest
    run(f"from connector.doors import server\nserver.before_imports()\n{LOADED}")


def test_the_collector_rests_until_the_worker_serves() -> None:
    run("""
import gc
from connector.doors import server
server.before_imports()
assert not gc.isenabled()
server.resume_collector()
assert gc.isenabled() and gc.get_threshold()[0] == 200_000 and gc.get_freeze_count() > 1000
""")


def test_pydantic_does_not_search_for_plugins() -> None:
    run("""
import importlib.metadata
from connector.doors import server
server.before_imports()
def search():
    raise AssertionError("searched for plugins")
importlib.metadata.distributions = search
import connector.settings
""")
