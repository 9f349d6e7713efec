"""A real PgBouncer in transaction mode: each transaction may use another connection."""

import shutil

from connector.settings import PostgresqlUrl
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.counterparts.real.server import Server
from tests.support.postgresql import PASSWORD, USER


class PgBouncer(Server):
    """A pooler before a PostgreSQL; its own clients need no password."""

    package = "pgbouncer"
    user = "postgres"

    def __init__(self, behind: Postgresql) -> None:
        super().__init__()
        self._behind = behind

    def prepare(self) -> None:
        """See `Server`."""
        config, users = self.folder / "pgbouncer.ini", self.folder / "users.txt"
        users.write_text(f'"{USER}" "{PASSWORD}"\n')
        config.write_text(
            f"[databases]\n* = host={self._behind.host} port={self._behind.port}\n[pgbouncer]\n"
            f"listen_addr = {self.host}\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\n"
            "default_pool_size = 3\n"
        )
        for file in (config, users):
            shutil.chown(file, self.folder.owner(), self.folder.owner())

    def command(self) -> list[str]:
        """See `Server`."""
        return [self.program("pgbouncer"), str(self.folder / "pgbouncer.ini")]

    def answers(self) -> bool:
        """See `Server`."""
        return "process up" in (self.folder / "server.log").read_text()

    def before(self, url: PostgresqlUrl) -> PostgresqlUrl:
        """The URL of the same database through the pooler."""
        return url._replace(port=self.port)
