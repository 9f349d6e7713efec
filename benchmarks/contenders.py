"""Who is measured: the connector, the bare forwarder, and Node-RED where node is installed."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import TOKEN
from benchmarks.server import Server, function, other
from connector_tools.function_process import FunctionCode
from connector_tools.program import ROOT, NotInstalled, free_port

_NODE_RED = Path(__file__).parent / "node_red"
_PROJECT = "benchmark"
_FIRESTORE = f"firestore:?project={_PROJECT}"
_HLR_TOKEN = "token-of-the-hlr"  # noqa: S105 - of nothing else
_HASH_KEY = "key-of-the-benchmark"


@dataclass(frozen=True)
class Contenders:
    """Starts them: functions with the interpreter `python`, all output to `folder`.

    The bare forwarder has an environment of its own, since its connections are not the connector's.
    """

    python: Path
    forwarding: Path
    folder: Path

    def connector(self, system: str, ledger: str = "memory:", **env: str) -> Server:
        """The function as it is deployed, with the WTL mapping."""
        return function(
            FunctionCode(python=str(self.python)),
            {
                "API_TOKEN": TOKEN,
                "WTL_API_URL": system,
                "WTL_API_TOKEN": _HLR_TOKEN,
                "HASH_KEY": _HASH_KEY,
                "LEDGER_URL": ledger,
                **env,
            },
            self.folder,
        )

    def sqlite(self, system: str) -> Server:
        """The function with the SQLite ledger."""
        return self.connector(system, f"sqlite:///{self.folder}/ledger.db")

    def firestore(self, system: str, emulator: str) -> Server:
        """The function with Google's Firestore emulator for its ledger."""
        return self.connector(system, _FIRESTORE, FIRESTORE_EMULATOR_HOST=emulator)

    def on_google(self, system: str, emulator: str, secrets: str) -> Server:
        """With the ledger and the secrets that Terraform gives it: Firestore, Secret Manager."""
        return self.connector(
            system,
            _FIRESTORE,
            FIRESTORE_EMULATOR_HOST=emulator,
            SECRETS="gcp",
            SECRET_MANAGER_EMULATOR_HOST=secrets,
            GOOGLE_CLOUD_PROJECT=_PROJECT,
        )

    def forwarder(self, system: str) -> Server:
        """The bare forwarder."""
        source = ROOT / "benchmarks" / "forwarder.py"
        code = FunctionCode("forward", source, str(self.forwarding))
        return function(code, {"SYSTEM_URL": system}, self.folder)

    def hello(self) -> Server:
        """The smallest function."""
        code = FunctionCode("hello", ROOT / "benchmarks" / "hello.py", str(self.python))
        return function(code, {}, self.folder)

    def node_red(self, system: str) -> Server:
        """Node-RED with the same mapping in a function node.

        Raises:
            NotInstalled: there is no node or no npm here.
        """
        program, flow = _installed(ROOT / "build" / "node-red"), self.folder / "flow.json"
        flow.write_text(json.dumps(_flow()), encoding="utf-8")
        port = free_port()
        env = {
            "PORT": str(port),
            "NODE_RED_USER": str(self.folder),
            "NODE_RED_FLOW": str(flow),
            "API_TOKEN": TOKEN,
            "WTL_API_URL": system,
            "WTL_API_TOKEN": _HLR_TOKEN,
        }
        command = [str(program), "--settings", str(_NODE_RED / "settings.js")]
        return other(command, env, port, self.folder)


def secrets() -> dict[str, list[str | None]]:
    """What Secret Manager holds for the connector: the versions of each secret."""
    return {"API_TOKEN": [TOKEN], "WTL_API_TOKEN": [_HLR_TOKEN], "HASH_KEY": [_HASH_KEY]}


def _installed(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("Node-RED needs node and npm, which are not here")
    program = folder / "node_modules" / ".bin" / "node-red"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(_NODE_RED / "package.json", folder)
        command = [npm, "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own command
    return program


def _flow() -> list[dict[str, object]]:
    """HTTP in, the mapping, the request, the answer."""

    def code(name: str) -> str:
        return (_NODE_RED / name).read_text(encoding="utf-8")

    def node(name: str, kind: str, to: list[list[str]], **more: object) -> dict[str, object]:
        return {"id": name, "z": "flow", "type": kind, "wires": to, **more}

    return [
        {"id": "flow", "type": "tab", "label": "connector"},
        node("in", "http in", [["map"]], url="/process-event", method="post"),
        node("map", "function", [["call"], ["out"]], func=code("map.js"), outputs=2),
        node("call", "http request", [["answer"]], method="use", ret="obj", persist=True),
        node("answer", "function", [["out"]], func=code("answer.js"), outputs=1),
        node("out", "http response", []),
    ]
