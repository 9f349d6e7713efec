"""The rules of a stand-in for Huawei's HLR9820 and HSS9860 with their commands (MML); no I/O.

**What is known.** The names of the commands and of the parameters below, and the form of a reply: a
head, the echo of the command between `%%`, `RETCODE = n  TEXT`, and `---    END`.

**What differs between releases.** Most numbers of `Code`, and the names of the lines of LST SUB.
This HLR defines them as below; `mappings/huawei-mml.yaml` has them as settings.

A number belongs to one IMSI. A subscriber has exactly one number. A refused command changes
nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

_COMMAND = re.compile(r"([A-Z]+ [A-Z]+|LGI|LGO)(?::([^;]*))?;")
_PARAMETER = re.compile(r'([A-Z]+)=("[^"]*"|[A-Za-z0-9]+)(,|$)')
_TEXTS = ("IMSI", "NEWIMSI", "ISDN", "NEWISDN", "OPNAME", "PWD")  # stand between quotes
_HLR = "1"  # the number of this HLR
_IMSI = re.compile(r"[0-9]{15}")
_ISDN = re.compile(r"[0-9]{5,15}")
_LOCKS = ("IC", "OC", "GPRSLOCK")


class Code(IntEnum):
    """The numbers after `RETCODE`."""

    SUCCESS = 0
    SYNTAX = 1001
    UNKNOWN_COMMAND = 1002
    BAD_PARAMETER = 1003
    WRONG_PASSWORD = 1015
    TOO_MANY_SESSIONS = 1016
    NOT_LOGGED_IN = 1018
    BUSY = 1020
    READ_ONLY = 1021
    NO_SUBSCRIBER = 3001
    IMSI_EXISTS = 3002
    ISDN_EXISTS = 3003
    NO_TEMPLATE = 3004
    FULL = 3005


class Refused(Exception):  # noqa: N818 - an answer of the HLR, not an error of ours
    """The HLR refuses a command; the text repeats no value of it."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was read: its name, and its parameters without quotes."""

    name: str
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A record: its number, its template, and the locks of incoming and outgoing calls and data."""

    isdn: str = field(repr=False)
    template: str
    locks: Mapping[str, str]


class HuaweiHlr:
    """The subscribers, by IMSI. `templates` are the ids of templates that exist.

    While `read_only` is true every change is refused; while `full` is true every new subscriber.
    """

    def __init__(self, templates: frozenset[str] = frozenset("1")) -> None:
        self.subscribers: dict[str, Subscriber] = {}
        self.read_only = False
        self.full = False
        self._templates = templates
        self._commands: dict[str, tuple[Callable[[Mapping[str, str]], list[str]], str]] = {
            "ADD TPLSUB": (self._add, "HLRSN IMSI ISDN TPLID"),
            "MOD IMSI": (self._mod_imsi, "ISDN NEWIMSI"),
            "MOD ISDN": (self._mod_isdn, "IMSI NEWISDN"),
            "MOD LCK": (self._mod_lock, "IMSI IC OC GPRSLOCK"),
            "RMV SUB": (self._remove, "IMSI"),
            "LST SUB": (self._list, "IMSI"),
        }

    def carry_out(self, command: Command) -> list[str]:
        """Carry out a command in full; returns the lines of its result.

        Raises:
            Refused: the command is refused, and nothing has changed.
        """
        if command.name not in self._commands:
            raise Refused(Code.UNKNOWN_COMMAND, "Command does not exist")
        carry_out, names = self._commands[command.name]
        if set(command.parameters) != set(names.split()):
            raise Refused(Code.BAD_PARAMETER, f"{command.name} takes {names}")
        for name, value in command.parameters.items():
            _check(name, value)
        if self.read_only and command.name != "LST SUB":
            raise Refused(Code.READ_ONLY, "Database is read only")
        return carry_out(command.parameters)

    def _add(self, given: Mapping[str, str]) -> list[str]:
        if self.full:
            raise Refused(Code.FULL, "Licence does not allow more subscribers")
        if given["TPLID"] not in self._templates:
            raise Refused(Code.NO_TEMPLATE, "Template does not exist")
        self._check_free(given["IMSI"], given["ISDN"])
        locks = dict.fromkeys(_LOCKS, "FALSE")
        self.subscribers[given["IMSI"]] = Subscriber(given["ISDN"], given["TPLID"], locks)
        return []

    def _mod_imsi(self, given: Mapping[str, str]) -> list[str]:
        old = next((i for i, one in self.subscribers.items() if one.isdn == given["ISDN"]), None)
        if old is None:
            raise Refused(Code.NO_SUBSCRIBER, "Subscriber does not exist")
        self._check_free(given["NEWIMSI"], None)
        self.subscribers[given["NEWIMSI"]] = self.subscribers.pop(old)
        return []

    def _mod_isdn(self, given: Mapping[str, str]) -> list[str]:
        found = self._known(given["IMSI"])
        if given["NEWISDN"] != found.isdn:
            self._check_free(None, given["NEWISDN"])
        self.subscribers[given["IMSI"]] = replace(found, isdn=given["NEWISDN"])
        return []

    def _mod_lock(self, given: Mapping[str, str]) -> list[str]:
        locks = {name: given[name] for name in _LOCKS}
        self.subscribers[given["IMSI"]] = replace(self._known(given["IMSI"]), locks=locks)
        return []

    def _remove(self, given: Mapping[str, str]) -> list[str]:
        self._known(given["IMSI"])
        del self.subscribers[given["IMSI"]]
        return []

    def _list(self, given: Mapping[str, str]) -> list[str]:
        found = self._known(given["IMSI"])
        values = {"IMSI": given["IMSI"], "ISDN": found.isdn, "TPLID": found.template, **found.locks}
        return [f"{name:>24} = {value}" for name, value in values.items()]

    def _known(self, imsi: str) -> Subscriber:
        if imsi not in self.subscribers:
            raise Refused(Code.NO_SUBSCRIBER, "Subscriber does not exist")
        return self.subscribers[imsi]

    def _check_free(self, imsi: str | None, isdn: str | None) -> None:
        if imsi in self.subscribers:
            raise Refused(Code.IMSI_EXISTS, "IMSI exists already")
        if any(one.isdn == isdn for one in self.subscribers.values()):
            raise Refused(Code.ISDN_EXISTS, "ISDN exists already")


def read_command(line: str) -> Command:
    """The command in a line.

    Raises:
        Refused: the line is not exactly one command.
    """
    found = _COMMAND.fullmatch(line)
    if not found:
        raise Refused(Code.SYNTAX, "Syntax error")
    parameters, rest = {}, found[2] or ""
    while rest:
        part = _PARAMETER.match(rest)
        if not part or part[1] in parameters or (part[3] and part.end() == len(rest)):
            raise Refused(Code.SYNTAX, "Syntax error in a parameter")
        if part[2].startswith('"') != (part[1] in _TEXTS):
            raise Refused(Code.SYNTAX, "Syntax error: quotes")
        parameters[part[1]] = part[2].strip('"')
        rest = rest[part.end() :]
    return Command(found[1], parameters)


def reply_text(line: str, code: Code, text: str, result: list[str]) -> str:
    """The text of a reply to a line."""
    said = "SUCCESS0000" if code is Code.SUCCESS else f"ERR{code:04}"
    head = ["+++    HLR9820        2026-03-02 10:15:32", "SMU    #000042", f"%%{line}%%"]
    lines = [*head, f"RETCODE = {code:d}  {said}:{text}", "", *result, "", "---    END", ""]
    return "\r\n".join(lines)


def _check(name: str, value: str) -> None:
    """Refuse a value that the parameter does not take."""
    form = {"IMSI": _IMSI, "NEWIMSI": _IMSI, "ISDN": _ISDN, "NEWISDN": _ISDN}.get(name)
    if form and not form.fullmatch(value):
        raise Refused(Code.BAD_PARAMETER, f"Value of {name} is out of range")
    if name == "HLRSN" and value != _HLR:
        raise Refused(Code.BAD_PARAMETER, f"Value of {name} is not that of this HLR")
    if name in _LOCKS and value not in ("TRUE", "FALSE"):
        raise Refused(Code.BAD_PARAMETER, f"Value of {name} must be TRUE or FALSE")
