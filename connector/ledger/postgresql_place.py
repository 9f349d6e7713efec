"""What a start can say about a PostgreSQL ledger before it connects; TLS of the connections.

This module does not import asyncpg, so that it can say that asyncpg is missing.
"""

import ssl
from importlib.util import find_spec

from connector.settings import PostgresqlUrl


def place_problem(url: PostgresqlUrl) -> str | None:
    """What is wrong before any connection, for `LEDGER_URL: ...`; None if nothing.

    `connector.startup` asks before the server listens.
    """
    if find_spec("asyncpg") is None:
        return (
            "postgresql: needs packages that are not installed: "
            "install nsps-connector[postgresql], or the list requirements/postgresql.txt"
        )
    try:
        tls_context(url)
    except (OSError, ssl.SSLError):  # a file that is missing, unreadable, or without certificates
        return (
            f"{url.authorities} cannot be read as certificates: name a PEM file in sslrootcert, "
            "or leave sslrootcert out"
        )
    return None


def tls_context(url: PostgresqlUrl) -> ssl.SSLContext | None:
    """The TLS context for new connections; None with `sslmode=disable`.

    Raises:
        OSError, ssl.SSLError: the file of `sslrootcert` cannot be used.
    """
    if url.sslmode == "disable":
        return None
    context = ssl.create_default_context(cafile=url.authorities)
    context.check_hostname = url.sslmode == "verify-full"
    if url.sslmode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context
