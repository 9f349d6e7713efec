"""A real PostgreSQL in a process of its own, without fsync, so that it is fast."""

import signal
import subprocess
from collections.abc import Mapping

from connector_tools.counterparts.real.server import Server

_RULES = """\
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "log_timezone": "UTC",
}


class Postgresql(Server):
    """A PostgreSQL; `settings` are of its configuration. The user `postgres` needs no password."""

    package = "postgresql"
    user = "postgres"
    ending = signal.SIGINT
    places = tuple(f"/usr/lib/postgresql/{version}/bin" for version in range(18, 12, -1))

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.settings = {**_SETTINGS, **(settings or {})}

    def prepare(self) -> None:
        """See `Server`."""
        data = str(self.folder / "data")
        options = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8")
        command = [self.program("initdb"), *options, "--locale=C.UTF-8", f"--pgdata={data}"]
        subprocess.run(  # noqa: S603 - from the PATH
            self.as_user(command), check=True, capture_output=True, cwd="/"
        )
        (self.folder / "data" / "pg_hba.conf").write_text(_RULES)

    def command(self) -> list[str]:
        """See `Server`."""
        settings = [f"--{name}={value}" for name, value in self.settings.items()]
        where = ["-D", str(self.folder / "data"), "-p", str(self.port)]
        return [self.program("postgres"), *where, *settings]

    def answers(self) -> bool:
        """See `Server`."""
        done = self._psql("select 1", "postgres", check=False)
        return done.returncode == 0

    def run(self, sql: str, database: str = "postgres") -> list[list[str]]:
        """Run statements as the superuser; returns the rows of the last one as texts.

        Raises:
            subprocess.CalledProcessError: PostgreSQL refuses one; the others are undone.
        """
        output = self._psql(sql, database).stdout
        return [line.split("\x1f") for line in output.splitlines()]

    def read_only(self, on: bool) -> None:
        """Refuse all changes from now on, or accept them again."""
        self.run(f"alter system set default_transaction_read_only = {'on' if on else 'off'}")
        self.run("select pg_reload_conf()")

    def _psql(
        self, sql: str, database: str, *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--single-transaction")
        command = [self.program("psql"), *options, "--field-separator=\x1f"]
        where = ["-h", self.host, "-p", str(self.port), "-U", "postgres", "-d", database]
        if sql.startswith("alter system") or sql.startswith("create database"):
            command.remove("--single-transaction")
        return subprocess.run(  # noqa: S603 - from the PATH
            [*command, *where, "-v", "ON_ERROR_STOP=1"],
            input=sql,
            check=check,
            capture_output=True,
            text=True,
            timeout=60,
        )
