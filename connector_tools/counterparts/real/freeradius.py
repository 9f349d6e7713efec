"""A real FreeRADIUS in a process of its own, with its users in a PostgreSQL."""

from pathlib import Path

from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.counterparts.real.radius import Answer, ask
from connector_tools.counterparts.real.server import Server

SCHEMA = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql")
"""The tables and queries of the Debian package freeradius-config."""
SECRET = "secret-of-the-gateway"  # noqa: S105 - of a test
"""What FreeRADIUS and the gateway that asks it share."""
_CONFIGURATION = """\
prefix = /usr
libdir = /usr/lib/freeradius
confdir = {folder}
logdir = {folder}
run_dir = {folder}
max_request_time = 10
cleanup_delay = 0
hostname_lookups = no
proxy_requests = no
log {{
    destination = stdout
}}
security {{
    reject_delay = 0
    status_server = no
}}
thread pool {{
    start_servers = 2
    min_spare_servers = 1
    max_spare_servers = 2
    max_servers = 4
}}
client gateway {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
modules {{
    expr {{
    }}
    pap {{
    }}
    sql {{
        driver = "rlm_sql_postgresql"
        dialect = "postgresql"
        server = "{database.host}"
        port = {database.port}
        login = "radius"
        password = "radius"
        radius_db = "radius"
        acct_table1 = "radacct"
        acct_table2 = "radacct"
        postauth_table = "radpostauth"
        authcheck_table = "radcheck"
        groupcheck_table = "radgroupcheck"
        authreply_table = "radreply"
        groupreply_table = "radgroupreply"
        usergroup_table = "radusergroup"
        client_table = "nas"
        group_attribute = "SQL-Group"
        read_groups = yes
        read_clients = no
        delete_stale_sessions = no
        pool {{
            start = 0
            min = 0
            max = 4
            spare = 1
            retry_delay = 0
        }}
        $INCLUDE {schema}/queries.conf
    }}
}}
instantiate {{
    expr
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        sql
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
    }}
}}
"""


class Freeradius(Server):
    """A FreeRADIUS that reads its users from `database`, as the user `radius` of it."""

    package = "freeradius freeradius-postgresql"
    user = "freerad"

    def __init__(self, database: Postgresql) -> None:
        super().__init__()
        self._database = database

    def prepare(self) -> None:
        """See `Server`."""
        text = _CONFIGURATION.format(
            folder=self.folder,
            secret=SECRET,
            database=self._database,
            schema=SCHEMA,
            port=self.port,
        )
        (self.folder / "radiusd.conf").write_text(text)

    def command(self) -> list[str]:
        """See `Server`."""
        where = ["-d", str(self.folder), "-n", "radiusd", "-D", "/usr/share/freeradius"]
        return [self.program("freeradius"), "-f", *where]

    def answers(self) -> bool:
        """See `Server`: it refuses a user that does not exist."""
        try:
            return not self.ask("nobody", "nothing").accepted
        except OSError:
            return False

    def ask(self, user: str, password: str) -> Answer:
        """The answer to an Access-Request; raises as `radius.ask`."""
        return ask((self.host, self.port), SECRET.encode(), user, password)
