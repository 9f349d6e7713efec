"""The entry `system.sql` of a mapping file."""

from typing import Annotated, Literal

from pydantic import Field

from connector.mapping.entry import TEXT, AnyValue, Compiled, Entry, text_value
from connector.mapping.expression import Value
from connector.mapping.system_entry import Limits, Port, SystemEntry
from connector.mapping.text import text_of

PORTS = {"postgresql": 5432, "mariadb": 3306}


def word(value: object) -> str:
    """The name of a host, database or user.

    Raises:
        ValueError: it is empty, or has control characters.
    """
    text = text_of(value)
    if not text.strip() or not text.isprintable():
        raise ValueError("must be a name")
    return text


WordText = Annotated[Value, Compiled(text_value, TEXT, word)]


class SqlTls(Entry):
    """TLS to the database: its certificate is checked, with its name."""

    ca: AnyValue | None = Field(
        None, description="Certificates of authorities in PEM; by default those of the system."
    )


class Sql(Limits):
    """A database that speaks SQL."""

    driver: Literal["postgresql", "mariadb"] = Field(description="The database.")
    host: WordText
    port: Port | None = Field(None, description="5432 for PostgreSQL, 3306 for MariaDB.")
    database: WordText
    user: WordText
    password: AnyValue | None = Field(None, description="The password, from a secret setting.")
    tls: SqlTls | None = Field(None, description="Use TLS; without it the connection is plain.")
    concurrency: Annotated[int, Field(ge=1, strict=True)] = Field(
        10, description="Events at once per instance, each with a connection; others wait."
    )


class SqlSystemEntry(SystemEntry):
    """A database, and what its replies mean."""

    protocol = "sql"

    sql: Sql
