"""What the gateway of `ericsson_cai3g.py` holds: records of an HLR and of an AuC."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from connector_tools.counterparts.stand_in.soap_messages import elements, local, namespace

UNKNOWN, WRONG, EXISTS = "13001", "13002", "301"
_PROVISIONING = "http://schemas.ericsson.com/ema/UserProvisioning/"
_BARRED = re.compile(r"[01]")


class Refused(Exception):  # noqa: N818 - an answer to the caller
    """A fault; `code` is that of CAI3G, `inner` that of the system behind the gateway."""

    def __init__(self, code: str, inner: str | None = None) -> None:
        super().__init__(code)
        self.code, self.inner = code, inner


@dataclass
class ManagedObjects:
    """The records of one MOType. `forms` has the fields and what their values must match.

    `required` are the fields that a new record needs, `unique` those that no two records share and
    that name a record. `keys` of `records` are IMSIs.
    """

    name: str
    forms: Mapping[str, re.Pattern[str]]
    required: tuple[str, ...]
    unique: tuple[str, ...]
    defaults: Mapping[str, str]
    records: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def space(self) -> str:
        """The namespace of its attributes."""
        return f"{_PROVISIONING}{self.name}/"

    @property
    def motype(self) -> str:
        """The text of the element MOType."""
        return f"Subscription@{self.space}"

    def create(self, key: tuple[str, str], given: Element | None) -> None:
        """Add a record."""
        values = self._values("createSubscription", key, given)
        if any(name not in values for name in self.required):
            raise Refused("4006", WRONG)
        self._check_unique(values, None)
        self.records[values["imsi"]] = {**self.defaults, **values}

    def set(self, key: tuple[str, str], given: Element | None) -> None:
        """Change fields of a record and keep the others."""
        values = self._values("setSubscription", key, given)
        imsi = self.find(key)
        if values.get("imsi", imsi) != imsi:
            raise Refused("4006", WRONG)
        self._check_unique(values, imsi)
        self.records[imsi] |= values

    def get(self, key: tuple[str, str]) -> str:
        """The XML of a record."""
        record = dict(self.records[self.find(key)])
        prov = record.pop("nam", None)
        inner = elements(record, "u:")
        inner += f"<u:nam><u:prov>{prov}</u:prov></u:nam>" if prov else ""
        return (
            f"<u:getResponseSubscription xmlns:u='{self.space}'>{inner}</u:getResponseSubscription>"
        )

    def delete(self, key: tuple[str, str]) -> None:
        """Remove a record."""
        del self.records[self.find(key)]

    def find(self, key: tuple[str, str]) -> str:
        """The IMSI of the record that a MOId names."""
        name, value = key
        for imsi, record in self.records.items():
            if record.get(name) == value:
                return imsi
        raise Refused("4006", UNKNOWN)

    def _check_unique(self, values: Mapping[str, str], own: str | None) -> None:
        others = [record for imsi, record in self.records.items() if imsi != own]
        for name in self.unique:
            if name in values and any(record.get(name) == values[name] for record in others):
                raise Refused("4006", EXISTS)

    def _values(self, action: str, key: tuple[str, str], given: Element | None) -> dict[str, str]:
        """The fields of `createSubscription` or `setSubscription`, which names the key again."""
        if given is None or (namespace(given), local(given)) != (self.space, action):
            raise Refused("4004")
        if given.attrib != dict([key]):
            raise Refused("4006", WRONG)
        found: dict[str, str] = {}
        for child in given:
            name = local(child)
            inner = child.find(f"{{{self.space}}}prov") if name == "nam" else child
            text = (inner.text or "").strip() if inner is not None else ""
            form = self.forms.get(name)
            if namespace(child) != self.space or form is None or name in found:
                raise Refused("4004")
            if not form.fullmatch(text):
                raise Refused("4006", WRONG)
            found[name] = text
        if found.get(key[0], key[1]) != key[1]:
            raise Refused("4006", WRONG)
        return found


def hlr() -> ManagedObjects:
    """An empty HLR: a subscriber needs a number."""
    forms = {
        "imsi": re.compile(r"[0-9]{15}"),
        "msisdn": re.compile(r"[0-9]{5,15}"),
        **dict.fromkeys(("obo", "obi", "nam"), _BARRED),
    }
    needed = ("imsi", "msisdn")
    return ManagedObjects("GsmHlr", forms, needed, needed, {"obo": "0", "obi": "0", "nam": "0"})


def auc() -> ManagedObjects:
    """An empty AuC."""
    forms = {"imsi": re.compile(r"[0-9]{15}"), "keyProfile": re.compile(r"[A-Za-z0-9_-]+")}
    return ManagedObjects("GsmAuc", forms, ("imsi", "keyProfile"), ("imsi",), {})
