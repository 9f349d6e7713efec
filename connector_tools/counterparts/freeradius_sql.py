"""A real FreeRADIUS on a real PostgreSQL, the counterpart of `mappings/freeradius-sql.yaml`.

Whether a user has service, and at which speed, is asked of FreeRADIUS with a real Access-Request.
"""

from pathlib import Path
from secrets import token_hex

from connector_tools.counterparts.counterpart import Counterpart, Record
from connector_tools.counterparts.real.freeradius import SCHEMA, SECRET, Freeradius
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import ROOT, NotInstalled

_PASSWORD = "password-of-the-gateway"  # noqa: S105 - of a test
SPEEDS = {
    "mobile-l": 100_000_000,
    "mobile-m": 50_000_000,
    "mobile-s": 10_000_000,
    "Mobile L": 75_000_000,
}
"""The speed of each product in bits per second, down; up it is a tenth."""
_ONCE = ROOT / "mappings" / "freeradius-sql.sql"
# The disk is not full: a trigger raises the same error, so that the other tables still work.
_FULL = """
create table disk (is_full boolean not null);
insert into disk values (false);
create function check_disk() returns trigger language plpgsql security definer as $$
begin
    if (select is_full from public.disk) then
        raise exception 'could not extend file' using errcode = 'disk_full';
    end if;
    return null;
end $$;
"""
_TABLES = ("radcheck", "radreply", "radusergroup")


class FreeradiusSql(Counterpart):
    """See `Counterpart`. Only PostgreSQL has outages; FreeRADIUS connects to it again."""

    mapping = "freeradius-sql"
    what = "a real FreeRADIUS on a real PostgreSQL"
    by = "account"
    outages = ("stopped", "suspended", "killed", "read-only", "full")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.database = Postgresql()
        self.radius = Freeradius(self.database)
        self._db_password = token_hex(8)
        self._outage = ""

    def start(self) -> None:
        """See `Counterpart`."""
        if not SCHEMA.is_dir():
            raise NotInstalled(f"{self.radius.package} is not installed: apt-get install it")
        self.radius.program("freeradius")
        try:
            self.database.start()
            self._make_tables()
            self.radius.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """See `Counterpart`."""
        self.radius.__exit__()
        self.database.__exit__()

    @property
    def place(self) -> tuple[str, int]:
        """See `Counterpart`."""
        return self.database.host, self.database.port

    def by_hand(self) -> list[str]:
        """See `Counterpart`: a user of RADIUS, and the rows in PostgreSQL."""
        host, port = self.place
        user = f"User-Name=420700000001,User-Password={_PASSWORD}"
        radius = f"{self.radius.host}:{self.radius.port} auth {SECRET}"
        return [
            f"echo '{user}' | radclient -x {radius}",
            f"psql -h {host} -p {port} -U postgres radius -c 'table radcheck'",
        ]

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "RADIUS_DB_HOST": host,
            "RADIUS_DB_PORT": str(port),
            "RADIUS_DB_TIMEOUT": "2",
            "RADIUS_DB_PASSWORD": self._db_password,
            "RADIUS_PASSWORD": _PASSWORD,
        }

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`. Rows that belong to no account are `wrong`."""
        names = self.run(
            "select value, username from radreply where attribute = 'Class' order by value"
        )
        self.wrong += ["two users of one account"] * (len(names) - len({row[0] for row in names}))
        self.wrong += [f"rows of nobody in {table}" for table in _TABLES if self._orphans(table)]
        return {account: self._record(account, name) for account, name in names}

    def begin(self, outage: str) -> None:
        """See `Counterpart`."""
        self._outage = outage
        match outage:
            case "stopped":
                self.database.stop()
            case "suspended":
                self.database.suspend()
            case "killed":
                self.database.kill()
            case "read-only":
                self.database.read_only(True)
            case "full":
                self.run("update disk set is_full = true")
            case _:
                super().begin(outage)

    def end(self) -> None:
        """See `Counterpart`."""
        match self._outage:
            case "stopped" | "killed":
                self.database.start()
            case "suspended":
                self.database.resume()
            case "read-only":
                self.database.read_only(False)
            case "full":
                self.run("update disk set is_full = false")
        self._outage = ""

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`: the password of the connector's user changes."""
        self._db_password = token_hex(8)
        self.run(f"alter user connector password '{self._db_password}'")
        return {"RADIUS_DB_PASSWORD": self._db_password}

    def run(self, sql: str) -> list[list[str]]:
        """Run statements in the database of FreeRADIUS, past the connector."""
        return self.database.run(sql, "radius")

    def _make_tables(self) -> None:
        self.database.run("create database radius")
        groups = ", ".join(
            f"('{product}', 'WISPr-Bandwidth-Max-{way}', ':=', '{speed // share}')"
            for product, speed in SPEEDS.items()
            for way, share in (("Down", 1), ("Up", 10))
        )
        triggers = "".join(
            f"create trigger disk before insert or update or delete on {table}"
            " for each statement execute function check_disk();"
            for table in _TABLES
        )
        users = (
            f"create user connector password '{self._db_password}';"
            " create user radius password 'radius';"
            " grant select on all tables in schema public to radius;"
        )
        once = _ONCE.read_text()
        schema = (SCHEMA / "schema.sql").read_text()
        rows = f"insert into radgroupreply (groupname, attribute, op, value) values {groups};"  # noqa: S608 - constants
        self.run("".join([schema, users, once, _FULL, triggers, rows]))

    def _orphans(self, table: str) -> bool:
        names = f"select username from {table} except select username from radreply"  # noqa: S608 - ours
        return bool(self.run(f"{names} where attribute = 'Class'"))

    def _record(self, account: str, name: str) -> Record:
        answer = self.radius.ask(name, _PASSWORD)
        record: dict[str, object] = {"served": answer.accepted, "number": name}
        if answer.accepted:
            products = (product for product, speed in SPEEDS.items() if speed == answer.down)
            record |= {"product": next(products, None), "account": int(answer.account or 0)}
        return record


COUNTERPART = FreeradiusSql
