"""A real slapd, OpenLDAP's server, in a process of its own.

`connector_tools.counterparts.hss_ldap` uses it as the HSS of `mappings/hss-ldap.yaml`.
"""

import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from connector_tools.counterparts.real.running import Running
from connector_tools.program import DidNotStart, NotInstalled, Program, free_port, listens

HOST = "127.0.0.1"
_MODULES = Path("/usr/lib/ldap")
_SCHEMA = Path("/etc/ldap/schema/core.schema")
_ROOMY = 100_000_000  # bytes of the database
_CONFIGURATION = """\
include {core}
include {folder}/own.schema
modulepath {modules}
moduleload back_mdb
moduleload unique
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
idletimeout {idle}
{tls}
database mdb
suffix "{suffix}"
rootdn "cn=root,{suffix}"
directory {folder}/data
maxsize {size}
readonly {readonly}
{settings}
"""
_TLS = """\
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
"""


class Contents(NamedTuple):
    """What a slapd is made for: `entries` are in LDIF, the rest is in the words of slapd.conf."""

    suffix: str
    entries: str
    schema: str = ""
    settings: str = ""


class Slapd(Running):
    """A slapd with its database in `folder`; use it as a context manager.

    `tls` is the file of a certificate and that of its key.
    """

    def __init__(
        self, folder: Path, contents: Contents, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.port = free_port()
        self.tls_port = free_port()
        self.idle = 0
        """Seconds after which it ends a connection without requests; 0 for never."""
        self.restricted = False
        """Whether it was started to be read only, or to be full."""
        self._folder = folder
        self._contents = contents
        self._tls = tls
        self._configuration = folder / "slapd.conf"

    def start(self, *, readonly: bool = False, size: int = _ROOMY) -> None:
        """Start it if it does not run; it keeps its database.

        `size` is the largest size of the database in bytes; one that is smaller than the database
        lets it hold what it holds, and nothing more.

        Raises:
            NotInstalled: slapd is not on this machine.
            DidNotStart: it does not start; the text has the end of its log.
        """
        if self.runs:
            return
        program = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None or not _SCHEMA.exists():
            raise NotInstalled("slapd is not installed: apt-get install slapd")
        self.restricted = readonly or size != _ROOMY
        self._configure(readonly, size)
        if not (self._folder / "data").exists():
            (self._folder / "data").mkdir()
            self._tool("slapadd", self._contents.entries)
        places = f"ldap://{HOST}:{self.port}/"
        if self._tls:
            places += f" ldaps://{HOST}:{self.tls_port}/"
        command = [program, "-f", str(self._configuration), "-h", places, "-d", "0"]
        self._program = Program(command, {}, self._folder / "slapd.log")
        self._program.start()
        self._program.wait_until(lambda: listens(HOST, self.port), every=0.02)

    def entries(self) -> Iterator[Mapping[str, list[str]]]:
        """What its database holds, read from its files: each entry with `dn` and its attributes."""
        text = self._tool("slapcat", options=("-o", "ldif-wrap=no"))
        for block in text.split("\n\n"):
            found: dict[str, list[str]] = {}
            for line in block.splitlines():
                name, _, value = line.partition(": ")
                if name.endswith(":"):  # a value in base64
                    name, value = name[:-1], b64decode(value).decode(errors="backslashreplace")
                found.setdefault(name, []).append(value)
            if found:
                yield found

    def change(self, ldif: str) -> None:
        """Change its database by its own tool, past all access rules; it must not run."""
        self._tool("slapmodify", ldif)

    def _configure(self, readonly: bool, size: int) -> None:
        (self._folder / "own.schema").write_text(self._contents.schema)
        certificate = self._tls and _TLS.format(certificate=self._tls[0], key=self._tls[1])
        self._configuration.write_text(
            _CONFIGURATION.format(
                core=_SCHEMA,
                folder=self._folder,
                modules=_MODULES,
                idle=self.idle,
                tls=certificate or "",
                suffix=self._contents.suffix,
                size=size,
                readonly="on" if readonly else "off",
                settings=self._contents.settings,
            )
        )

    def _tool(self, name: str, text: str = "", options: tuple[str, ...] = ()) -> str:
        """The output of one of slapd's own tools, which work on the files of the database."""
        program = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin") or name
        command = [program, "-f", str(self._configuration), "-b", self._contents.suffix, *options]
        done = subprocess.run(  # noqa: S603 - a tool of slapd
            command, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise DidNotStart(f"{name} failed:\n{done.stderr[-2000:]}")
        return done.stdout
