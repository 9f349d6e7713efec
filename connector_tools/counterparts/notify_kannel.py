"""A real Kannel as the counterpart of `mappings/notify-kannel.yaml`: bearerbox, smsbox, fakesmsc.

fakesmsc plays the operator's SMSC and writes down what it gets. Kannel's access log names the
event of each SMS, so that two for one event are found.
"""

import re
import secrets
import shutil
from collections import Counter
from pathlib import Path
from typing import ClassVar, Literal

from connector_tools.counterparts.counterpart import Counterpart, Record
from connector_tools.program import NotInstalled, Program, free_port, listens

_FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
_USER = "nsps-messages"
_CONFIGURATION = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
access-log = "{folder}/access.log"
log-file = "{folder}/bearerbox.log"
log-level = 1

group = smsc
smsc = fake
smsc-id = fake
host = 127.0.0.1
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 1

group = sendsms-user
username = {user}
password = "{password}"
max-messages = 5
concatenation = true

group = sms-service
keyword = default
text = "No service"
"""
_SENT = re.compile(r"Sent SMS .*?\[ACT:([^\]]+)\]")
_GOT = re.compile(r"Got message \d+: <(\S+) (\S+) (\S+) (.*)>$", re.MULTILINE)


class NotifyKannel(Counterpart):
    """A Kannel with its files in `folder`; what it could not deliver is lost when it is killed."""

    mapping = "notify-kannel"
    what = "a real Kannel with fakesmsc"
    by: ClassVar[Literal["imsi", "account", "nothing"]] = "nothing"
    outages = ("suspended", "killed")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.password = f"{secrets.token_hex(8)}&+ü"  # of this run only; it needs encoding
        self._ports = {name: free_port() for name in ("admin", "boxes", "smsc", "http")}
        self._boxes: list[Program] = []

    @property
    def place(self) -> tuple[str, int]:
        """See `Counterpart`."""
        return "127.0.0.1", self._ports["http"]

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "KANNEL_URL": f"http://{host}:{port}",
            "KANNEL_USERNAME": _USER,
            "KANNEL_PASSWORD": self.password,
            "KANNEL_FROM": "Acme",
            "KANNEL_TIMEOUT": "2",
        }

    def start(self) -> None:
        """See `Counterpart`."""
        for name in ("bearerbox", "smsbox", _FAKESMSC):
            if shutil.which(name) is None:
                raise NotInstalled(f"{name} is not installed: apt-get install kannel kannel-extras")
        configuration = self.folder / "kannel.conf"
        filled = {"folder": self.folder, "user": _USER, "password": self.password, **self._ports}
        configuration.write_text(_CONFIGURATION.format(**filled), encoding="utf-8")
        self._run(["bearerbox", "-v", "4", str(configuration)], "boxes")
        self._run(["smsbox", "-v", "4", str(configuration)], "http")
        to = ["-H", "127.0.0.1", "-r", str(self._ports["smsc"])]
        self._run([_FAKESMSC, "-v", "0", *to, "-m", "0", "1 2 text none"])

    def stop(self) -> None:
        """See `Counterpart`."""
        for box in reversed(self._boxes):
            box.kill()
        self._boxes = []

    def begin(self, outage: str) -> None:
        """See `Counterpart`; only the bearerbox is suspended, so that smsbox waits for it."""
        if outage == "killed":
            self.stop()
        else:
            self._boxes[0].suspend()

    def end(self) -> None:
        """See `Counterpart`."""
        if self._boxes:
            self._boxes[0].resume()
        else:
            self.start()

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`; an SMS gateway holds nothing."""
        return {}

    @property
    def received(self) -> list[tuple[str, str, str, str]]:
        """What fakesmsc got: from, to, `text` or `ucs-2`, and the text as fakesmsc writes it."""
        logs = sorted(self.folder.glob("fakesmsc-*.log"))
        return [found for log in logs for found in _GOT.findall(log.read_text(errors="replace"))]

    def doubles(self) -> list[str]:
        """See `Counterpart`: an event with two SMS."""
        log = self.folder / "access.log"
        sent = Counter(_SENT.findall(log.read_text(errors="replace"))) if log.is_file() else {}
        return [f"{count} SMS for one event" for count in sent.values() if count > 1]

    def _run(self, command: list[str], port: str | None = None) -> None:
        """Start a program; wait until it listens at its port, if it has one."""
        name = f"{Path(command[0]).name}-{len(list(self.folder.glob('*.log')))}.log"
        box = Program(command, {}, self.folder / name)
        box.start()
        self._boxes.append(box)
        if port:
            box.wait_until(lambda: listens("127.0.0.1", self._ports[port]))


COUNTERPART = NotifyKannel
