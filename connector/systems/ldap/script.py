"""The entries `tests.replies` and `tests.calls` over LDAP, and the connection that replays them."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.script import Different, ExpectedCall, Fault, Script, SentRequest
from connector.systems.ldap.call import CHANGES, METHODS, LdapCall
from connector.systems.ldap.filters import ANYTHING
from connector.systems.ldap.place import Login, Place
from connector.systems.ldap.result import FoundEntry, LdapFailure, LdapResult
from connector.systems.ldap.values import Attribute

_FAULTS: Mapping[Fault, Exception] = {
    "timeout": TimeoutError(),  # as when the guard ends an attempt
    "refused": LdapFailure("connection refused", sent=False),
    "reset": LdapFailure("connection reset", sent=True),
}
_Values = dict[str, str | list[str]]


class ScriptedLdapReply(Entry):
    """A reply of the server in a test; by default code 0, and no entries."""

    code: int = 0
    message: str | None = None
    entry: _Values | None = None
    entries: tuple[_Values, ...] = ()
    fault: Fault | None = Field(None, description="What happens in place of a reply.")

    @model_validator(mode="after")
    def _one_end(self) -> "ScriptedLdapReply":
        if self.fault and len(self.model_fields_set) > 1:
            raise ValueError("has a `fault`, so it has no other key")
        if self.entry is not None and self.entries:
            raise ValueError("has either `entry` or `entries`")
        return self

    @property
    def result(self) -> LdapResult:
        """The result that it stands for."""
        entries = self.entries if self.entry is None else (self.entry,)
        return LdapResult(self.code, self.message or "", tuple(map(_found, entries)))


class ExpectedLdapCall(ExpectedCall):
    """A call that a test expects; keys that are left out are not compared."""

    ldap_search: str | None = None
    ldap_add: str | None = None
    ldap_modify: str | None = None
    ldap_delete: str | None = None
    filter: str | None = None
    attributes: _Values | None = None
    replace: _Values | None = None
    add: _Values | None = None
    delete: _Values | None = None
    assert_: str | None = Field(None, alias="assert")

    @property
    def names_method(self) -> bool:
        """See `ExpectedCall`."""
        return any(getattr(self, method) is not None for method in METHODS)

    def compares(self, call: Call) -> Mapping[str, bool]:
        """See `ExpectedCall`."""
        assert isinstance(call, LdapCall)  # noqa: S101 - the mapping's check refuses others
        sent = {"attributes": bool(call.attributes), "filter": call.filter != ANYTHING}
        sent["assert_"] = call.assertion is not None
        sent.update((kind, True) for kind, _ in call.changes)
        return {
            name.rstrip("_"): getattr(self, name) is not None
            for name, there in sent.items()
            if there
        }


class ScriptedConnection:
    """An `LdapConnection` that answers requests from a script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    reusable = True

    async def connect(self, place: Place, login: Login | None) -> "ScriptedConnection":
        """Return itself; the client calls it in place of `open_connection` of the wire."""
        return self

    async def ask(self, call: LdapCall) -> LdapResult:
        """The scripted reply to a request."""
        reply: ScriptedLdapReply = self._script.reply_to(_SentLdapRequest(call))
        if reply.fault:
            raise _FAULTS[reply.fault]
        return reply.result

    def close(self) -> None:
        """Do nothing: no connection is open."""


class _SentLdapRequest(SentRequest):
    wild = r"[^,]*"

    def __init__(self, call: LdapCall) -> None:
        self.name = f"{call.method} {call.dn}"
        self._call = call

    def differences(self, expected: ExpectedLdapCall) -> Iterator[str | Different]:
        """See `SentRequest`."""
        for method in METHODS:
            name = getattr(expected, method)
            other = f"{method.removeprefix('ldap_').upper()} {name}"
            if name is not None and other != self.name:
                yield f"{self.name} instead of {other}"
        for key, wanted, sent in self._compared(expected):
            if wanted not in (None, sent):
                yield Different(key, sent, wanted)

    def _compared(self, expected: ExpectedLdapCall) -> Iterator[tuple[str, object, object]]:
        """Yield the name, the expected and the sent value of each part."""
        call = self._call
        yield "filter", expected.filter, call.filter
        yield "assert", expected.assert_, call.assertion
        yield "attributes", _listed(expected.attributes), _texts(call.attributes)
        for kind in CHANGES:
            sent = _texts(attribute for one, attribute in call.changes if one == kind)
            yield kind, _listed(getattr(expected, kind)), sent


def _found(entry: _Values) -> FoundEntry:
    held = {name: [one.encode() for one in _list(values)] for name, values in entry.items()}
    name = b"".join(held.pop("dn", []))
    return FoundEntry(name.decode(), held)


def _list(values: str | list[str]) -> list[str]:
    return values if isinstance(values, list) else [values]


def _listed(expected: _Values | None) -> dict[str, list[str]] | None:
    """The expected values by name, each as a list in one order."""
    if expected is None:
        return None
    return {name: sorted(_list(values)) for name, values in expected.items()}


def _texts(sent: Iterable[Attribute]) -> dict[str, list[str]]:
    return {
        name: sorted(value.decode(errors="backslashreplace") for value in values)
        for name, values in sent
    }
