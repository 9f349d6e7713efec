"""A real MariaDB in a process of its own, without waiting for the disk, so that it is fast."""

import subprocess
from collections.abc import Mapping

from connector_tools.counterparts.real.server import Server

_SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "1",
    "innodb-flush-log-at-trx-commit": "2",  # a commit survives SIGKILL, not a power cut
    "innodb-buffer-pool-size": "32M",
    "innodb-log-file-size": "8M",
    "character-set-server": "utf8mb4",
}


class Mariadb(Server):
    """A MariaDB; `settings` are of its configuration."""

    package = "mariadb-server"
    user = "mysql"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.settings = {**_SETTINGS, **(settings or {})}

    def prepare(self) -> None:
        """See `Server`."""
        options = ("--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db")
        data = f"--datadir={self.folder / 'data'}"
        command = [self.program("mariadb-install-db"), *options, data]
        subprocess.run(  # noqa: S603 - from the PATH
            self.as_user(command), check=True, capture_output=True, cwd="/"
        )

    def command(self) -> list[str]:
        """See `Server`."""
        places = {
            "datadir": self.folder / "data",
            "socket": self.folder / "socket",
            "pid-file": self.folder / "pid",
            "port": self.port,
        }
        settings = [f"--{name}={value}" for name, value in {**places, **self.settings}.items()]
        return [self.program("mariadbd"), "--no-defaults", *settings]

    def answers(self) -> bool:
        """See `Server`."""
        return self._client("select 1", "mysql", check=False).returncode == 0

    def run(self, sql: str, database: str = "mysql") -> list[list[str]]:
        """Run statements as the superuser; returns the rows as texts.

        Raises:
            subprocess.CalledProcessError: MariaDB refuses one.
        """
        output = self._client(sql, database).stdout
        return [line.split("\t") for line in output.splitlines()]

    def read_only(self, on: bool) -> None:
        """Refuse all changes of users without special rights, or accept them again."""
        self.run(f"set global read_only = {int(on)}")

    def _client(
        self, sql: str, database: str, *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        options = ("--no-defaults", "--batch", "--skip-column-names", "--user=root")
        where = [f"--socket={self.folder / 'socket'}", database]
        return subprocess.run(  # noqa: S603 - from the PATH
            [self.program("mariadb"), *options, *where],
            input=sql,
            check=check,
            capture_output=True,
            text=True,
            timeout=60,
        )
