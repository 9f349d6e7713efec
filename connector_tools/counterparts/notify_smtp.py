"""A real Exim as the counterpart of `mappings/notify-smtp.yaml`.

It wants STARTTLS and a login, and delivers into a maildir.
"""

import os
import re
import shutil
import smtplib
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from pwd import getpwuid
from tempfile import mkdtemp
from typing import ClassVar, Literal

from connector_tools.counterparts.counterpart import Counterpart, Record
from connector_tools.program import NotInstalled, Program, free_port

_USER = "nsps-messages"
_CONFIGURATION = """\
primary_hostname = mail.example.com
exim_user = {user}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts = *
tls_certificate = {folder}/certificate.pem
tls_privatekey = {folder}/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = of_a_customer
acl_smtp_data = accept
host_lookup =
keep_environment =
begin acl
of_a_customer:
  accept authenticated = *
  deny message = relaying denied
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = {mails}
  maildir_format
  user = {keeper}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{login}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""
_TAKEN = re.compile(r"\bid (\w+-\w+-\w+)")


class NotifySmtp(Counterpart):
    """An Exim with its queue and its certificate in `folder`."""

    mapping = "notify-smtp"
    what = "a real Exim"
    by: ClassVar[Literal["imsi", "account", "nothing"]] = "nothing"
    outages = ("suspended", "killed")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._password = "password-0"  # noqa: S105 - of this run only
        self._port = free_port()
        self._server: Program | None = None
        self._mails = folder / "mails"

    @property
    def place(self) -> tuple[str, int]:
        """See `Counterpart`."""
        return "127.0.0.1", self._port

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "SMTP_HOST": host,
            "SMTP_PORT": str(port),
            "SMTP_USERNAME": _USER,
            "SMTP_PASSWORD": self._password,
            "SMTP_FROM": "no-reply@acme.example",
            "SMTP_FROM_NAME": "Acme",
            "SMTP_TIMEOUT": "2",
            "SSL_CERT_FILE": str(self.folder / "certificate.pem"),
        }

    def start(self) -> None:
        """See `Counterpart`."""
        if shutil.which("exim4") is None:
            raise NotInstalled("exim4 is not installed: apt-get install exim4-daemon-light")
        configuration = self.folder / "exim.conf"
        if not configuration.exists():
            self._mails = Path(mkdtemp(prefix="mails-"))  # Exim delivers as a user without rights
            write_certificate(self.folder)
            configuration.write_text(self._configuration())
        command = ["exim4", "-bdf", "-q10s", "-C", str(configuration)]
        self._server = Program(command, {}, self.folder / "exim.log")
        self._server.start()
        self._server.wait_until(self._greets)

    def stop(self) -> None:
        """See `Counterpart`."""
        if self._server:
            self._server.kill()

    def __exit__(self, *exc: object) -> None:
        """See `Counterpart`."""
        super().__exit__(*exc)
        shutil.rmtree(self._mails)

    def begin(self, outage: str) -> None:
        """See `Counterpart`."""
        if outage == "killed":
            self.stop()
        elif self._server:
            self._server.suspend()

    def end(self) -> None:
        """See `Counterpart`."""
        if self._server and self._server.ended:
            self.start()
        elif self._server:
            self._server.resume()

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`; a mail server holds nothing about subscribers."""
        return {}

    @property
    def delivered(self) -> list[EmailMessage]:
        """The mails in its maildir, oldest first."""
        files = (self._mails / "new").glob("*")
        return [
            message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=default)
            for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)
        ]

    def doubles(self) -> list[str]:
        """See `Counterpart`: a Message-ID that the server took more than once.

        A mail that it took once and delivered twice, after it was killed, is its own doing.
        """
        taken: dict[str, set[str]] = {}
        for mail in self.delivered:
            names = _TAKEN.findall(str(mail["Received"]))
            taken.setdefault(str(mail["Message-ID"]), set()).update(names)
        return [f"{len(ids)} mails for one event" for ids in taken.values() if len(ids) != 1]

    def _configuration(self) -> str:
        user = getpwuid(os.geteuid()).pw_name
        keeper = "nobody" if user == "root" else user  # Exim never delivers as root
        if keeper != user:
            shutil.chown(self._mails, keeper)
        return _CONFIGURATION.format(
            folder=self.folder,
            mails=self._mails,
            user=user,
            keeper=keeper,
            port=self._port,
            login=_USER,
            password=self._password,
        )

    def _greets(self) -> bool:
        try:
            with smtplib.SMTP(*self.place, timeout=1):
                return True
        except (OSError, smtplib.SMTPException):
            return False


def write_certificate(folder: Path) -> None:
    """Write a certificate for 127.0.0.1, which signs itself, and its key."""
    from cryptography import x509  # noqa: PLC0415 - rarely needed
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - as above

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.com")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").write_bytes(secret)
    (folder / "key.pem").chmod(0o600)


COUNTERPART = NotifySmtp
