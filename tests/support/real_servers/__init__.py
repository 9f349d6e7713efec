"""Real HTTP servers on loopback, each in a process of its own, with a small configuration.

The proxies (nginx, Apache, HAProxy, Caddy) pass on what a server behind them answers; the others
(Node.js, Go, Tomcat) answer themselves. A server that is not installed skips the test.
"""

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from connector_tools.program import Program, free_port, kept_environment
from tests.support.certificates import Authority
from tests.support.real_servers.replies import LATIN_2, TEXT

HERE = Path(__file__).parent
TOMCAT = Path("/usr/share/java/tomcat10-embed-core.jar")
MODULES = Path("/usr/lib/apache2/modules")
PROXIES = ("nginx", "apache", "haproxy", "caddy")
SERVERS = (*PROXIES, "node", "go", "tomcat")
_SYSTEM_PROGRAMS = "/usr/sbin:/usr/local/sbin"  # not on the PATH of every user


class Ports(NamedTuple):
    """Where a server listens: plain, with TLS, and plain with 100 ms for idle connections."""

    http: int
    tls: int
    idle: int


class RealServer(NamedTuple):
    """A running server."""

    name: str
    ports: Ports
    authority: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports.http}"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.tls}"

    @property
    def idle_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.idle}"


def program(name: str) -> str:
    """The path of a program; without it, the test is skipped."""
    found = shutil.which(name) or shutil.which(name, path=_SYSTEM_PROGRAMS)
    if not found:
        pytest.skip(f"needs {name}")
    return found


@contextmanager
def running(name: str, upstream: int) -> Iterator[RealServer]:
    """Start a server; `upstream` is the port of the server behind a proxy."""
    command = _COMMANDS[name]
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # Apache gives up the rights of root
        authority = Authority(folder)
        certificate = authority.certificate()
        ports = Ports(free_port(), free_port(), free_port())
        words = {
            "FOLDER": folder,
            "CERTIFICATE": certificate,
            "HTTP": ports.http,
            "TLS": ports.tls,
            "IDLE": ports.idle,
            "UPSTREAM": upstream,
            "DEAD": free_port(),
            "MODULES": MODULES,
        }
        _write_site(folder / "site")
        home = {"XDG_CONFIG_HOME": temporary, "XDG_DATA_HOME": temporary} if name == "caddy" else {}
        server = Program(command(folder, {k: str(v) for k, v in words.items()}), home)
        server.start()
        try:
            server.wait_until(lambda: all(map(_listens, ports)))
            yield RealServer(name, ports, authority.path)
        finally:
            server.kill()


def _write_site(site: Path) -> None:
    """Static files, and a reply that Apache sends as it is."""
    site.mkdir()
    (site / "static.json").write_text(TEXT * 200, encoding="utf-8")
    (site / "static.xml").write_bytes(LATIN_2.encode("iso-8859-2"))
    (site / "none").write_bytes(b"")
    headers = b"Status: 409 Not now\nContent-Type: application/json\nX-Latin-1: M\xfcller\n"
    (site / "reply.asis").write_bytes(headers + b"X-Utf-8: \xc5\xbdofie\n\n" + TEXT.encode())


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _configured(file: str, folder: Path, words: dict[str, str]) -> str:
    """The path of the configuration, with the words of its template replaced."""
    text = (HERE / file).read_text(encoding="utf-8")
    pattern = re.compile(r"\b(" + "|".join(words) + r")\b")
    text = pattern.sub(lambda found: words[found[1]], text)
    made = folder / file
    made.write_bytes(text.encode().replace(b"UMLAUT", "ü".encode("latin-1")))
    return str(made)


def _nginx(folder: Path, words: dict[str, str]) -> list[str]:
    configuration = _configured("nginx.conf", folder, words)
    return [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", configuration]


def _apache(folder: Path, words: dict[str, str]) -> list[str]:
    httpd = program("apache2")
    if not MODULES.exists():
        pytest.skip(f"needs {MODULES}")
    return [httpd, "-D", "FOREGROUND", "-f", _configured("apache.conf", folder, words)]


def _haproxy(folder: Path, words: dict[str, str]) -> list[str]:
    return [program("haproxy"), "-db", "-f", _configured("haproxy.cfg", folder, words)]


def _caddy(folder: Path, words: dict[str, str]) -> list[str]:
    configuration = _configured("Caddyfile", folder, words)
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", configuration]


def _arguments(words: dict[str, str]) -> list[str]:
    return [words[word] for word in ("HTTP", "TLS", "IDLE", "CERTIFICATE", "FOLDER")]


def _node(_: Path, words: dict[str, str]) -> list[str]:
    return [program("node"), str(HERE / "server.js"), *_arguments(words)]


def _go(folder: Path, words: dict[str, str]) -> list[str]:
    return [go_program(HERE / "server.go", folder), *_arguments(words)]


def go_program(source: Path, folder: Path) -> str:
    """The path of a compiled program in Go."""
    made = str(folder / source.stem)
    subprocess.run(
        [program("go"), "build", "-o", made, str(source)],
        env={**kept_environment(), "GO111MODULE": "off", "CGO_ENABLED": "0"},
        check=True,
        timeout=120,
    )
    return made


def _tomcat(_: Path, words: dict[str, str]) -> list[str]:
    if not TOMCAT.exists():
        pytest.skip(f"needs {TOMCAT}: apt-get install libtomcat10-embed-java")
    source = str(HERE / "TomcatServer.java")
    return [*java(), "-cp", str(TOMCAT), source, *_arguments(words)]


def java() -> list[str]:
    """The command that compiles and runs a program in Java, with a quick start."""
    return [program("java"), "-XX:TieredStopAtLevel=1", "-Xshare:auto"]


_COMMANDS: dict[str, Callable[[Path, dict[str, str]], list[str]]] = {
    "nginx": _nginx,
    "apache": _apache,
    "haproxy": _haproxy,
    "caddy": _caddy,
    "node": _node,
    "go": _go,
    "tomcat": _tomcat,
}
