"""The tables of the PostgreSQL ledger: made and checked at the start, and what can be wrong.

The tables have a version, as the file of SQLite has (docs/decisions/0017-sqlite-schema-version.md).
"""

import ssl

import asyncpg

from connector.ledger.postgresql_database import Database, Row

_VERSION = 1
LOCK = 5417033001
"""Of the advisory lock under which the tables are made; a number that nobody else uses."""

_TABLES = """
CREATE TABLE nsps_names (
    id bytea PRIMARY KEY,
    version uuid NOT NULL,
    leased_until timestamptz,
    leased_for text,
    settled boolean NOT NULL,
    snapshot text,
    owner text,
    expires timestamptz NOT NULL
);
CREATE INDEX nsps_names_expire ON nsps_names (expires);
CREATE TABLE nsps_kept (id bytea PRIMARY KEY, state bytea NOT NULL, expires timestamptz);
CREATE INDEX nsps_kept_expire ON nsps_kept (expires);
CREATE TABLE nsps_notes (name text PRIMARY KEY, text text NOT NULL);
CREATE TABLE nsps_counters (name text PRIMARY KEY, period bigint NOT NULL, value bigint NOT NULL);
CREATE TABLE nsps_version (version integer NOT NULL);
"""
_TRIAL = """
INSERT INTO nsps_names VALUES ('', gen_random_uuid(), NULL, NULL, FALSE, NULL, NULL, now())
    ON CONFLICT (id) DO UPDATE SET expires = excluded.expires;
DELETE FROM nsps_names WHERE id = '';
INSERT INTO nsps_kept VALUES ('', '', NULL) ON CONFLICT (id) DO UPDATE SET expires = NULL;
DELETE FROM nsps_kept WHERE id = '';
INSERT INTO nsps_notes VALUES ('', '') ON CONFLICT (name) DO UPDATE SET text = '';
DELETE FROM nsps_notes WHERE name = '';
INSERT INTO nsps_counters VALUES ('', 0, 0) ON CONFLICT (name) DO UPDATE SET period = 0, value = 0;
DELETE FROM nsps_counters WHERE name = '';
"""

_MENDS: dict[type[BaseException], str] = {  # errors that do not pass; the first that fits
    asyncpg.InvalidCatalogNameError: "has no such database: create it, or correct LEDGER_URL",
    asyncpg.InvalidPasswordError: "refuses the login: correct the user in LEDGER_URL, or the "
    "secret LEDGER_PASSWORD",
    asyncpg.InvalidAuthorizationSpecificationError: "refuses the login: allow this user, database, "
    "address and TLS in pg_hba.conf, or correct LEDGER_URL",
    asyncpg.InsufficientPrivilegeError: "does not let the user use its tables: make the user the "
    "owner of the database, or grant it CREATE on the schema and all rights on the tables nsps_*",
    asyncpg.InvalidSchemaNameError: "has no schema for the tables: create one that is in the "
    "search_path of the user",
    asyncpg.ReadOnlySQLTransactionError: "takes no changes: name the primary server in LEDGER_URL",
    asyncpg.UndefinedTableError: "has tables nsps_* of another program: name another database",
    asyncpg.UndefinedColumnError: "has tables nsps_* of another program: name another database",
    asyncpg.DuplicateTableError: "has tables nsps_* of another program: name another database",
    asyncpg.SyntaxOrAccessError: "cannot be used: it must be PostgreSQL 13 or newer",
    ssl.SSLCertVerificationError: "shows a certificate that is not trusted: name the file of its "
    "authority with sslrootcert=FILE, and the server by the name in its certificate",
    ssl.SSLError: "cannot agree on TLS with the connector: allow TLS 1.2 or newer",
}
_NO_TLS = "rejected SSL upgrade"  # asyncpg has no class for it


class WrongTables(Exception):  # noqa: N818 - it names what is wrong
    """The database holds tables that this connector cannot use; the text says why."""


def mend(error: BaseException) -> str | None:
    """What to do about an error that does not pass, as a sentence's end; None for an outage."""
    if isinstance(error, WrongTables):
        return str(error)
    if isinstance(error, ConnectionError) and _NO_TLS in str(error):
        return "offers no TLS: switch it on, or write sslmode=disable in a network of your own"
    return next((text for kind, text in _MENDS.items() if isinstance(error, kind)), None)


async def prepare(database: Database) -> None:
    """Make the tables if there are none, and write to each; several instances can do it at once.

    Raises:
        WrongTables: they are of a newer version.
        asyncpg.PostgresError, OSError: the database cannot be used, now or ever: see `mend`.
    """
    async with database.transaction() as connection:
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        if await connection.fetchval("SELECT to_regclass('nsps_version') IS NULL"):
            await connection.execute(_TABLES)
            await connection.execute("INSERT INTO nsps_version VALUES ($1)", _VERSION)
        _check_version(await connection.fetch("SELECT version FROM nsps_version"))
        await connection.execute(_TRIAL)


def _check_version(rows: list[Row]) -> None:
    versions = [int(row["version"]) for row in rows]
    if versions != [_VERSION]:
        raise WrongTables(
            f"has tables of version {versions}, and this connector knows version {_VERSION}: "
            "use the newer connector, or name another database"
        )
