"""TLS to a real PostgreSQL and a real MariaDB, with an authority of one's own."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from connector.systems.sql import mariadb, postgresql
from connector.systems.sql.connection import Connect, Lost, Place
from connector_tools.counterparts.real.mariadb import Mariadb
from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import NotInstalled

_NEW = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"


def certificate(server: Postgresql | Mariadb) -> tuple[Path, Path]:
    """A key, and a certificate for `localhost` that is its own authority."""
    key, made = server.folder / "key.pem", server.folder / "certificate.pem"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(made)]
    command = ["/usr/bin/openssl", *_NEW.split(), *names]
    subprocess.run(command, check=True, capture_output=True)
    for file in (key, made):
        file.chmod(0o600)
        shutil.chown(file, server.folder.owner())
    return key, made


@pytest.mark.parametrize("driver", ["postgresql", "mariadb"])
async def test_the_certificate_of_the_database_is_checked(driver: str) -> None:
    connect: Connect = postgresql.connect if driver == "postgresql" else mariadb.connect
    server = Postgresql() if driver == "postgresql" else Mariadb()
    try:
        server.program("psql" if driver == "postgresql" else "mariadbd")
    except NotInstalled as error:
        pytest.skip(str(error))
    key, made = certificate(server)
    server.prepare()
    prefix = "ssl_{}_file" if driver == "postgresql" else "ssl-{}"
    server.settings |= {prefix.format("cert"): str(made), prefix.format("key"): str(key)}
    if driver == "postgresql":
        server.settings["ssl"] = "on"
    own, others = ssl.create_default_context(cadata=made.read_text()), ssl.create_default_context()

    def place(host: str, tls: ssl.SSLContext) -> Place:
        database = "postgres" if driver == "postgresql" else "mysql"
        return Place(host, server.port, database, "secure", "secure", tls, 5, 5)

    with server:
        if driver == "postgresql":
            server.run("create user secure password 'secure'")
        else:
            server.run(
                "create user secure@'127.0.0.1' identified by 'secure' require ssl;"
                " grant select on mysql.* to secure@'127.0.0.1'"
            )
        (await connect(place("localhost", own))).close()
        with pytest.raises(Lost, match="for another name"):
            await connect(place("127.0.0.1", own))
        with pytest.raises(Lost, match="unknown authority"):
            await connect(place("localhost", others))
        await asyncio.sleep(0.05)
